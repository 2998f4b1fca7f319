// Package homelink holds the home addresses of mobile nodes that are away on their
// physical home link: it makes sure that no other node uses them (duplicate address
// detection), has their packets come to the home agent, and defends them, until
// they are released (RFC 6275 sections 10.3.1 and 10.4.1).
//
// A [Link] is one Ethernet interface, a task to run, and takes a [Claim] for each
// mobile node. [Virtual] stands in for it where home prefixes are routed to the home
// agent and no node is on any home link. One socket and one timer serve all mobile
// nodes.
//
// Packets that arrive for a held address are for the kernel's routes to forward.
// Those to a link-local address that is held for the L bit are not tunnelled: the
// kernel discards them as they are, with an ICMPv6 Destination Unreachable.
//
// The rules are in agent/homelink/defence, the messages in agent/homelink/neighbor,
// the system calls in agent/homelink/packetport. This package must not know what a
// binding is.
package homelink
