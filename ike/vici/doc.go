// Package vici speaks to strongSwan's charon over its VICI socket. It is the
// only package that knows the govici library and the traps of govici v0.8.1
// and of charon's side of the protocol:
//
//   - A session that misses an answer (timeout, a reply over 512 KiB that
//     charon drops) counts answers wrongly ever after. So every call has a
//     deadline and whatever ends without an answer ends the whole [Link].
//   - Subscribe deadlocks when an event arrives while it runs, streams and
//     event channels drop what they cannot take at once, and a stream and a
//     call on one session corrupt each other. So a [gate] stands between
//     govici and the socket and lets events through only when govici is ready
//     for them, and every stream has a session of its own.
//   - charon reads an owner of a key into a buffer of 256 octets and cuts the
//     rest off without a word; a request over 512 KiB ends the connection. So
//     sizes are checked first.
//   - charon's listen backlog is 3: dialling can fail with EAGAIN.
//
// Keys and connections are loaded over one session, the one after the other:
// charon, woken on two sockets at a time, is no faster and now and then takes
// some milliseconds longer. What pays is to load several connections with one
// request.
//
// The package knows commands and their typed arguments, not what they are for:
// which keys and connections there should be is package ike's business.
//
// Exported: [Client], which dials again whenever a [Link] ends; the commands
// as methods of Link; [Event]; [CommandError] for what charon refuses.
package vici
