// Package mobilitysocket receives and sends Mobility Headers: the raw IPv6 socket
// of protocol 135 of a home agent.
//
// [Open] gives a [Socket]. [Socket.Run] hands each received header to one handler,
// one after the other, as a [Packet] that tells the addresses apart: who really
// sent it, and the home address if there was a Home Address option. [Packet.Reply]
// and [Packet.Error] address the answers of RFC 6275 section 9.5.4 and 9.3.3,
// [Socket.Send] sends them. [Conn] is what users of a Socket need of it, [Fake] one
// for their tests.
//
// # What the kernel does
//
// The kernel verifies and fills in the checksum. With its mip6 module it answers a
// Payload Proto other than 59 and a Header Len that is too small for the type with
// an ICMPv6 Parameter Problem (RFC 6275 section 9.2), and takes Home Address
// options as far as XFRM has a state for them; both are discarded here, or by
// agent/mobility, should they come through all the same.
//
// # Protection by IPsec
//
// A socket cannot be asked whether a packet was under ESP, and of which security
// association. It need not be: XFRM's policies between home prefixes and home agent
// addresses make ESP compulsory, and the selector of each security association holds
// the home address it was negotiated for. A Binding Update in clear (counted as
// XfrmInTmplMismatch), or under somebody else's security association
// (XfrmInStateMismatch), never reaches the socket. So while those policies are
// installed, and the packet's home address is in a home prefix and its destination a
// home agent address, it came under the security association of Packet.HomeAddress
// (or of Packet.Source, if that was not given).
//
// Such a policy for received packets has to be for the protocol and not for one MH
// Type. Linux finds the type of a received Mobility Header only if exactly one
// extension header comes before it (seen with 6.1: the Binding Update of a mobile
// node at home passes by a policy for type 5), and since 6.7 not even then.
//
// The package deals in octets: it knows neither messages (agent/mobility) nor
// bindings.
package mobilitysocket
