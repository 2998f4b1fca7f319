// Package wire turns the kernel's objects into the bodies of netlink messages
// and back: for what vishvananda/netlink v1.3.1 cannot say (keyless states,
// MIGRATE, Mobility Header type 0 in a selector, actions without per-CPU
// counters) or cannot read back (routes with an ip6 encapsulation).
//
// It is pure: octets in, objects out. A Parse function returns an error for
// what is broken and ErrForeign for what is whole but is none of our objects;
// it never panics.
//
// The layouts are those of linux/xfrm.h, linux/rtnetlink.h, linux/pkt_cls.h
// and linux/lwtunnel.h, in the machine's byte order unless a comment says
// otherwise.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// ErrForeign says that a message describes something this package's objects
// cannot express, so that it cannot be ours.
var ErrForeign = errors.New("not one of our objects")

var (
	errShort = errors.New("message ends early")
	native   = binary.NativeEndian
	network  = binary.BigEndian
)

const (
	attrHeader = 4
	attrType   = 0x3fff // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
	nested     = 0x8000 // NLA_F_NESTED
	familyIPv6 = 10     // AF_INET6
)

func align(n int) int { return (n + 3) &^ 3 }

// appendAttr appends one netlink attribute with its padding.
func appendAttr(b []byte, typ uint16, value []byte) []byte {
	b = native.AppendUint16(b, uint16(attrHeader+len(value)))
	b = native.AppendUint16(b, typ)
	b = append(b, value...)
	return pad(b, align(len(value))-len(value))
}

func appendAddr(b []byte, typ uint16, a netip.Addr) []byte { return appendAttr(b, typ, a.AsSlice()) }

func appendUint32(b []byte, typ uint16, v uint32) []byte {
	return appendAttr(b, typ, native.AppendUint32(nil, v))
}

func pad(b []byte, n int) []byte { return append(b, make([]byte, n)...) }

// eachAttr calls f for each attribute in b until one fails.
func eachAttr(b []byte, f func(typ uint16, value []byte) error) error {
	for len(b) >= attrHeader {
		length := int(native.Uint16(b))
		if length < attrHeader || length > len(b) {
			return fmt.Errorf("reading an attribute of %d octets, %d are left: %w", length, len(b), errShort)
		}
		if err := f(native.Uint16(b[2:])&attrType, b[attrHeader:length]); err != nil {
			return err
		}
		b = b[min(align(length), len(b)):]
	}
	return nil
}

// addr reads a 16 octet address.
func addr(b []byte) (netip.Addr, error) {
	if len(b) != 16 {
		return netip.Addr{}, fmt.Errorf("reading an address of %d octets, expected 16: %w", len(b), errShort)
	}
	return netip.AddrFrom16([16]byte(b)), nil
}

// prefix reads an address and a length; the kernel keeps host bits where the
// user left some, we do not.
func prefix(b []byte, bits uint8) (netip.Prefix, error) {
	a, err := addr(b)
	if err != nil {
		return netip.Prefix{}, err
	}
	p, err := a.Prefix(int(bits))
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("reading a prefix: %w", err)
	}
	return p, nil
}

// as16 is the kernel's form of an address that may be unset.
func as16(a netip.Addr) []byte {
	if !a.IsValid() {
		return make([]byte, 16)
	}
	b := a.As16()
	return b[:]
}
