// Package peer connects to Diameter peers and carries requests and answers
// between them and a [Handler] (RFC 6733 sections 2.1, 5 and 6, RFC 3539).
//
// A [Table] holds the peers of the configuration. It listens and dials, over
// TCP and TLS; exchanges capabilities; watches each connection and reconnects;
// keeps one connection per peer; and ends them politely. Requests of an
// application run in workers of their peer, so that slow ones delay neither
// other peers nor the base protocol, and a request that comes a second time
// gets the first one's answer. [Table.Do] sends requests of our own.
//
// Whoever is not a listed peer gets little: a bounded number of connections
// wait for a bounded time for a CER of bounded length.
//
// Answers are written together when they are ready together, in place of
// Nagle's algorithm, which RFC 3539 section 3.2 asks for and which stays off.
//
// The decisions are in packages without sockets and clocks: machine (the state
// machines), base (the messages CER to DPA) and replay (duplicates). This
// package must not know any application: what a command means is the Handler's.
//
// Exported: [Table], [New], [Config] with its parts, [Handler], [Info],
// [Status], [Refusal], [Traffic], [ErrNoPeer] and [ErrNotRunning].
package peer
