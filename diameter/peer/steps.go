package peer

import (
	"errors"
	"fmt"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
	"homeagent/diameter/peer/machine"
)

// errWatchdog is why the watchdog closes a connection.
var errWatchdog = errors.New("the peer did not answer DWR in time")

// step lets an event happen and does what the machine says.
func (p *peer) step(e machine.Event, c *conn) {
	before := p.machine
	actions, next := machine.Step(before, e)
	was := p.current()
	p.machine = next
	elect := false
	for _, a := range actions {
		elect = elect || a == machine.Elect
		p.act(a, c, before)
	}
	if next != before {
		p.entered(before, was)
	}
	if elect && machine.Wins(p.table.config.Host, p.config.Host) {
		p.step(machine.WinElection, nil)
	}
}

// act does one action, but for Elect. C is the connection of the event.
func (p *peer) act(a machine.Action, c *conn, before machine.State) {
	switch a {
	case machine.SndConnReq:
		p.dial()
	case machine.SndCER:
		p.sendCER(c)
	case machine.RAccept:
		p.responded = c
	case machine.RReject:
		c.rejectCER("another connection of this peer is in use")
	case machine.RSndCEA:
		p.responded.acceptCER()
	case machine.IDisc:
		p.dialled.cancel()
		p.disconnect(&p.initiated)
	case machine.RDisc:
		if p.responded != nil && before.Waiting() {
			p.responded.loseElection()
		}
		p.disconnect(&p.responded)
	case machine.SndDPR:
		p.sendDPR()
	case machine.SndDPA:
		p.current().send(base.NewAnswer(p.dpr, p.table.config.identity(), nil))
	case machine.Disc:
		p.disconnect(&p.initiated)
		p.disconnect(&p.responded)
	case machine.Error:
		p.dialled.cancel()
		p.cut(&p.initiated)
		p.cut(&p.responded)
	}
}

func (p *peer) sendCER(c *conn) {
	p.initiated = c
	m := base.NewCER(c.own)
	p.table.identify(m, c)
	c.send(m)
}

func (p *peer) sendDPR() {
	c := p.current()
	m := base.NewDPR(p.table.config.identity(), *p.leaving)
	p.table.identify(m, c)
	p.dprID = m.HopByHop
	c.send(m)
}

func (p *peer) sendDWR(c *conn) {
	m := base.NewDWR(p.table.config.identity())
	p.table.identify(m, c)
	p.dwrID = m.HopByHop
	p.state.count.watchdogsSent.Add(1)
	c.send(m)
}

// disconnect ends a connection when all is written.
func (p *peer) disconnect(c **conn) {
	if *c != nil {
		(*c).finish()
		*c = nil
	}
}

// cut ends a connection at once.
func (p *peer) cut(c **conn) {
	if *c != nil {
		(*c).abort(errEnded)
		*c = nil
	}
}

// entered sees to the consequences of a new state. Was is the connection that
// was open or closing before.
func (p *peer) entered(before machine.State, was *conn) {
	timers := p.table.config.Timers
	switch {
	case p.machine == machine.WaitConnAck && before == machine.Closed:
		p.phase.Reset(timers.Handshake)
	case p.machine == machine.WaitConnAckElect:
		p.phase.Reset(electPatience)
	case before == machine.WaitConnAckElect && p.machine.Waiting():
		p.phase.Reset(timers.Handshake)
	case p.machine.Open():
		p.opened()
	case p.machine == machine.Closing:
		p.closing(was)
	case p.machine == machine.Closed:
		p.closed(before)
	}
	p.publish()
}

// opened puts a connection into service.
func (p *peer) opened() {
	c := p.current()
	p.phase.Stop()
	p.retry.Stop()
	p.reason = nil
	p.backoff.opened(time.Now())
	p.state.count.connections.Add(1)
	p.noteState(c.caps.OriginStateID)
	c.net.SetReadDeadline(time.Time{}) // failing, the reader finds out
	c.touch()
	c.settle(true)
	p.apply(p.dog.Up())
	p.tell(Change{Kind: Connected, Remote: c.remote})
}

// closing is the time between DPR and the end of the connection. What we asked
// goes to other peers.
func (p *peer) closing(c *conn) {
	p.phase.Reset(p.table.config.Timers.Disconnect)
	p.tw.Stop()
	p.dog.Ended()
	c.closing.Store(true)
	c.asked.failover()
}

// closed sees to the time without a connection.
func (p *peer) closed(before machine.State) {
	p.phase.Stop()
	p.tw.Stop()
	p.dpr = nil
	if before.Open() {
		p.apply(p.dog.Lost())
	}
	p.noteEnd(before)
	if newcomer := p.newcomer; newcomer != nil && p.leaving == nil {
		p.newcomer = nil
		p.patient.Stop()
		p.step(machine.RConnCER, newcomer)
		return
	}
	if p.config.Connect != "" && p.leaving == nil {
		p.retryLater()
	}
}

// noteEnd keeps and tells why there is no connection; the same failure to connect
// is told once.
func (p *peer) noteEnd(before machine.State) {
	if before.Open() || before == machine.Closing {
		kind := Disconnected
		if p.reason != nil {
			kind = Broken
		}
		p.tell(Change{Kind: kind, Err: p.reason})
	} else if p.reason != nil {
		r := p.unreached(p.reason)
		if p.state.isNews(p.reason) {
			p.tell(Change{Kind: Unreachable, Err: p.reason, Remote: r.Remote, Reason: r.Reason})
		}
	}
	p.state.fail(p.reason, time.Now())
	p.reason = nil
}

// apply does what the watchdog demands.
func (p *peer) apply(e machine.Effects) {
	c := p.current()
	if e.Has(machine.SendDWR) {
		p.sendDWR(c)
	}
	if e.Has(machine.SetTimer) {
		p.twSet = time.Now()
		p.tw.Reset(p.interval())
	}
	if e.Has(machine.Failover) && c != nil {
		p.state.count.failovers.Add(1)
		p.tell(Change{Kind: Suspected})
		c.poke.Store(true)
		c.asked.failover()
	}
	if e.Has(machine.Failback) {
		p.tell(Change{Kind: Trusted})
		c.asked.failback()
	}
	if e.Has(machine.Close) {
		c.abort(errWatchdog)
	}
	p.publish()
}

// publish shows others what they may know.
func (p *peer) publish() {
	var c *conn
	if p.machine.Open() {
		c = p.current()
	}
	p.state.set(p.machine, p.dog.Health(), c, time.Now())
}

// noteState compares an Origin-State-Id with the one before: a greater one says
// that the peer lost its sessions (RFC 6733 section 8.16).
func (p *peer) noteState(id uint32) {
	if before, grew := p.state.originState(id); grew {
		p.tell(Change{Kind: StateLost, Err: fmt.Errorf("its Origin-State-Id was %d and is %d", before, id)})
	}
}

// acceptCER answers the CER with success.
func (c *conn) acceptCER() { c.send(base.NewCEA(c.cer, c.own, nil)) }

// loseElection answers the CER of a connection that gives way to another.
func (c *conn) loseElection() {
	c.send(base.NewCEA(c.cer, c.own, &diameter.Failure{
		Code: diameter.ElectionLost, Text: "another connection between us won the election"}))
}

// rejectCER ends a connection that is not wanted.
func (c *conn) rejectCER(why string) {
	c.send(base.NewCEA(c.cer, c.own, &diameter.Failure{Code: diameter.UnableToComply, Text: why}))
	c.finish()
}
