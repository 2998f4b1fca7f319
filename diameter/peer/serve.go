package peer

import (
	"time"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/diameter/peer/replay"
)

// A waiter is a copy of a request that waits for the answer to another copy.
type waiter struct {
	peer *peer
	conn *conn
	req  *diameter.Message
}

// request sees to a request of an application.
func (p *peer) request(c *conn, m *diameter.Message) {
	if c.closing.Load() {
		return // after DPR nothing new is begun; it comes again by another way
	}
	p.state.count.requestsReceived.Add(1)
	if f := p.admit(c, m.Header); f != nil {
		p.state.count.refused.Add(1)
		p.answer(c, m, diameter.NewFailure(m, p.table.config.identity(), f))
		return
	}
	key, known := replay.KeyOf(m)
	if known && p.seenBefore(c, m, key) {
		return
	}
	if p.state.draining.Load() || !p.work.submit(func() { p.serve(c, m, key, known) }) {
		p.busy(c, m)
		for _, w := range p.table.memory.Forget(key) {
			w.peer.busy(w.conn, w.req)
		}
	}
}

// permit asks the handler whether the peer may ask this.
func (p *peer) permit(c *conn, h diameter.Header) *diameter.Failure {
	if p.table.config.Handler == nil {
		return nil
	}
	return p.table.config.Handler.Admit(c.info, h)
}

// admit makes the checks of the header, the handler's first.
func (p *peer) admit(c *conn, h diameter.Header) *diameter.Failure {
	if f := p.permit(c, h); f != nil {
		return f
	}
	if f := h.CheckBits(); f != nil {
		return f
	}
	command, application := false, false
	if p.table.config.Commands != nil {
		command, application = p.table.config.Commands(h.Application, h.Command)
	}
	switch {
	case !application:
		return &diameter.Failure{Code: diameter.ApplicationUnsupported, Text: "this application is not known here"}
	case !command:
		return &diameter.Failure{Code: diameter.CommandUnsupported, Text: "this command is not known in this application"}
	}
	return nil
}

// seenBefore reports whether the request was begun before; then it has been seen
// to.
func (p *peer) seenBefore(c *conn, m *diameter.Message, key replay.Key) bool {
	verdict, answer := p.table.memory.Begin(key, waiter{p, c, m}, time.Now())
	switch verdict {
	case replay.Fresh:
		return false
	case replay.Answered:
		p.repeat(c, m, answer)
	case replay.Crowded:
		p.busy(c, m)
	}
	p.state.count.duplicates.Add(1)
	return true
}

// serve has a request answered by the handler, in a worker.
func (p *peer) serve(c *conn, m *diameter.Message, key replay.Key, known bool) {
	memory := p.table.memory
	answer := p.table.config.Handler.Serve(p.requests, c.info, m)
	if answer == nil {
		m.Wipe()
		memory.Forget(key)
		return
	}
	answer.Flags &^= diameter.FlagRequest | diameter.FlagRetransmit
	answer.HopByHop, answer.EndToEnd = m.HopByHop, m.EndToEnd
	frame := answer.Append(nil)
	m.Wipe()
	var waiting []waiter
	if known && !transient(answer) && p.requests.Err() == nil {
		waiting = memory.Finish(key, frame, time.Now())
	} else {
		waiting = memory.Forget(key)
	}
	if c.reply(frame) {
		p.state.count.answersSent.Add(1)
	}
	for _, w := range waiting {
		w.peer.repeat(w.conn, w.req, frame)
	}
}

// transient reports whether the same request deserves another try.
func transient(answer *diameter.Message) bool {
	a, ok := answer.Find(avp.ResultCode, 0)
	if !ok {
		return false
	}
	code, err := a.Unsigned32()
	return err == nil && diameter.ResultCode(code) == diameter.TooBusy
}

// repeat answers a copy of a request as the first one.
func (p *peer) repeat(c *conn, m *diameter.Message, frame []byte) {
	answer, err := replay.Again(frame, m)
	if err != nil {
		p.log.Error("repeating an answer", "error", err) // we encoded it
		return
	}
	p.answer(c, m, answer)
}

// busy refuses a request that might be served later, or elsewhere. TOO_BUSY is
// only for those that ask for this very node (RFC 6733 section 7.1.3).
func (p *peer) busy(c *conn, m *diameter.Message) {
	p.state.count.tooBusy.Add(1)
	f := &diameter.Failure{Code: diameter.UnableToDeliver, Text: "too many requests are in progress"}
	if _, ok := m.Find(avp.DestinationHost, 0); ok {
		f.Code = diameter.TooBusy
	}
	p.answer(c, m, diameter.NewFailure(m, p.table.config.identity(), f))
}

// answer sends an answer, and wipes the request, whose data are in it.
func (p *peer) answer(c *conn, req, answer *diameter.Message) {
	if !c.closing.Load() && c.send(answer) {
		p.state.count.answersSent.Add(1)
	}
	req.Wipe()
}
