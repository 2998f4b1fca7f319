// Package mobility is the wire format of the Mobility Header (RFC 6275 section
// 6): every message a home agent sends or receives, and the mobility options
// they carry.
//
// [Parse] turns the octets of one Mobility Header into a [Message], [Append]
// does the reverse; [Checksum] serves those who have no kernel doing it.
// Anything wrong with received octets is a [*ParseError] that says which answer
// the sender is owed: an ICMPv6 Parameter Problem, a Binding Error, or silence.
//
// The package knows RFC 6275, RFC 3963 (mobile networks), RFC 4283 (mobile node
// identifier), RFC 5142 (home agent switch) and RFC 5846 (revocation). It knows
// neither sockets nor bindings: whether a well-formed message is to be believed
// is not decided here.
package mobility
