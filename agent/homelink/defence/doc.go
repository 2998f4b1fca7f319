// Package defence decides what a home agent says on a home link on behalf of its
// mobile nodes: duplicate address detection (RFC 4862 section 5.4), unsolicited
// advertisements and answers to solicitations (RFC 6275 section 10.4.1), as a state
// machine without any input or output of its own.
//
// A [Machine] is told of claims, releases, received messages and the time, and
// leaves the [Effect]s to carry out, in order, for [Machine.Effects] to return. A
// claim ends in a [Decided]; one that is repeated while it is being probed changes
// nothing and so shares the decision. Time is a parameter; [Machine.Next] says when
// to call [Machine.Advance].
//
// A [Claim] covers the home address and, with LinkLocal, the link-local address of
// the same interface identifier: both are probed at once and share one fate, but an
// address that is held already is not lost because another one turns out to be a
// duplicate.
//
// The package knows Neighbor Discovery messages (agent/homelink/neighbor). It must
// not know sockets, clocks or who waits for a decision.
package defence
