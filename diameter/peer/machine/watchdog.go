package machine

import "strings"

// Health is the status of a peer in RFC 3539 appendix A.
type Health uint8

// The states of health. A peer is INITIAL until its first connection, and again
// after a connection ended on purpose.
const (
	Initial Health = iota
	Okay
	Suspect
	Down
	Reopen
)

var healthNames = [...]string{"INITIAL", "OKAY", "SUSPECT", "DOWN", "REOPEN"}

// String is the status' name in the RFC.
func (h Health) String() string { return name(healthNames[:], uint8(h)) }

// Effects are what the watchdog demands, a set.
type Effects uint8

// The effects. SetTimer starts the timer Tw anew; Failover gives pending
// requests to other peers; Failback uses the peer again.
const (
	SendDWR Effects = 1 << iota
	SetTimer
	Failover
	Failback
	Close
)

var effectNames = [...]string{"SendDWR", "SetTimer", "Failover", "Failback", "Close"}

// Has reports whether all of f are in e.
func (e Effects) Has(f Effects) bool { return e&f == f }

// String lists the effects.
func (e Effects) String() string {
	var names []string
	for i, n := range effectNames {
		if e.Has(1 << i) {
			names = append(names, n)
		}
	}
	return strings.Join(names, "+")
}

// reopenDWAs is the number of answers that a connection owes after a failure
// before it is used again.
const reopenDWAs = 3

// A Watchdog is the algorithm of RFC 3539 section 3.4.1 for one peer, over all
// its connections. The zero value is ready for use.
type Watchdog struct {
	health  Health
	pending bool
	answers int // NumDWA
}

// Health returns the peer's status.
func (w *Watchdog) Health() Health { return w.health }

// Pending reports whether a DWR awaits its answer.
func (w *Watchdog) Pending() bool { return w.pending }

// Up is a connection that became open. After a failure it has to prove itself.
func (w *Watchdog) Up() Effects {
	if w.health != Down {
		*w = Watchdog{health: Okay}
		return SetTimer
	}
	*w = Watchdog{health: Reopen, pending: true}
	return SendDWR | SetTimer
}

// ReceivedDWA is a DWA on the open connection.
func (w *Watchdog) ReceivedDWA() Effects {
	w.pending = false
	if w.health != Reopen {
		return w.Received()
	}
	w.answers++
	if w.answers < reopenDWAs {
		return 0
	}
	w.health = Okay
	return Failback
}

// Received is any other message on the open connection. The appendix throws
// away what a peer in REOPEN sends; we only refrain from using it ourselves:
// whoever reconnects and asks at once should be answered.
func (w *Watchdog) Received() Effects {
	switch w.health {
	case Okay:
		return SetTimer
	case Suspect:
		w.health = Okay
		return Failback | SetTimer
	}
	return 0
}

// Expired is the end of Tw.
func (w *Watchdog) Expired() Effects {
	switch {
	case w.health == Initial || w.health == Down:
		return 0 // reconnecting is not the watchdog's here
	case w.health == Suspect || w.pending && w.health == Reopen && w.answers < 0:
		return w.fail() | Close
	case !w.pending:
		w.pending = true
		return SendDWR | SetTimer
	case w.health == Reopen:
		w.answers = -1
		return SetTimer
	}
	w.health = Suspect
	return Failover | SetTimer
}

// Probe asks whether the peer is still there before Tw is over. It does nothing
// while an answer is pending.
func (w *Watchdog) Probe() Effects {
	if w.pending || w.health != Okay {
		return 0
	}
	w.pending = true
	return SendDWR | SetTimer
}

// Lost is a connection that ended unasked.
func (w *Watchdog) Lost() Effects {
	if w.health == Okay {
		return w.fail() | Failover
	}
	return w.fail()
}

// Ended is a connection that one of the two ends took leave of. The next one
// need not prove itself, but for a peer that was down already.
func (w *Watchdog) Ended() {
	if w.health != Down {
		*w = Watchdog{}
	}
}

func (w *Watchdog) fail() Effects {
	*w = Watchdog{health: Down}
	return 0
}
