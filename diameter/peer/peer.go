package peer

import (
	"context"
	"log/slog"
	"net/netip"
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
	told    throttle      // of connections refused in its name
	notices chan notice   // to run, which has taken what was sent
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
	reason    error          // why the last connection ended
	tried     netip.AddrPort // whom the last attempt to connect reached, or tried to

	phase   *time.Timer // bounds a state of the machine
	retry   *time.Timer // until the next attempt to connect
	tw      *time.Timer // of the watchdog
	twSet   time.Time
	patient *time.Timer // until the newcomer is rejected
	drain   *time.Timer // bounds drained
}

// forever is for timers that are not running.
const forever = 1 << 62

func newPeer(t *Table, config PeerConfig) *peer {
	p := &peer{
		table: t, config: config, log: t.config.Log.With("peer", config.Host),
		notices: make(chan notice), ended: make(chan struct{}),
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
