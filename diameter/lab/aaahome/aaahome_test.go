package aaahome_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/aaahome"
)

var ha = diameter.Identity{Host: "ha.example.net", Realm: "example.net", OriginStateID: 7}

func load(t testing.TB) *dictionary.Dictionary {
	t.Helper()
	d, err := dictionary.Load(dictionary.Default())
	if err != nil {
		t.Fatalf("loading the dictionary: %v", err)
	}
	return d
}

// A homeAgent is a Sender that answers by itself: with what answer makes of a
// request that is in order, after delay.
type homeAgent struct {
	codec  *bootstrap.Codec
	delay  time.Duration
	answer func(req *diameter.Message, h *bootstrap.HMR) *diameter.Message

	mu          sync.Mutex
	requests    []*bootstrap.HMR
	outstanding int
	most        int // requests outstanding at once
}

func newHomeAgent(t testing.TB) *homeAgent {
	return &homeAgent{codec: bootstrap.NewCodec(load(t))}
}

// success answers with an address of its own choice if it was left one.
func (a *homeAgent) success(req *diameter.Message, h *bootstrap.HMR) *diameter.Message {
	reply := &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.Success}, UserName: h.UserName, AcctMultiSessionID: "multi",
		HomeAddress: h.HomeAddress, HomeAgent: netip.MustParseAddr("2001:db8:1::1")}
	if !reply.HomeAddress.IsValid() {
		reply.HomeAddress = netip.MustParseAddr("2001:db8:1::1000")
	}
	return a.codec.EncodeHMA(req, ha, reply)
}

// Do is the Sender's method. Both messages go through their wire form.
func (a *homeAgent) Do(ctx context.Context, to string, req *diameter.Message) (*diameter.Message, error) {
	a.begin()
	defer a.end()
	select {
	case <-time.After(a.delay):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	received, err := diameter.Parse(req.Append(nil))
	if err != nil {
		return nil, err
	}
	h, f := a.codec.DecodeHMR(received, bootstrap.HMROptions{Host: to, Realm: ha.Realm})
	if f != nil {
		return diameter.Parse(a.codec.Refuse(received, ha, f).Append(nil))
	}
	a.mu.Lock()
	a.requests = append(a.requests, h)
	a.mu.Unlock()
	answer := a.success
	if a.answer != nil {
		answer = a.answer
	}
	return diameter.Parse(answer(received, h).Append(nil))
}

func (a *homeAgent) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outstanding++
	a.most = max(a.most, a.outstanding)
}

func (a *homeAgent) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outstanding--
}

func newClient(t testing.TB, sender aaahome.Sender) *aaahome.Client {
	d := load(t)
	return &aaahome.Client{Sender: sender, Dictionary: d, Codec: bootstrap.NewCodec(d), Peer: ha.Host}
}

func newPlan(count int) *aaahome.Plan {
	return &aaahome.Plan{
		Users: "mn%d@example.com", First: 1, Count: count,
		OriginHost: "aaah.example.com", OriginRealm: "example.com",
		DestinationHost: ha.Host, DestinationRealm: ha.Realm,
		AuthorizationLifetime: 3600, Vector: bootstrap.Requested,
		Keys: aaahome.RandomKeys(64), KeyID: 1, Run: 1700000000,
	}
}
