package vici

import (
	"context"
	"errors"
	"net/netip"
	"strings"
)

// A Pool is what addresses are assigned from by configuration payloads (RFC 7296
// section 2.19): here a single one, which one IKE_SA has at a time.
type Pool struct {
	Name    string
	Address netip.Addr
}

// ErrLeased is wrapped by the error of UnloadPool when an IKE_SA still has the
// address.
var ErrLeased = errors.New("an IKE_SA has the pool's address")

// LoadPools loads pools in one request. To load one again with the same address
// changes nothing. It is not atomic, as LoadConns is not.
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

// UnloadPool unloads a pool and reports whether there was one of this name. It
// fails with ErrLeased while an IKE_SA has the address.
func (l *Link) UnloadPool(ctx context.Context, name string) (bool, error) {
	_, err := l.call(ctx, writeLane, "unload-pool", name, newMessage(str("name", name)))
	var refused *CommandError
	switch {
	case !errors.As(err, &refused):
		return err == nil, err
	case strings.Contains(refused.Reason, "not found"):
		return false, nil
	case strings.Contains(refused.Reason, "online leases"):
		return true, errors.Join(ErrLeased, err)
	}
	return true, err
}

// HasPool tells whether there is a pool of this name. All cannot be listed:
// charon drops a reply of more than 512 KiB, which some 7,000 pools make, and the
// Link would die of it each time.
func (l *Link) HasPool(ctx context.Context, name string) (bool, error) {
	reply, err := l.call(ctx, controlLane, "get-pools", name, newMessage(str("name", name)))
	if err != nil {
		return false, err
	}
	return len(reply.Keys()) > 0, nil
}
