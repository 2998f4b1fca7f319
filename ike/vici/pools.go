package vici

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

// A Pool is what addresses are assigned from by configuration payloads (RFC 7296
// section 2.19): here a single one.
type Pool struct {
	Name    string
	Address netip.Addr
}

// LoadPools loads pools in one request. One of the same name and address stays as
// it is, with its lease; one of another address is replaced unless it has a lease.
func (l *Link) LoadPools(ctx context.Context, pools ...Pool) error {
	m := newMessage()
	names := make([]string, len(pools))
	for i, p := range pools {
		section(p.Name, str("addrs", netip.PrefixFrom(p.Address, p.Address.BitLen()).String()))(m)
		names[i] = p.Name
	}
	_, err := l.call(ctx, writeLane, "load-pool", strings.Join(names, ","), m)
	return err
}

// UnloadPool unloads a pool; that there is none of this name is no error, nor that
// its address is leased, which keeps it loaded.
func (l *Link) UnloadPool(ctx context.Context, name string) error {
	_, err := l.call(ctx, writeLane, "unload-pool", name, newMessage(str("name", name)))
	return unless(unless(err, "not found"), "online leases")
}

// PoolNames lists the names of all pools, ours or not.
func (l *Link) PoolNames(ctx context.Context) ([]string, error) {
	reply, err := l.call(ctx, controlLane, "get-pools", "", nil)
	if err != nil {
		return nil, err
	}
	return slices.Clone(reply.Keys()), nil
}
