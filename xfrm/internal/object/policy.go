package object

import (
	"fmt"
	"net/netip"
	"strings"
)

// Direction says which packets a policy looks at.
type Direction uint8

// Directions, with the kernel's numbers.
const (
	In      Direction = 0
	Out     Direction = 1
	Forward Direction = 2
)

// String is the word of ip-xfrm(8).
func (d Direction) String() string {
	switch d {
	case In:
		return "in"
	case Out:
		return "out"
	case Forward:
		return "fwd"
	default:
		return fmt.Sprintf("direction-%d", uint8(d))
	}
}

// Transform is the protocol number of a security association.
type Transform uint8

// Transforms. The last two carry no keys: they are how the kernel asks for
// the Home Address option and the type 2 routing header (RFC 6275 sections
// 6.3 and 6.4).
const (
	ESP         Transform = 50
	HomeAddress Transform = 60
	Routing     Transform = 43
)

// String is the word of ip-xfrm(8).
func (t Transform) String() string {
	switch t {
	case ESP:
		return "esp"
	case HomeAddress:
		return "hao"
	case Routing:
		return "route2"
	default:
		return fmt.Sprintf("%d", uint8(t))
	}
}

// Mode is a security association's mode.
type Mode uint8

// Modes, with the kernel's numbers.
const (
	Transport         Mode = 0
	TunnelMode        Mode = 1
	RouteOptimization Mode = 2
)

// String is the word of ip-xfrm(8).
func (m Mode) String() string {
	switch m {
	case Transport:
		return "transport"
	case TunnelMode:
		return "tunnel"
	case RouteOptimization:
		return "ro"
	default:
		return fmt.Sprintf("mode-%d", uint8(m))
	}
}

// Protocols a Selector names by message type.
const (
	ICMPv6         = 58
	MobilityHeader = 135
)

// Selector picks packets. A policy is found again by its selector and
// direction.
type Selector struct {
	Src, Dst netip.Prefix
	Protocol uint8 // zero means any
	// Type is the Mobility Header or ICMPv6 message type, looked at if Typed.
	Type  uint8
	Typed bool
	// Mark picks packets that have these bits, of those in Mask; a zero Mask looks
	// at none. The kernel keeps it beside the selector.
	Mark, Mask uint32
}

// String is the SELECTOR of ip-xfrm(8).
func (s Selector) String() string {
	text := fmt.Sprintf("src %s dst %s", s.Src, s.Dst)
	if s.Protocol != 0 {
		text += fmt.Sprintf(" proto %d", s.Protocol)
	}
	if s.Typed {
		text += fmt.Sprintf(" type %d", s.Type)
	}
	if s.Mask != 0 {
		text += fmt.Sprintf(" mark %#x mask %#x", s.Mark, s.Mask)
	}
	return text
}

// Template is one transform that a policy asks for. Its addresses are set in
// tunnel mode only; the zero Template is none.
type Template struct {
	Transform Transform
	Mode      Mode
	Src, Dst  netip.Addr
	ReqID     uint32 // zero means any when receiving
	Optional  bool   // "level use"
}

// String is the TMPL of ip-xfrm(8).
func (t Template) String() string {
	var b strings.Builder
	b.WriteString("tmpl")
	if t.Mode == TunnelMode {
		fmt.Fprintf(&b, " src %s dst %s", t.Src, t.Dst)
	}
	fmt.Fprintf(&b, " proto %s mode %s", t.Transform, t.Mode)
	if t.ReqID != 0 {
		fmt.Fprintf(&b, " reqid %d", t.ReqID)
	}
	if t.Optional {
		b.WriteString(" level use")
	}
	return b.String()
}

// MaxTemplates is how many templates a Policy holds.
const MaxTemplates = 2

// Policy is an entry of the security policy database. Templates are in the
// order the sender applies them.
type Policy struct {
	Selector
	Direction Direction
	Priority  uint32 // smaller is looked at first
	Block     bool
	Templates [MaxTemplates]Template
}

// PolicyKey is what the kernel keeps unique among policies.
type PolicyKey struct {
	Selector
	Direction Direction
}

// Key returns what tells p from other policies.
func (p Policy) Key() PolicyKey { return PolicyKey{p.Selector, p.Direction} }

// Command is the ip-xfrm(8) command for doing v to p.
func (p Policy) Command(v Verb) string {
	switch v {
	case Delete:
		return fmt.Sprintf("ip xfrm policy delete %s dir %s", p.Selector, p.Direction)
	case Replace:
		return "ip xfrm policy update " + p.body()
	default:
		return "ip xfrm policy add " + p.body()
	}
}

func (p Policy) body() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s dir %s priority %d", p.Selector, p.Direction, p.Priority)
	if p.Block {
		b.WriteString(" action block")
	}
	for _, t := range p.Templates {
		if t != (Template{}) {
			b.WriteString(" " + t.String())
		}
	}
	return b.String()
}

func (Policy) isObject() {}
