// Package discovery answers mobile nodes that look for their home agents and home
// prefixes: dynamic home agent address discovery (RFC 6275 section 10.5, RFC 3963
// section 7) on the anycast address of each home prefix, and mobile prefix discovery
// (RFC 6275 section 10.6) for those that have a binding. On physical home links it
// listens to Router Advertisements, to know the other home agents there and whether
// this one is advertised as it should be.
//
// A [Server] is a task that serves the [Link]s of its [Config]. Advertisements of
// prefixes are sent when they are solicited, and to the mobile nodes that
// [Server.Bound] tells of when prefixes change ([Server.Reconfigure]) or nothing was
// sent for long (section 10.6.2).
//
// Advertisements leave under ESP where the mobile node has a security association for
// them (RFC 6275 section 5.4). Whether a solicitation came under one a socket cannot
// tell; one that tells a care-of address other than the registered one is discarded
// here, and by the kernel's policies before.
//
// The messages are in agent/discovery/message, the list of home agents in
// agent/discovery/agentlist, and who is told unasked when in agent/discovery/delivery.
// This package must not know where bindings and configuration come from.
package discovery
