// Package addresspool chooses home addresses and remembers whose they are.
//
// It knows home prefixes and the ranges inside them that the home agent chooses
// from, the addresses that nobody may have, who has which address, and who had
// it: a user comes back to the address of before, and nobody else gets it while
// it is held down. It must not know sessions, stores or clocks: time is a
// parameter, and [Pool.Restore] brings back what the caller kept.
//
// Exported: [Pool] with Assign, Claim, Take, Undo, Withhold, Free, Release, Avoid,
// Serves, Refuses, Holder, Former and Restore;
// [Config] and [Prefix]; [Lease], [Claim] and [Usage]; and [Refusal], the
// reasons why an address is not given.
//
// The cost of a choice depends neither on how many addresses are in use nor on
// how many there are: large ranges are drawn from until a free address turns up,
// ranges up to 2^32 addresses keep the free ones as a sparse permutation
// (freelist.go) and are given out to the last. Memory grows with the leases.
package addresspool
