// Package bootstrapping measures what a home agent exists for: an HMR arrives, a
// home address is assigned, the key is derived, made durable and loaded into
// strongSwan, and the HMA goes out. Beside it, in turns, it measures the bare limits
// of the parts: a go-diameter server that does no work, the same calls on
// strongSwan alone, the same durable commit alone.
//
// All is real but the home agent's kernel, whose state bootstrapping does not touch:
// Diameter runs over TCP, two strongSwans in networks of their own hold an IKE_SA
// for each live session, stores are on a disk. One process plays home agent, AAA
// server and bare parts, so that a comparison of processor time is one of work.
//
// Exported: [Run] with [Config].
package bootstrapping
