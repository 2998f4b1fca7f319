// Package registrar carries out what the binding cache decides: it takes
// Binding Updates from the Mobility Header socket, lets agent/bindingcache
// judge them, stores, programs and defends, and sends the acknowledgement when
// all of that is done.
//
// It knows the order of things and how failures are handed back to the cache.
// What the steps do is behind [Effects], how messages travel behind [Sender];
// it must not know netlink, strongSwan, sockets or databases.
//
// Exported: [Registrar] with Handle, Remove, Restore and Run.
//
// Concurrency: one lock guards the cache and is never held across I/O. Works of
// different home addresses run side by side; what they have to store goes into
// common commits. For one home address the cache hands out one work at a time.
package registrar
