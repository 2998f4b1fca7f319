package object

import (
	"fmt"
	"net/netip"
	"strings"
)

// Migration is an XFRM_MSG_MIGRATE: it moves the addresses in one policy's
// tunnel mode templates, and those of one security association per Move.
type Migration struct {
	Policy PolicyKey
	Moves  []Move
	// Local and Remote are where the key management daemon should move its
	// own end points to (XFRMA_KMADDRESS); it does so for the peer whose reqid
	// the last Move names.
	Local, Remote netip.Addr
}

// Move is one line of a Migration. Its addresses are those of security
// association and template.
type Move struct {
	Mode             Mode
	ReqID            uint32
	FromSrc, FromDst netip.Addr
	ToSrc, ToDst     netip.Addr
}

// String describes m in the manner of ip-xfrm(8), which has no command for
// it.
func (m Migration) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ip xfrm migrate %s dir %s", m.Policy.Selector, m.Policy.Direction)
	for _, v := range m.Moves {
		fmt.Fprintf(&b, " proto esp mode %s reqid %d", v.Mode, v.ReqID)
		fmt.Fprintf(&b, " from src %s dst %s to src %s dst %s", v.FromSrc, v.FromDst, v.ToSrc, v.ToDst)
	}
	return b.String() + fmt.Sprintf(" kmaddress local %s remote %s", m.Local, m.Remote)
}
