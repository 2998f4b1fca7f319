// Package session keeps the life of a bootstrapped mobile node: authorised by
// an AAA server, given a home address and a home agent address, its IKE
// pre-shared key derived, made durable and loaded, and in the end taken back.
//
// Mobile nodes of the configuration ([Node]) have sessions, too, that need no
// authorization and never end by themselves; the configuration is the truth about
// them, and the store holds what became of them, such as the reqid. One that is in the
// way of an AAA server's session waits for its end ([Displaced]).
//
// A session that the configuration has no place for any more is dormant: the store
// keeps it for a later start, and nobody is served.
//
// It knows the rules of draft-jee-mip6-bootstrap-pana-01 section 5.3.7 and what
// follows from them: who may have which address, when a key replaces another,
// in which order things become durable, usable and promised. It must not know
// Diameter's wire format, strongSwan or netlink: it reaches the IKE daemon
// through [Keyer] and the disk through store.Store.
//
// Exported: [Manager] with Bootstrap, Release, Configure, Expire (through Run), Owner and
// the views; [Request], [Grant] and [Refusal], whose [Reason] says what a peer
// is to be told.
//
// Concurrency: one short lock guards the indexes and is never held across I/O.
// Operations for one User-Name follow one another; those of different users
// run side by side and share commits of the store.
package session
