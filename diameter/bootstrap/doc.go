// Package bootstrap is the Diameter application of
// draft-jee-mip6-bootstrap-pana-01: its four messages as Go types, and the
// judgement of a received HMR.
//
// Each message has one list of its AVPs, which serves encoding and decoding
// alike. [Codec.DecodeHMR] is where a home agent decides whether to believe an
// AAA server: it makes its checks in a fixed order, the first fault is the
// answer, and every fault comes with the Result-Code and Failed-AVP that
// RFC 6733 section 7 wants.
//
// The package must not know peers, sessions, address pools or time. Keys leave
// it as psk.AAAKey only, and the octets they came from are overwritten.
// Exported: [Codec], the messages [HMR], [HMA], [AMR], [AMA], and [Vector].
package bootstrap
