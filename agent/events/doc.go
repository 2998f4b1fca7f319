// Package events tells what happens in a home agent, in one list of kinds: the
// operator who follows it, the log and the journal's catalog all speak of the
// same things by the same names.
//
// It knows the kinds (one table: name, log text, level, message id and the
// explanation that journalctl -x shows), keeps the last events and hands them to
// readers. It must not know who records them, nor how they travel. Keys are no
// part of any event.
//
// Exported: [Event] and [Kind], [Recorder] with Record and Follow, [Filter],
// [Catalog], [Describe] and [AddressText].
//
// Whoever records never waits for a reader: a [Reader] that is too slow loses
// events and is told how many. Events are kept in a ring for each class of levels,
// and read as one list in their order.
package events
