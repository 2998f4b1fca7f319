// Package rawsocket is a raw IPv6 socket of Linux for one protocol, with the
// ancillary data that Mobile IPv6 needs: who really sent a packet with a Home
// Address option, and packets sent by way of a care-of address.
//
// [Open] makes a [Socket]; [Socket.Serve] hands received packets to one function,
// one after the other; [Socket.Send] may be called from anywhere. Opening needs
// CAP_NET_RAW, nothing needs more (a receive buffer larger than the system's
// limit needs CAP_NET_ADMIN and is smaller without).
//
// The package knows system calls and agent/mobilitysocket/ancillary. It must not
// know what is in the packets: checksums of the Mobility Header and of ICMPv6 are
// the kernel's work on such a socket.
package rawsocket
