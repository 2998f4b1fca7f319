// Package doctor tells whether a box is fit to be a home agent, and what to do
// where it is not.
//
// It knows what a home agent needs of kernel, network, strongSwan, files, clock
// and Diameter peers, and which command repairs what. It must not know how these
// are asked: that is a [System]'s business, the real one being package machine,
// with a fake beside it. A check is a function of the configuration and what the
// System says; it changes nothing, but that proposals are loaded into strongSwan for
// a moment.
//
// Exported: [Examine], which runs checks side by side, each within its time;
// [Checks], all of them, [OfBox], those that are cheap enough for the running
// daemon, and [OfConfiguration], those of what the configuration names; the
// [Report] with its [Finding]s, which is the schema of "homeagentctl doctor
// --json"; [System] and what it answers with.
package doctor
