package peer

import (
	"errors"
	"math/rand/v2"
	"time"

	"homeagent/diameter/peer/machine"
)

// electPatience is how long an accepted connection waits for one that we are
// dialling, so that they can be elected from.
const electPatience = time.Second

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
