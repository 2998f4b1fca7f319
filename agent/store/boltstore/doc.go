// Package boltstore keeps a home agent's records in one file, by bbolt.
//
// It knows bbolt, the file's format and its versions, how writers share a
// commit, and how pre-shared keys are sealed in it. It must not know what the
// records are for. Exported: [Open] with [Options], [Store],
// [Inspect] and [Sealed] for a store that is not open, and the errors [ErrInUse],
// [ErrDamaged], [ErrNewer] and [ErrSealed].
//
// A commit costs two waits for the disk, however many calls it holds. There is
// no goroutine and no delay for that: of the callers that wait, one at a time
// commits what all of them brought, up to 512 calls, while the next gather
// (commit.go). A call is encoded, checked and sealed by its own caller before it
// queues, so that one that cannot be written fails alone.
//
// The file appears under its name only when it is complete, and is replaced
// only as a whole, so that a process killed at any moment leaves either no store
// or one with everything that was acknowledged.
package boltstore
