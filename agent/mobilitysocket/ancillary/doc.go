// Package ancillary is the codec of the control messages that a raw IPv6 socket
// of Linux exchanges beside the payload, as far as Mobile IPv6 needs them: packet
// information, hop limit, the destination options of a received packet and the
// type 2 routing header of a sent one (RFC 3542, RFC 6275 sections 6.3 and 6.4).
//
// [Parse] reads what recvmsg returned into a [Received], [Append] writes a [Sent]
// for sendmsg. The package knows the layout of control messages and extension
// headers. It must not know sockets: nothing here makes a system call.
package ancillary
