package aaahome

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"

	"homeagent/diameter/bootstrap"
)

// A Plan says which HMRs to send: Count of them, for users numbered from First
// on.
type Plan struct {
	// Users is the User-Name, in which %d stands for the user's number.
	Users        string
	First, Count int

	OriginHost, OriginRealm           string
	DestinationHost, DestinationRealm string

	AuthorizationLifetime uint32 // seconds
	GracePeriod           uint32 // seconds
	SessionTimeout        *uint32
	SessionState          bootstrap.SessionState
	Vector                bootstrap.Vector

	Keys  Keys
	KeyID int32
	// HomeAddress is the first user's; each next user's is one higher. Zero
	// leaves the choice to the home agent.
	HomeAddress netip.Addr
	// HomeAgent is the address of the home agent for all; zero leaves the
	// choice to it.
	HomeAgent netip.Addr

	// Run tells the Session-Ids of this run from those of others. RFC 6733
	// section 8.8 suggests the time of its start.
	Run uint32
}

// Validate refuses plans that cannot be carried out. What a home agent would
// refuse is allowed: a plan may want to see that.
func (p *Plan) Validate() error {
	switch {
	case p.Count < 1:
		return fmt.Errorf("planning the requests: count is %d (must be at least 1)", p.Count)
	case p.First < 0:
		return fmt.Errorf("planning the requests: the first user is %d (must be at least 0)", p.First)
	case strings.Count(p.Users, "%d") > 1:
		return fmt.Errorf("planning the requests: user pattern %q has more than one %%d", p.Users)
	case p.Count > 1 && !strings.Contains(p.Users, "%d"):
		return fmt.Errorf("planning the requests: user pattern %q has no %%d to tell %d users apart", p.Users, p.Count)
	case p.Keys == nil:
		return fmt.Errorf("planning the requests: there is no source of keys")
	}
	return nil
}

// HMR makes the request number i, from 0 to Count-1.
func (p *Plan) HMR(i int) (*bootstrap.HMR, error) {
	key, err := p.Keys()
	if err != nil {
		return nil, fmt.Errorf("making request %d: %w", i, err)
	}
	return &bootstrap.HMR{
		SessionID:             fmt.Sprintf("%s;%d;%d", p.OriginHost, p.Run, i),
		UserName:              strings.Replace(p.Users, "%d", strconv.Itoa(p.First+i), 1),
		OriginHost:            p.OriginHost,
		OriginRealm:           p.OriginRealm,
		DestinationHost:       p.DestinationHost,
		DestinationRealm:      p.DestinationRealm,
		AuthorizationLifetime: p.AuthorizationLifetime,
		GracePeriod:           p.GracePeriod,
		SessionState:          p.SessionState,
		SessionTimeout:        p.SessionTimeout,
		Vector:                p.Vector,
		Key:                   key,
		KeyID:                 p.KeyID,
		HomeAddress:           higher(p.HomeAddress, i),
		HomeAgent:             p.HomeAgent,
	}, nil
}

// higher adds n to an address; the zero Addr stays zero.
func higher(addr netip.Addr, n int) netip.Addr {
	if !addr.IsValid() || n == 0 {
		return addr
	}
	sum := new(big.Int).Add(new(big.Int).SetBytes(addr.AsSlice()), big.NewInt(int64(n)))
	octets := make([]byte, addr.BitLen()/8)
	if sum.BitLen() > addr.BitLen() {
		return addr
	}
	next, _ := netip.AddrFromSlice(sum.FillBytes(octets))
	return next
}
