package xfrm

import (
	"fmt"
	"net/netip"

	"homeagent/xfrm/internal/object"
)

// A ForeignPolicy is an IPsec policy that is not the home agent's.
type ForeignPolicy struct {
	Src, Dst  netip.Prefix
	Protocol  uint8  // 0 for any
	Direction string // as ip-xfrm(8) has it
	Priority  uint32 // smaller is looked at first
	Block     bool
	// Delete is the command that removes it.
	Delete string
}

// ForeignPolicies lists the policies that others made, those of sockets left out,
// for who wants to know what else happens to packets.
func (k *Kernel) ForeignPolicies() ([]ForeignPolicy, error) {
	all, err := k.platform.Policies()
	if err != nil {
		return nil, fmt.Errorf("listing the policies of others: %w", err)
	}
	var foreign []ForeignPolicy
	for _, p := range all {
		if PolicyPriorities().Contains(p.Priority) || p.Direction > object.Forward {
			continue
		}
		foreign = append(foreign, ForeignPolicy{
			Src: p.Src, Dst: p.Dst, Protocol: p.Protocol, Direction: p.Direction.String(), Priority: p.Priority,
			Block: p.Block, Delete: p.Command(object.Delete),
		})
	}
	return foreign, nil
}
