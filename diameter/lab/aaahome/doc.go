// Package aaahome is the home AAA server's end of the interface to a home
// agent, for commissioning and for tests: it makes HMRs by a plan, sends them
// at a rate, and says what came back and how fast.
//
// It is no AAA server: it authenticates nobody and hands the same home agent a
// key for whatever users the plan names. How messages travel is a [Sender]'s
// business, such as a peer.Table. Exported: [Plan], [Client], [Load], [Tally],
// [TextReport], [JSONReport], [Progress], and [Handler] for what a home agent
// asks in return.
package aaahome
