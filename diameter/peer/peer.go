package peer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
	"homeagent/diameter/peer/machine"
)

// A peer is one listed peer. Its goroutine, run, owns the state machines and
// decides; connections and the rest of the Table send it notices. It never
// waits for a connection.
type peer struct {
	table   *Table
	config  PeerConfig
	log     *slog.Logger
	work    workers
	state   state         // what others see
	notices chan notice   // to run
	ended   chan struct{} // closed when run has ended

	// requests is the context of the handler's work, and cancel ends it.
	requests context.Context
	cancel   context.CancelFunc

	// The rest belongs to run.
	machine   machine.State
	dog       machine.Watchdog
	initiated *conn // the connection we dialled
	responded *conn // the connection we accepted
	newcomer  *conn // a second one, while the first is asked whether it is alive
	dialled   dialling
	dpr       *diameter.Message // the peer's, to be answered
	dwrID     uint32            // Hop-by-Hop Identifier of the last DWR
	dprID     uint32            // and of our DPR
	leaving   *base.Cause       // why we end, nil while we do not
	drained   <-chan struct{}   // closed when nothing is in progress, while leaving
	backoff   backoff
	reason    error // why the last connection ended

	phase   *time.Timer // bounds a state of the machine
	retry   *time.Timer // until the next attempt to connect
	tw      *time.Timer // of the watchdog
	twSet   time.Time
	patient *time.Timer // until the newcomer is rejected
	drain   *time.Timer // bounds drained
}

// A notice tells run what happened.
type notice struct {
	kind noticeKind
	conn *conn
	msg  *diameter.Message
	err  error
	dial int // which attempt, for dialFailed and dialDone
	why  base.Cause
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

// electPatience is how long an accepted connection waits for one that we are
// dialling, so that they can be elected from.
const electPatience = time.Second

// newcomerPatience is how long a second connection waits for a sign of life on
// the first one. A peer that restarted without a farewell has forgotten the
// first, and its host will say so.
const newcomerPatience = 2 * time.Second

// forever is for timers that are not running.
const forever = 1 << 62

func newPeer(t *Table, config PeerConfig) *peer {
	p := &peer{
		table: t, config: config, log: t.config.Log.With("peer", config.Host),
		notices: make(chan notice, 16), ended: make(chan struct{}),
	}
	p.work.limit, p.work.depth = t.config.Limits.Workers, t.config.Limits.Queue
	p.backoff.limit = t.config.Timers.Reconnect
	p.state.set(machine.Closed, machine.Initial, nil, time.Now())
	return p
}

// notify passes a notice to run; false if it has ended.
func (p *peer) notify(n notice) bool {
	select {
	case p.notices <- n:
		return true
	case <-p.ended:
		return false
	}
}

// run lives until the peer is told to leave and its connections are closed.
func (p *peer) run(ctx context.Context) {
	p.requests, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer p.cancel()
	defer close(p.ended)
	for _, timer := range []**time.Timer{&p.phase, &p.retry, &p.tw, &p.patient, &p.drain} {
		*timer = time.NewTimer(forever)
		defer (*timer).Stop()
	}
	if p.config.Connect != "" {
		p.retry.Reset(0)
	}
	for p.leaving == nil || p.machine != machine.Closed {
		p.wait()
	}
	p.dropNewcomer("this node is shutting down")
	p.finishWork()
}

// finishWork gives requests whose connection is gone the time to finish.
func (p *peer) finishWork() {
	p.drain.Reset(p.table.config.Timers.Drain)
	select {
	case <-p.work.done():
	case <-p.drain.C:
	}
	p.cancel()
	<-p.work.done()
}

// wait waits for one thing to happen and sees to it.
func (p *peer) wait() {
	select {
	case n := <-p.notices:
		p.handle(n)
	case <-p.phase.C:
		p.overdue()
	case <-p.retry.C:
		p.step(machine.Start, nil)
	case <-p.tw.C:
		p.watch()
	case <-p.patient.C:
		p.dropNewcomer("another connection of this peer is alive")
	case <-p.drained:
		p.part()
	case <-p.drain.C:
		p.log.Warn("requests in progress were cut off", "after", p.table.config.Timers.Drain)
		p.part()
	}
}

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

// current is the open or closing connection, nil if there is none.
func (p *peer) current() *conn {
	switch {
	case p.machine.Waiting() || p.machine == machine.Closed:
		return nil
	case p.initiated != nil:
		return p.initiated
	}
	return p.responded
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

// leave begins the end: requests in progress may finish first.
func (p *peer) leave(why base.Cause) {
	p.leaving = &why
	p.retry.Stop()
	p.state.draining.Store(true)
	if !p.machine.Open() {
		p.step(machine.Stop, nil)
		return
	}
	p.drained = p.work.done()
	p.drain.Reset(p.table.config.Timers.Drain)
}

// part says farewell to the peer.
func (p *peer) part() {
	p.drained = nil
	p.drain.Stop()
	p.cancel()
	p.step(machine.Stop, nil)
}

// overdue is the end of the time that a state may last.
func (p *peer) overdue() {
	switch p.machine {
	case machine.WaitConnAckElect:
		p.dialled.cancel()
		p.step(machine.IRcvConnNack, nil)
	case machine.Closing:
		p.step(machine.Timeout, nil)
	default:
		p.reason = errors.New("the peer did not complete the connection in time")
		p.step(machine.Timeout, nil)
	}
}

// watch is the end of Tw. Messages received since it was set have moved it on
// (RFC 3539 section 3.4.1), which is found out only now: it costs them nothing.
func (p *peer) watch() {
	c := p.current()
	if c == nil {
		return
	}
	if heard := c.lastReceived(); p.dog.Health() == machine.Okay && heard.After(p.twSet) {
		p.twSet = heard
		p.tw.Reset(max(0, p.interval()-time.Since(heard)))
		return
	}
	p.apply(p.dog.Expired())
}

// interval is Tw with its jitter.
func (p *peer) interval() time.Duration {
	const jitter = 2 * time.Second
	return p.table.config.Timers.Watchdog - jitter + rand.N(2*jitter)
}
