// Package machine decides what happens with the connections of one Diameter
// peer: the peer state machine of RFC 6733 section 5.6 ([Step]) and the
// watchdog of RFC 3539 appendix A ([Watchdog]), and who wins an election
// ([Wins]).
//
// It is pure: events come in, actions and the next state go out. It must not
// know connections, messages, timers or the time. The rows of the tables that
// neither change the state nor depend on more than it being open (sending and
// receiving messages, DWR and DWA) are left to the caller.
package machine
