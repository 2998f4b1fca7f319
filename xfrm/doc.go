// Package xfrm keeps the kernel's side of a home agent as it should be: the
// IPsec policies which protect Mobile IPv6 signalling, the one tunnel device
// and, for each binding, the route, the source check and the policies of a
// protected payload.
//
// Callers state the whole wish in a [Desired] and hand it to [Kernel.Set],
// which compares it with what the kernel holds and changes only the
// difference; [Kernel.Bind], [Kernel.Unbind] and [Kernel.Protect] do the same
// for one mobile node at a cost which does not depend on how many there are.
// [Kernel.Repair] is for the time in between, and [Kernel.Watch] says when it is
// worth while.
// Nothing is removed when the process ends: packets flow on while the daemon
// is away, and the first Set after a restart finds nothing to do.
// [Kernel.CleanUp] removes everything.
//
// [Kernel.Migrate] and [ProtectSocket] are for mobile nodes that have IPsec
// reqids of their own, which is what lets charon follow one of them;
// [Kernel.Counters] and [Kernel.Received] read what was dropped and received.
//
// [Kernel.Associate] holds the security associations of mobile nodes whose keys an
// operator wrote down. All others are charon's.
//
// What is ours is marked and nothing else is ever changed: policies by their
// priorities (see [PolicyPriorities]), routes by their protocol number
// ([RouteProtocol]), keyless states and manual security associations by their reqids ([AssociationReqIDs]), the device by its name.
//
// The package knows netlink, the kernel's objects and the order in which they
// must change. It does not know Mobility Header messages, sessions, leases or
// IKE: who is bound where, and whose key is good, is decided by its callers.
package xfrm
