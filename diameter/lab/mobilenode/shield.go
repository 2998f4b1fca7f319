package mobilenode

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"homeagent/ike/vici"
)

// Protect says what of the node's packets travels under ESP besides the Binding
// Updates (RFC 4877 section 4.1).
type Protect struct {
	ReturnRoutability bool // HoTI and HoT
	Payload           bool // everything that is tunnelled
}

// A shield is a CHILD_SA in tunnel mode and the policies which lead packets there
// (RFC 4877 sections 7.2.2 and 7.2.4).
type shield struct {
	child    string
	reqID    uint32
	rank     int
	protocol uint8 // 0 for any
}

// shields are what is protected. Each has a reqid of its own, as a policy finds
// its security association by it.
func (c *Config) shields() []shield {
	var list []shield
	if c.Protect.ReturnRoutability {
		list = append(list, shield{"return-routability", c.ReqID + 1, policyRank + 10, protocol})
	}
	if c.Protect.Payload {
		list = append(list, shield{"payload", c.ReqID + 2, policyRank + 20, 0})
	}
	return list
}

// childSA is what the node asks of its home agent: all packets of its home
// address, from and to anywhere.
func (s shield) childSA(c *Config) vici.Child {
	suffix := ""
	if s.protocol != 0 {
		suffix = fmt.Sprintf("[%d]", s.protocol)
	}
	return vici.Child{
		Name: s.child, Mode: "tunnel", ReqID: s.reqID,
		LocalTS: []string{fmt.Sprintf("%s/128%s", c.HomeAddress, suffix)}, RemoteTS: []string{"::/0" + suffix},
		Proposals: c.Proposals.ESP,
	}
}

func (s shield) policies(home, careOf, agent netip.Addr) []netlink.XfrmPolicy {
	policy := func(direction netlink.Dir, from, to *net.IPNet, outerFrom, outerTo netip.Addr) netlink.XfrmPolicy {
		return netlink.XfrmPolicy{
			Src: from, Dst: to, Dir: direction, Priority: s.rank, Proto: netlink.Proto(s.protocol),
			Tmpls: []netlink.XfrmPolicyTmpl{{
				Src: outerFrom.AsSlice(), Dst: outerTo.AsSlice(),
				Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TUNNEL, Reqid: int(s.reqID),
			}},
		}
	}
	return []netlink.XfrmPolicy{
		policy(netlink.XFRM_DIR_OUT, host(home), everywhere, careOf, agent),
		policy(netlink.XFRM_DIR_IN, everywhere, host(home), agent, careOf),
	}
}

// setShields makes packets leave and arrive under ESP only, with this care-of
// address outside.
func (p *plane) setShields(careOf netip.Addr) error {
	for _, s := range p.shields {
		for _, policy := range s.policies(p.home, careOf, p.agent) {
			if err := p.netlink.XfrmPolicyUpdate(&policy); err != nil {
				return fmt.Errorf("setting the %s policy %s > %s: %w", s.child, policy.Src, policy.Dst, err)
			}
		}
	}
	return nil
}

// dropShields removes the policies; that there are none is fine.
func (p *plane) dropShields() error {
	for _, s := range p.shields {
		for _, policy := range s.policies(p.home, p.agent, p.agent) {
			if err := unless(p.netlink.XfrmPolicyDel(&policy), unix.ENOENT); err != nil {
				return fmt.Errorf("removing the %s policy %s > %s: %w", s.child, policy.Src, policy.Dst, err)
			}
		}
	}
	return nil
}

// A transfer takes a security association to other addresses.
type transfer struct {
	mode             netlink.Mode
	reqID            uint32
	fromSrc, fromDst netip.Addr
	toSrc, toDst     netip.Addr
}

// transfers are those of a shield's two security associations.
func (s shield) transfers(agent, from, to netip.Addr) []transfer {
	return []transfer{
		{netlink.XFRM_MODE_TUNNEL, s.reqID, from, agent, to, agent},
		{netlink.XFRM_MODE_TUNNEL, s.reqID, agent, from, agent, to},
	}
}

// bytes is struct xfrm_user_migrate.
func (t transfer) bytes() []byte {
	b := make([]byte, 0, sizeMigrate)
	for _, a := range []netip.Addr{t.fromDst, t.fromSrc, t.toDst, t.toSrc} {
		b = append(b, a.AsSlice()...)
	}
	b = append(b, unix.IPPROTO_ESP, uint8(t.mode), 0, 0)
	b = binary.NativeEndian.AppendUint32(b, t.reqID)
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	return append(b, make([]byte, sizeMigrate-len(b))...)
}
