package object

import (
	"fmt"
	"net/netip"
)

// State is a keyless security association: what makes the kernel take a Home
// Address option (RFC 6275 section 6.3) or put in a type 2 routing header
// (section 6.4).
type State struct {
	Transform Transform // HomeAddress or Routing
	Src, Dst  netip.Addr
	CareOf    netip.Addr // unspecified means any
	ReqID     uint32
	Wildcard  bool // the addresses are not compared when receiving
}

// StateKey is what the kernel keeps unique among keyless states.
type StateKey struct {
	Transform Transform
	Src, Dst  netip.Addr
}

// Key returns what tells s from other states.
func (s State) Key() StateKey { return StateKey{s.Transform, s.Src, s.Dst} }

// Command is the ip-xfrm(8) command for doing v to s.
func (s State) Command(v Verb) string {
	id := fmt.Sprintf("src %s dst %s proto %s", s.Src, s.Dst, s.Transform)
	switch v {
	case Delete:
		return "ip xfrm state delete " + id
	case Replace:
		return "ip xfrm state update " + id + s.body()
	default:
		return "ip xfrm state add " + id + s.body()
	}
}

func (s State) body() string {
	text := " mode ro"
	if s.ReqID != 0 {
		text += fmt.Sprintf(" reqid %d", s.ReqID)
	}
	text += " coa " + s.CareOf.String()
	if s.Wildcard {
		text += " flag wildrecv"
	}
	return text
}

func (State) isObject() {}
