// Package object describes the kernel's objects this tree deals with as plain
// comparable values, and prints each as the command an engineer would type.
//
// It knows no netlink and does no I/O: package wire turns objects into octets,
// package kernel carries them. The exported names are the objects ([Policy],
// [State], [Tunnel], [Route], [Filter]) and [Verb].
package object

import "net/netip"

// Verb is what happens to an object.
type Verb int

// The verbs.
const (
	Add Verb = iota
	Replace
	Delete
)

// String is the word of ip(8) for most objects.
func (v Verb) String() string {
	switch v {
	case Add:
		return "add"
	case Replace:
		return "replace"
	case Delete:
		return "delete"
	default:
		return "unknown"
	}
}

// Object is one of this package's types.
type Object interface {
	// Command is the command for doing v to the object.
	Command(v Verb) string
	isObject()
}

// Everything is ::/0.
func Everything() netip.Prefix { return netip.PrefixFrom(netip.IPv6Unspecified(), 0) }

// Host is the prefix that holds addr alone.
func Host(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }
