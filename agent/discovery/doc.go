// Package discovery answers mobile nodes that look for their home agents and home
// prefixes: dynamic home agent address discovery (RFC 6275 section 10.5, RFC 3963
// section 7) on the anycast address of each home prefix, and mobile prefix discovery
// (RFC 6275 section 10.6) for those that have a binding. On physical home links it
// listens to Router Advertisements, to know the other home agents there and whether
// this one is advertised as it should be.
//
// A [Server] is a task that serves the [Link]s of its [Config]. Advertisements of
// prefixes are sent when they are solicited; [Server.Advertise] is for those who see
// a reason to send one unsolicited (section 10.6.2).
//
// Whether solicitations have to be under ESP (RFC 6275 section 5.4) is for the
// kernel's policies to say: a socket cannot tell. One that is not, and tells a
// care-of address other than the registered one, is discarded here. A policy for
// received solicitations has to name two ICMPv6 types, 146 and 58: Linux before 6.7
// takes the Next Header field of the Destination Options header for the type.
//
// The messages are in agent/discovery/message, the list of home agents in
// agent/discovery/agentlist. This package must not know where bindings and
// configuration come from.
package discovery
