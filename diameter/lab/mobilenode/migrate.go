package mobilenode

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/agent/mobility"
)

// Sizes of the kernel's structures, padding included.
const (
	sizeMigrate   = 76 // struct xfrm_user_migrate
	sizeKMAddress = 40 // struct xfrm_user_kmaddress
)

// migrate tells strongSwan that its IKE_SA now runs from another care-of address
// (RFC 4877 section 7.3: the K bit). The kernel passes the message on if a policy
// matches; nothing else changes, as the security associations are in transport mode
// between addresses that stay.
func (p *plane) migrate(careOf netip.Addr) error {
	acknowledgement := int(mobility.TypeBindingAcknowledgement)
	policy := &nl.XfrmUserpolicyId{Dir: uint8(netlink.XFRM_DIR_IN)}
	policy.Sel.Family = unix.AF_INET6
	policy.Sel.Saddr.FromIP(p.agent.AsSlice())
	policy.Sel.Daddr.FromIP(p.home.AsSlice())
	policy.Sel.PrefixlenS, policy.Sel.PrefixlenD = 128, 128
	policy.Sel.Proto = protocol
	policy.Sel.Sport, policy.Sel.SportMask = nl.Swap16(uint16(acknowledgement)), nl.Swap16(0xffff)

	request := p.request(nl.XFRM_MSG_MIGRATE, 0)
	request.AddData(policy)
	request.AddData(nl.NewRtAttr(nl.XFRMA_KMADDRESS, p.keyManagers(careOf)))
	request.AddData(nl.NewRtAttr(nl.XFRMA_MIGRATE, p.moveOfNothing()))
	if _, err := request.Execute(unix.NETLINK_XFRM, 0); err != nil {
		return fmt.Errorf("moving the IKE_SA to %s: %w", careOf, err)
	}
	return nil
}

// keyManagers are the addresses IKE has from now on, our end first.
func (p *plane) keyManagers(careOf netip.Addr) []byte {
	b := append(careOf.AsSlice(), p.agent.AsSlice()...)
	b = append(b, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	return append(b, make([]byte, sizeKMAddress-len(b))...)
}

// moveOfNothing is a migration without which the kernel takes no message. It fits
// the policy, for in transport mode addresses do not count there, and no security
// association, for none is between unspecified addresses. strongSwan reads the
// reqid.
func (p *plane) moveOfNothing() []byte {
	b := make([]byte, 2*16)
	b = append(b, p.home.AsSlice()...)
	b = append(b, p.agent.AsSlice()...)
	b = append(b, unix.IPPROTO_ESP, 0, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(p.reqID))
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	return append(b, make([]byte, sizeMigrate-len(b))...)
}
