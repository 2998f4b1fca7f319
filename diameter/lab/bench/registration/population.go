package registration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/diameter/lab/bench/crowd"
	"homeagent/ike/psk"
)

// A realm is a home agent with its mobile nodes.
type realm struct {
	agent  netip.Addr
	prefix netip.Prefix
	nodes  int
}

// Who is who. The bare responder has few nodes, as their number is nothing to it.
var (
	agentRealm = realm{agent: netip.MustParseAddr("2001:db8:1::1"), prefix: netip.MustParsePrefix("2001:db8:1::/64")}
	bareRealm  = realm{agent: netip.MustParseAddr("2001:db8:9::1"), prefix: netip.MustParsePrefix("2001:db8:9::/64"), nodes: 1000}
)

// firstReqID is above what anybody else takes for a reqid.
const firstReqID = 1_000_001

// home is the home address of node i.
func (r realm) home(i int) netip.Addr { return number(r.prefix.Addr(), 0x4000, i) }

// reqID is the inverse of home, for the reqid of its node.
func reqID(home netip.Addr) uint32 {
	a := home.As16()
	return firstReqID + uint32(a[13])<<16 + uint32(a[14])<<8 + uint32(a[15])
}

// places is how many care-of addresses each node has.
const places = 2

// careOfPrefix is where all of them are.
var careOfPrefix = netip.MustParsePrefix("2001:dbb::/32")

// careOf is where node i is when it is at a place.
func careOf(place, i int) netip.Addr { return number(careOfPrefix.Addr(), uint16(place%places), i) }

// number is an address with a subnet and a number in it.
func number(a netip.Addr, subnet uint16, i int) netip.Addr {
	octets := a.As16()
	octets[8], octets[9] = byte(subnet>>8), byte(subnet)
	octets[13], octets[14], octets[15] = byte(i>>16), byte(i>>8), byte(i)
	return netip.AddrFrom16(octets)
}

// crowd lists the nodes, which find their home agent at a neighbour.
func (r realm) crowd(gateway net.HardwareAddr) []crowd.Node {
	nodes := make([]crowd.Node, r.nodes)
	for i := range nodes {
		home := r.home(i)
		nodes[i] = crowd.Node{HomeAddress: home, HomeAgent: r.agent, Gateway: gateway, ReqID: reqID(home), SPI: 0x10000 + 2*uint32(i)}
	}
	return nodes
}

// session is what an HMR for node i left behind.
func (r realm) session(i int) (store.Session, error) {
	octets := make([]byte, psk.Size)
	key, err := psk.KeyFromBytes(octets)
	now := time.Now()
	return store.Session{
		UserName: fmt.Sprintf("mn%d@bench.example", i), SessionID: fmt.Sprintf("aaah.bench.example;1;%d", i),
		OriginHost: "aaah.bench.example", OriginRealm: "bench.example", PeerHost: "aaah.bench.example",
		AcctMultiSessionID: fmt.Sprintf("ha.bench.example;1;%d", i),
		HomeAddress:        r.home(i), HomeAgent: r.agent, KeyID: 1, ReqID: reqID(r.home(i)), PSK: key, Stateful: true,
		Fingerprint:  psk.NewAAAKey(octets).Fingerprint(),
		AuthorizedAt: now, ExpiresAt: now.Add(24 * time.Hour), EstablishedAt: now, CareOf: careOf(0, i),
	}, err
}

// commitSize is how many sessions are written to a store in one go.
const commitSize = 1000

// write makes a store that holds a session for each node.
func (r realm) write(ctx context.Context, path string) (err error) {
	records, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	var all []store.Change
	for i := range r.nodes {
		s, err := r.session(i)
		if err != nil {
			return err
		}
		all = append(all, store.PutSession{Session: s}, store.PutLease{Lease: store.Lease{UserName: s.UserName, Address: s.HomeAddress}})
	}
	for some := range slices.Chunk(all, 2*commitSize) {
		if err := records.Apply(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}
