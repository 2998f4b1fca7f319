package defence

import (
	"net/netip"
	"time"

	"homeagent/agent/homelink/neighbor"
)

// A Claim is what is wanted for one mobile node.
type Claim struct {
	HomeAddress netip.Addr
	// LinkLocal claims the link-local address with the home address's
	// interface identifier as well (the L bit, RFC 6275 section 6.1.7).
	LinkLocal bool
	// Router says that the mobile node is a mobile router (RFC 3963).
	Router bool
	// SkipDAD holds the addresses at once. Only for addresses known to be
	// held: those of bindings from before a restart.
	SkipDAD bool
}

// LinkLocalAddress returns the link-local address that belongs to a home address
// by the L bit.
func LinkLocalAddress(home netip.Addr) netip.Addr {
	a := home.As16()
	copy(a[:8], []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0})
	return netip.AddrFrom16(a)
}

// A Verdict is how a claim ended.
type Verdict uint8

// The verdicts.
const (
	Unique    Verdict = iota + 1 // no other node uses the addresses, which are defended now
	Duplicate                    // another node uses one of them
	Withdrawn                    // released before it was decided
)

var verdictNames = [...]string{Unique: "unique", Duplicate: "duplicate", Withdrawn: "withdrawn"}

// String returns the verdict in a word.
func (v Verdict) String() string { return verdictNames[v] }

// An Effect is something to carry out; the set is closed.
type Effect interface{ isEffect() }

// A Join asks to receive what is sent to a multicast group.
type Join struct{ Group netip.Addr }

// A Leave ends what a Join began.
type Leave struct{ Group netip.Addr }

// A Send asks to send a message to a link-layer address.
type Send struct {
	To      neighbor.LinkAddress
	Message neighbor.Message
	// For is the home address whose probe or advertisement it is.
	For netip.Addr
}

// Decided says how the claim of a home address ended. With Duplicate, Address is
// the one that another node uses and By that node's link-layer address, zero if we
// hold or use it ourselves.
type Decided struct {
	HomeAddress netip.Addr
	Verdict     Verdict
	Address     netip.Addr
	By          neighbor.LinkAddress
}

// A Conflict says that another node advertised an address that we hold. The mobile
// node itself might be at home and ahead of its de-registration, or some other node
// might have taken the address (RFC 4862 section 5.4.4 leaves what to do open).
type Conflict struct {
	Address netip.Addr
	By      neighbor.LinkAddress
}

func (Join) isEffect()     {}
func (Leave) isEffect()    {}
func (Send) isEffect()     {}
func (Decided) isEffect()  {}
func (Conflict) isEffect() {}

// Config is the timing.
type Config struct {
	// Probes is DupAddrDetectTransmits of RFC 4862 section 5.1.
	Probes int
	// Interval is RetransTimer of RFC 4861 section 6.3.2: what lies between
	// probes, after the last one, and between unsolicited advertisements.
	Interval time.Duration
	// Advertisements is how often an address is advertised unsolicited, at
	// most MAX_NEIGHBOR_ADVERTISEMENT of RFC 4861 section 10.
	Advertisements int
	// Pace lies between the advertisements of different mobile nodes after a
	// restart.
	Pace time.Duration
}

// DefaultConfig returns the defaults of the RFCs. A Binding Acknowledgement must not take much longer than a second,
// as mobile nodes repeat their first Binding Update after 1.5 seconds (RFC 6275
// section 12).
func DefaultConfig() Config {
	return Config{Probes: 1, Interval: time.Second, Advertisements: 3, Pace: time.Millisecond}
}

// Counters tell what the machine did.
type Counters struct {
	Probed     uint64 // addresses that went through duplicate address detection
	Duplicates uint64 // claims that ended so
	Advertised uint64 // unsolicited advertisements
	Answered   uint64 // solicitations answered
	Defended   uint64 // those of them that were probes of other nodes
	Conflicts  uint64 // advertisements of other nodes for addresses that we hold
}
