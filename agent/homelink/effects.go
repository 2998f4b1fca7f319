package homelink

import (
	"fmt"
	"net/netip"
	"time"

	"homeagent/agent/homelink/defence"
	"homeagent/agent/homelink/neighbor"
)

// apply carries out what the machine wants done and has its timer looked at anew.
// Callers hold the lock, so that effects take place in order.
func (l *Link) apply() {
	l.carryOut(l.machine.Effects())
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

func (l *Link) carryOut(effects []defence.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case defence.Join:
			if l.port != nil {
				l.note(l.port.Join(e.Group))
			}
		case defence.Leave:
			if l.port != nil {
				l.note(l.port.Leave(e.Group))
			}
		case defence.Send:
			l.send(e)
		case defence.Decided:
			l.decide(e)
		case defence.Conflict:
			l.reportConflict(e)
		}
	}
}

// send fails the claim whose probe cannot be sent: nothing was asked, so silence
// says nothing.
func (l *Link) send(e defence.Send) {
	if l.port == nil {
		return
	}
	packet, err := neighbor.Append(nil, &e.Message)
	if err == nil {
		err = l.port.Send(e.To, packet)
	}
	l.note(err)
	if err != nil && e.Message.Kind == neighbor.Solicitation {
		l.fail(e.For, fmt.Errorf("%w: %w", ErrDown, err))
	}
}

// fail ends the probing for a home address without a decision.
func (l *Link) fail(home netip.Addr, err error) {
	l.machine.Cancel(home)
	l.answer(home, fmt.Errorf("claiming %s: %w", home, err))
	l.carryOut(l.machine.Effects())
}

func (l *Link) decide(d defence.Decided) {
	switch d.Verdict {
	case defence.Unique:
		l.answer(d.HomeAddress, nil)
	case defence.Duplicate:
		l.log.Warn("an address for a mobile node is in use by another node", "home_address", d.HomeAddress, "address", d.Address, "link_address", d.By)
		l.answer(d.HomeAddress, fmt.Errorf("claiming %s: %w: %s at %s", d.HomeAddress, ErrDuplicate, d.Address, d.By))
	case defence.Withdrawn:
		l.answer(d.HomeAddress, fmt.Errorf("claiming %s: %w", d.HomeAddress, ErrReleased))
	}
}

// reportConflict writes no more than a line in conflictPause: what comes from the
// link is anybody's. All are counted.
func (l *Link) reportConflict(c defence.Conflict) {
	now := time.Now()
	if now.Sub(l.reported) < conflictPause {
		return
	}
	l.reported = now
	l.log.Warn("another node advertises an address that is held for a mobile node", "address", c.Address, "link_address", c.By)
}

const conflictPause = 10 * time.Second

// answer tells all who wait.
func (l *Link) answer(home netip.Addr, err error) {
	for _, decision := range l.waiting[home] {
		decision <- err
	}
	delete(l.waiting, home)
}

// note counts an error of the port. It is not lost: a port that is of no use any
// more fails in Receive.
func (l *Link) note(err error) {
	if err == nil {
		return
	}
	l.errors++
	l.log.Debug("the home link refuses", "error", err)
}
