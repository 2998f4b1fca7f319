// Package foreign tries a home agent with Diameter nodes that are not ours: a home
// AAA server on Erlang/OTP's diameter application, and freeDiameter relays between
// it and the home agent.
//
// The AAA server is aaah.erl with the dictionary mip6bootstrap.dia, as the engineer
// of such a server would write them from the draft; it judges the answers itself,
// by that dictionary and octet for octet, and Report is what it says. The package
// knows how to run these programs, and nothing of our own Diameter code.
//
//	AAA, Run, Report   the AAA server, and what it found
//	Relay              a freeDiameter relay
package foreign
