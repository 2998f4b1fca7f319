// Package packetport is the socket by which a home agent speaks for its mobile nodes
// on a home link: one packet socket of Linux for all of them, which receives the
// Neighbor Discovery messages on an Ethernet interface whomever they are for, and
// sends such messages from and to any address.
//
// An ICMPv6 socket would not do: a solicitation that is unicast to a mobile node's
// address is not ours by the kernel's reckoning, which would forward it.
//
// [Open] gives a [Port]. It joins multicast groups on request, so that neighbours
// and MLD snooping switches know of them, but no more than a limit: each group that
// the kernel has costs it on every multicast packet. Beyond the limit the interface
// receives all multicast packets, which costs less (see DefaultMaxGroups).
//
// The package needs CAP_NET_RAW. It knows system calls. It must not know what the
// messages say.
package packetport
