package bindingcache

import (
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/mobility"
)

// A Binding is a home registration: one entry of the binding cache (RFC 6275
// section 9.1). It is what a store has to keep.
type Binding struct {
	HomeAddress netip.Addr
	CareOf      netip.Addr // primary care-of address
	HomeAgent   netip.Addr // the address of ours that the mobile node registered with

	// Sequence is that of the newest valid Binding Update.
	Sequence uint16
	// Flags are those that go on to mean something: L and R as sent, K if key
	// management is to follow the mobile node.
	Flags mobility.UpdateFlags
	// Lifetime is what was granted. It is 0 after a de-registration: such a
	// binding forwards nothing and keeps the sequence number from being used
	// again until Expires (RFC 6275 section 10.3.2).
	Lifetime mobility.Lifetime

	Registered time.Time // when the binding began; moves and refreshes leave it
	Expires    time.Time
	// Prefixes are the networks behind a mobile router, masked and sorted.
	Prefixes []netip.Prefix
}

// Active reports whether packets are forwarded for the binding: not for the zero
// Binding and not after a de-registration.
func (b Binding) Active() bool { return b.Lifetime != 0 }

// with returns the binding, which forwards nothing, with the networks that may be
// left of another one in the kernel.
func (b Binding) with(remains Binding) Binding {
	b.Prefixes = slices.Concat(b.Prefixes, remains.Prefixes)
	return b
}

// sameForwarding reports whether the kernel would do the same for both.
func (b Binding) sameForwarding(other Binding) bool {
	return b.sameTunnel(other) && slices.Equal(b.Prefixes, other.Prefixes)
}

func (b Binding) sameTunnel(other Binding) bool {
	return b.CareOf == other.CareOf && b.HomeAgent == other.HomeAgent
}

// remembered are the flags that [Binding.Flags] holds.
const remembered = mobility.FlagLinkLocal | mobility.FlagKeyManagement | mobility.FlagMobileRouter

// A Phase is where a home address stands.
type Phase uint8

// The phases of a home address.
const (
	PhaseBound     Phase = iota + 1 // registered, nothing under way
	PhaseProbing                    // first registration: duplicate address detection
	PhaseChanging                   // a work is under way
	PhaseLingering                  // de-registered, sequence number still remembered

	phaseEnd
)

// Phases is one more than the largest [Phase]: the size of an array of counts.
const Phases = int(phaseEnd)

var phaseNames = [...]string{
	PhaseBound:     "bound",
	PhaseProbing:   "probing",
	PhaseChanging:  "changing",
	PhaseLingering: "lingering",
}

// String returns the phase in a word, as operators see it.
func (p Phase) String() string { return phaseNames[p] }

// A View is a home address as it is now, for an operator.
type View struct {
	Binding // the zero Binding but for HomeAddress before the first acknowledgement
	Phase   Phase
}
