package peer

import (
	"errors"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
)

// converse reads a connection until it ends, beginning with first.
func (p *peer) converse(c *conn, first func(*conn) error) {
	err := first(c)
	if err == nil {
		err = p.read(c)
	}
	fault, bad := errors.AsType[*diameter.FrameError](err)
	if bad {
		c.reset(fault)
	}
	c.abort(err)
	if reason := c.err; !bad || !errors.Is(reason, errEnded) {
		err = reason
	}
	p.notify(notice{kind: lost, conn: c, err: err})
}

// read waits until the connection is open, or the other end has left, and then
// reads messages until it ends.
func (p *peer) read(c *conn) error {
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	select {
	case <-c.settled:
	case <-c.gone:
	}
	for c.open.Load() && c.out.room(c.gone, nil) {
		m, err := c.next()
		if err != nil {
			return p.unreadable(c, err)
		}
		c.touch()
		p.receiveMessage(c, m)
	}
	c.discard()
	return errEnded
}

// unreadable ends a connection whose next message cannot be found. If it was a
// request, it is answered first (RFC 6733 section 7.1.5).
func (p *peer) unreadable(c *conn, err error) error {
	fault, ok := errors.AsType[*diameter.FrameError](err)
	if !ok || fault.Header == nil || !fault.Header.Request() || !c.open.Load() {
		return err
	}
	req := &diameter.Message{Header: *fault.Header}
	f := &diameter.Failure{Code: fault.Code, Text: fault.Error()}
	if refusal := p.permit(c, req.Header); refusal != nil && !betweenPeers(req.Header) {
		f = refusal
	}
	c.send(diameter.NewFailure(req, p.table.config.identity(), f))
	c.finish()
	c.discard()
	return err
}

// receiveMessage sees to one message on an open connection. The base protocol's
// are answered here and now, whatever else waits.
func (p *peer) receiveMessage(c *conn, m *diameter.Message) {
	if c.poke.CompareAndSwap(true, false) {
		p.notify(notice{kind: heard, conn: c})
	}
	switch between := betweenPeers(m.Header); {
	case between && m.Request():
		p.receiveBaseRequest(c, m)
	case between:
		p.receiveBaseAnswer(c, m)
	case m.Request():
		p.request(c, m)
	case c.asked.answer(m):
		p.state.count.answersReceived.Add(1)
	default:
		p.state.count.unknownAnswers.Add(1)
	}
}

// betweenPeers reports whether a message is one that peers exchange about
// themselves.
func betweenPeers(h diameter.Header) bool {
	if h.Application != 0 {
		return false
	}
	return h.Command == diam.CapabilitiesExchange || h.Command == diam.DeviceWatchdog || h.Command == diam.DisconnectPeer
}

func (p *peer) receiveBaseRequest(c *conn, m *diameter.Message) {
	switch m.Command {
	case diam.DeviceWatchdog:
		p.answerDWR(c, m)
	case diam.DisconnectPeer:
		p.answerDPR(c, m)
	default:
		c.send(base.NewCEA(m, c.own, &diameter.Failure{Code: diameter.UnableToComply, Text: "the connection is open already"}))
	}
}

func (p *peer) receiveBaseAnswer(c *conn, m *diameter.Message) {
	switch m.Command {
	case diam.DeviceWatchdog:
		p.noteState(base.ReadDWA(m))
		p.notify(notice{kind: gotDWA, conn: c, msg: m})
	case diam.DisconnectPeer:
		p.notify(notice{kind: gotDPA, conn: c, msg: m})
	default:
		p.state.count.unknownAnswers.Add(1)
	}
}

func (p *peer) answerDWR(c *conn, m *diameter.Message) {
	p.state.count.watchdogsReceived.Add(1)
	state, f := base.ReadDWR(m)
	c.send(base.NewAnswer(m, p.table.config.identity(), f))
	p.noteState(state)
}

// answerDPR leaves the answer to a good DPR to the state machine.
func (p *peer) answerDPR(c *conn, m *diameter.Message) {
	cause, f := base.ReadDPR(m)
	if f != nil {
		c.send(base.NewAnswer(m, p.table.config.identity(), f))
		return
	}
	p.notify(notice{kind: gotDPR, conn: c, msg: m, why: cause})
}
