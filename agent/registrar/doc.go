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
// Concurrency: one lock guards the cache and is never held across I/O. For one home
// address the cache hands out one work at a time. Works of different home addresses
// go on in common rounds, each with one commit for all that have come meanwhile;
// what waits for others on the home link does so in a goroutine of its own.
package registrar
