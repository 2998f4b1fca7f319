package rawsocket

import "homeagent/agent/mobilitysocket/ancillary"

// Counters tell what a socket did since it was opened.
type Counters struct {
	Received      uint64 // packets, those discarded here included
	Truncated     uint64 // discarded: payload or control messages too long
	Overflowed    uint64 // discarded by the kernel: the receive buffer was full
	ReceiveErrors uint64
	Sent          uint64
	SendErrors    uint64
	// Flawed counts what was discarded for the flaws of its headers.
	Flawed [ancillary.Flaws]uint64
}

// Counters returns the present counts. Overflowed is as of the last packet that
// was received, and starts again after 2^32.
func (s *Socket) Counters() Counters {
	c := Counters{
		Received:      s.count.received.Load(),
		Truncated:     s.count.truncated.Load(),
		Overflowed:    s.count.overflowed.Load(),
		ReceiveErrors: s.count.receiveErrors.Load(),
		Sent:          s.count.sent.Load(),
		SendErrors:    s.count.sendErrors.Load(),
	}
	for i := range s.flaws {
		c.Flawed[i] = s.flaws[i].Load()
	}
	return c
}
