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

// moveShields takes the security associations in tunnel mode to another care-of
// address in the kernel, where the home agent will send as soon as it knows the
// address. strongSwan does not hear of it; migrate tells it.
func (p *plane) moveShields(from, to netip.Addr) error {
	for _, s := range p.shields {
		if err := p.transfer(nil, append(p.transferOfNothing(), s.transfers(p.agent, from, to)...)); err != nil {
			return fmt.Errorf("moving the %s security associations to %s: %w", s.child, to, err)
		}
	}
	return nil
}

// migrate tells strongSwan that its IKE_SA now runs from another care-of address
// (RFC 4877 section 7.3: the K bit), and with it the CHILD_SAs in tunnel mode, each
// by a message of its own. Those in transport mode are between addresses that stay.
func (p *plane) migrate(from, to netip.Addr) error {
	messages := [][]transfer{p.transferOfNothing()}
	for _, s := range p.shields {
		messages = append(messages, append(p.transferOfNothing(), s.transfers(p.agent, from, to)...))
	}
	for _, transfers := range messages {
		if err := p.transfer(p.keyManagers(to), transfers); err != nil {
			return fmt.Errorf("moving the IKE_SA to %s: %w", to, err)
		}
	}
	return nil
}

// transfer sends XFRM_MSG_MIGRATE. The kernel carries it out, and passes it on to
// strongSwan, if a policy matches: the one for Binding Acknowledgements is there in
// any case. strongSwan takes notice if there are addresses of key managers, and
// reads the last transfer's reqid.
func (p *plane) transfer(keyManagers []byte, transfers []transfer) error {
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
	if keyManagers != nil {
		request.AddData(nl.NewRtAttr(nl.XFRMA_KMADDRESS, keyManagers))
	}
	var body []byte
	for _, t := range transfers {
		body = append(body, t.bytes()...)
	}
	request.AddData(nl.NewRtAttr(nl.XFRMA_MIGRATE, body))
	_, err := request.Execute(unix.NETLINK_XFRM, 0)
	return err
}

// keyManagers are the addresses IKE has from now on, our end first.
func (p *plane) keyManagers(careOf netip.Addr) []byte {
	b := append(careOf.AsSlice(), p.agent.AsSlice()...)
	b = append(b, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	return append(b, make([]byte, sizeKMAddress-len(b))...)
}

// transferOfNothing is one without which the kernel takes no message. It fits the
// policy, for in transport mode addresses do not count there, and no security
// association, for none is between unspecified addresses.
func (p *plane) transferOfNothing() []transfer {
	nobody := netip.IPv6Unspecified()
	return []transfer{{netlink.XFRM_MODE_TRANSPORT, uint32(p.reqID), nobody, nobody, p.agent, p.home}}
}
