// Package bindingcache decides what becomes of Binding Updates: it is the binding
// cache of a home agent (RFC 6275 sections 9.5 and 10.3, RFC 3963 section 6) as a
// state machine without any input or output of its own.
//
// A registration is acknowledged only when it will survive a crash and packets
// flow, so it has two phases. [Cache.Apply] judges a Binding Update and returns an
// [Outcome]: a reply to send now, or [Work] to carry out outside of the cache
// (ask the home link, store, program the kernel). [Cache.Commit] or [Cache.Abort]
// then say how the work went and return the acknowledgement, or the work that
// takes back what was done. There is at most one work per home address at a time;
// of the Binding Updates that come meanwhile the newest is kept and judged
// afterwards. Works of different home addresses are independent of each other.
//
// Time is a parameter. [Cache.Expire] returns the work of what has run out, and
// [Cache.Next] says when to call it. Nothing here blocks; a Cache is not safe for
// concurrent use, its user holds a lock across each call and across no work.
//
// The package knows the messages of agent/mobility. It must not know sockets,
// kernels, stores or clocks, nor where authorization comes from: that is asked
// from an [Authority].
package bindingcache
