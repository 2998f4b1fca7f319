// Package mobilenode reads the mobile nodes of the configuration, which need no AAA
// server, with their keys.
//
// There are two kinds. One has an IKEv2 pre-shared key and is from then on like a
// mobile node that an AAA server bootstrapped: strongSwan negotiates its security
// associations, and its session never ends. The other has security associations
// that an operator wrote down (RFC 6275 section 5.1, RFC 4877 section 6): SPIs and
// algorithms in the configuration, keys in a file. They are there as long as the
// mobile node is in the configuration, whatever it registers; strongSwan does not
// know it. As keys never change and the kernel cannot check for replays (RFC 4303
// section 3.3.3), this is for tests and interoperability: what protects is the
// sequence number of Binding Updates, which the store keeps.
//
// Keys are in files of their own, never in the configuration, which package secretfile
// reads. The package knows their form, and what the kernel calls the
// algorithms; it must not know sessions, strongSwan or the kernel itself.
//
// Exported: [Load], [Examine], [Misnamed], and [Node] with [Node.Associations].
package mobilenode
