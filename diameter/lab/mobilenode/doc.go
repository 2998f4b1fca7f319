// Package mobilenode is a mobile node for the laboratory and for commissioning:
// it derives its pre-shared key as an AAA server's client would, lets a
// strongSwan of its own bring up the security associations with its home agent,
// programs its kernel (home address, type 2 routing header and Home Address
// option, policies, tunnel), and registers, moves, returns home and deregisters
// (RFC 6275 section 11, RFC 4877).
//
// It shares the Mobility Header's codec with the home agent and nothing else:
// what it expects of a home agent is read from the RFCs.
//
//	Config, Open   a node in the network namespace of the calling thread
//	Node           Secure, Protect, Register, TestHome, ReturnHome, Leave, Close
package mobilenode
