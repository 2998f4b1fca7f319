package bindingcache

import (
	"bytes"
	"net/netip"
	"time"

	"homeagent/agent/mobility"
)

// An Update is a Binding Update as it arrived.
type Update struct {
	// Source is the IPv6 source address on the wire, before a Home Address
	// option took its place.
	Source netip.Addr
	// HomeAddressOption is the address of that option, the zero Addr if the
	// packet had none.
	HomeAddressOption netip.Addr
	// HomeAgent is the address of ours that the packet was sent to.
	HomeAgent netip.Addr
	// Interface is the index of the one it arrived on.
	Interface int
	// Tunnelled says that the packet came inside the tunnel for the mobile node's
	// whole payload, where it needs no Home Address option (RFC 4877 section 3).
	Tunnelled bool
	// AtHome says that the packet came from a node on the home link.
	AtHome bool
	// Arrived is when, for the reply to tell.
	Arrived time.Time
	// Protection is what the packet was under.
	Protection Protection
	// Message is kept until the work that comes of it is done; its byte slices
	// are not.
	Message *mobility.BindingUpdate
}

// home returns the home address of the binding (RFC 6275 section 9.5.1).
func (u *Update) home() netip.Addr {
	if u.HomeAddressOption.IsValid() {
		return u.HomeAddressOption
	}
	return u.Source
}

// careOf returns the care-of address (RFC 6275 section 9.5.1).
func (u *Update) careOf() netip.Addr {
	if a := u.Message.AlternateCareOf; a.IsValid() {
		return a
	}
	return u.Source
}

// deregisters reports whether the update asks to delete the binding: RFC 6275
// section 10.3.2, and RFC 3963 section 6.2 for the care-of address.
func (u *Update) deregisters() bool { return u.Message.Lifetime == 0 || u.careOf() == u.home() }

// repeats reports whether u is nothing but another copy of other.
func (u *Update) repeats(other *Update) bool {
	a, b := u.Message, other.Message
	return u.Source == other.Source && u.HomeAddressOption == other.HomeAddressOption &&
		u.HomeAgent == other.HomeAgent && a.Sequence == b.Sequence && a.Flags == b.Flags &&
		a.Lifetime == b.Lifetime && a.AlternateCareOf == b.AlternateCareOf
}

// clone returns a copy that holds no part of the octets it was parsed from.
func (u *Update) clone() *Update {
	kept, message := *u, *u.Message
	message.Identifier.Value = bytes.Clone(message.Identifier.Value)
	message.Authorization = nil
	kept.Message = &message
	return &kept
}

// A ProtectionKind is how a Binding Update was protected.
type ProtectionKind uint8

// Kinds of protection.
const (
	Unprotected ProtectionKind = iota
	ProtectedByESP
)

// A Protection tells whose security association a Binding Update came under (RFC
// 6275 section 5.1).
type Protection struct {
	Kind ProtectionKind
	// HomeAddress is the one that the security association is for.
	HomeAddress netip.Addr
	// Identity is the IKE identity it belongs to, "" if that is not known.
	Identity string
}

// An Authority knows who may register a home address. It is asked once for each
// Binding Update that gets that far and must not call the cache.
type Authority interface {
	Grant(home netip.Addr, now time.Time) Grant
}

// A Standing is whether a home address may be registered.
type Standing uint8

// Standings.
const (
	Unauthorized Standing = iota // nobody's, or its authorization has ended
	Authorized
	Draining // what is bound may stay until it expires or leaves, but not be extended (RFC 5142 section 5.3)
)

// A Keying is how the security associations of a mobile node came to be.
type Keying uint8

// Ways of keying.
const (
	KeyedByIKE Keying = iota
	KeyedManually
)

// A Grant is what an [Authority] says about a home address.
type Grant struct {
	Standing Standing
	// Identity is the user that the home address belongs to, "" if it does
	// not matter.
	Identity string
	// HomeAgent is the address of ours that was given to the mobile node; the
	// zero Addr stands for any.
	HomeAgent netip.Addr
	// Until ends the authorization; the zero Time is never.
	Until time.Time
	// Prefixes are the mobile networks behind this home address (RFC 3963
	// section 6.1.2).
	Prefixes []netip.Prefix
	Keying   Keying
	// IKEPeer is where the IKE peer is now; the zero Addr if that is not
	// known.
	IKEPeer netip.Addr
}
