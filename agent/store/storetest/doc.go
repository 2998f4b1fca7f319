// Package storetest holds the tests that every store.Store passes, and records
// to fill one with.
//
// It knows the contract of store.Store and nothing of its implementations.
// Exported: [Run] and [RunDurable], [Snapshot] with [Take] and [Diff], [Fill], and the
// sample records [Session], [Lease] and [Binding].
package storetest
