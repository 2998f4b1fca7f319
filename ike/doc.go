// Package ike keeps strongSwan's IKE daemon charon supplied with what it needs
// to authenticate bootstrapped mobile nodes: for each of them one pre-shared
// key and one connection whose CHILD_SA can only be for that node's home
// address (RFC 4877 section 4).
//
// charon is a cache of bounded size and the caller's store is the truth: only
// as many sessions as [Config.Window] allows are loaded per home agent address,
// because charon's cost per IKE_SA_INIT grows with the square of the
// connections on one address. Which ones is decided in package window.
// Whatever charon loses, because it restarts or because somebody runs
// "swanctl --load-all" beside us, is found by comparing and loaded again.
//
// charon's own configuration is the operator's. It needs, besides IKEv2's usual
// plugins, kernel-netlink.roam_events, install_routes and install_virtual_ip
// set to "no"; and, as its table of IKE_SAs has a single row by default, an
// ikesa_table_size of about a quarter of the mobile nodes (a power of two) with
// an ikesa_table_segments of 16. A log level of 4 shows keys.
//
// The package knows strongSwan's configuration (identities, owners, the child
// template) and nothing of Diameter, the kernel or storage; how VICI is spoken
// is left to package vici.
//
// A mobile node that asks gets CHILD_SAs in tunnel mode for return routability or
// for its whole payload, too. What it wants is kept apart from what it has: see
// [Tunneled].
//
// A mobile node that asks by a configuration payload is assigned its home address
// where [Config.AssignHomeAddress] is set: see pools.go.
//
// Exported: [Charon] with Restore, Arm, Forget, Disconnect, Run and Status;
// [Config]; [Credential]; [Established], [Lost] and [Tunneled] for the callbacks;
// [Identities] of user names; [RoutabilityReqID], [PayloadReqID] and [PrefixReqID]; [ConnectionName], to find a
// mobile node in charon; [RefusedProposals] and [CleanUp].
package ike
