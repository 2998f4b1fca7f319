package peer

import (
	"errors"
	"net/netip"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
	"homeagent/diameter/peer/machine"
)

// A notice tells run what happened.
type notice struct {
	kind noticeKind
	conn *conn
	msg  *diameter.Message
	err  error
	dial int // which attempt, for dialFailed and dialDone
	why  base.Cause

	remote netip.AddrPort // of dialFailed, if it is known
}

type noticeKind int

const (
	cameIn     noticeKind = iota // an accepted connection with an acceptable CER
	dialDone                     // our connection is up
	dialFailed                   // it is not
	gotCEA                       // the first message on a connection we dialled
	gotDWA
	gotDPR
	gotDPA
	heard // another message, after a poke
	lost  // the connection ended
	leave // the peer is no longer wanted, or the Table ends
)

// newcomerPatience is how long a second connection waits for a sign of life on
// the first one. A peer that restarted without a farewell has forgotten the
// first, and its host will say so.
const newcomerPatience = 2 * time.Second

func (p *peer) handle(n notice) {
	switch n.kind {
	case cameIn:
		p.receiveCER(n.conn)
	case dialDone:
		p.dialDone(n)
	case dialFailed:
		p.dialFailed(n)
	case lost:
		p.lost(n)
	case leave:
		p.leave(n.why)
	default:
		if n.conn == p.current() || n.kind == gotCEA && n.conn == p.initiated {
			p.receive(n)
		}
	}
}

// receive sees to a message on a connection that is one of ours.
func (p *peer) receive(n notice) {
	switch n.kind {
	case gotCEA:
		p.receiveCEA(n)
	case gotDPR:
		p.dpr = n.msg
		p.backoff.farewell(n.why, p.table.config.Timers.Busy)
		p.reason = nil
		p.log.Info("the peer disconnects", "cause", n.why)
		p.step(machine.RcvDPR, n.conn)
	case gotDPA:
		if n.msg.HopByHop == p.dprID {
			p.step(machine.RcvDPA, n.conn)
		}
	case gotDWA:
		if n.msg.HopByHop == p.dwrID {
			p.apply(p.dog.ReceivedDWA())
		} else {
			p.apply(p.dog.Received())
		}
		p.dropNewcomer("another connection of this peer is alive")
	case heard:
		p.apply(p.dog.Received())
		p.dropNewcomer("another connection of this peer is alive")
	}
}

// receiveCER sees to a new connection whose CER was found good. If the peer has
// one already, the first is asked for a sign of life before the second is
// rejected.
func (p *peer) receiveCER(c *conn) {
	switch {
	case p.leaving != nil:
		c.rejectCER("this node is shutting down")
		return
	case p.machine == machine.Closing:
		p.step(machine.Timeout, nil) // it has done with the first
	case p.machine.Open() && p.newcomer == nil:
		p.newcomer = c
		p.patient.Reset(newcomerPatience)
		p.current().poke.Store(true)
		p.apply(p.dog.Probe())
		return
	}
	p.step(machine.RConnCER, c)
}

func (p *peer) dropNewcomer(why string) {
	if p.newcomer == nil {
		return
	}
	p.newcomer.rejectCER(why)
	p.newcomer = nil
	p.patient.Stop()
}

// receiveCEA judges the answer to our CER.
func (p *peer) receiveCEA(n notice) {
	if err := p.table.judgeCEA(p.config, n.conn, n.msg); err != nil {
		p.reason = err
		p.backoff.refused(err)
		p.step(machine.IRcvNonCEA, n.conn)
		return
	}
	p.step(machine.IRcvCEA, n.conn)
}

// lost sees to the end of a connection.
func (p *peer) lost(n notice) {
	switch n.conn {
	case p.newcomer:
		p.newcomer = nil
		p.patient.Stop()
	case p.initiated:
		p.noteLoss(n.err)
		p.step(machine.IPeerDisc, n.conn)
	case p.responded:
		p.noteLoss(n.err)
		p.step(machine.RPeerDisc, n.conn)
	}
}

// noteLoss keeps the reason why a connection ended, if that was not expected.
func (p *peer) noteLoss(err error) {
	if p.machine != machine.Closing && !errors.Is(err, errEnded) {
		p.reason = err
	}
}
