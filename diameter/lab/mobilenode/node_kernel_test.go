//go:build kerneltest

package mobilenode_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/mobilenode"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike/charontest"
	"homeagent/ike/psk"
	"homeagent/ike/vici"
)

const userName = "mn1@example.com"

var (
	home = netip.MustParseAddr("2001:db8:1::1234")
	key  = psk.NewAAAKey([]byte(strings.Repeat("k", 64)))
)

// world is a laboratory with a home agent and a mobile node on foreign link A.
type world struct {
	*testbed.Mobile
	agent  *homeAgent
	node   *mobilenode.Node
	charon *testbed.Charon
}

func newWorld(t *testing.T, change func(*mobilenode.Config)) *world {
	t.Helper()
	lab, err := testbed.NewMobile(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, lab.Close()) })
	must(t, lab.MoveTo(lab.AtForeignA()))
	charon, err := lab.MobileNode.StartCharon(charontest.Config{})
	must(t, err)
	config := mobilenode.Config{
		UserName: userName, HomeAddress: home, HomeAgent: testbed.HomeAgentAddress,
		HomeAgentIdentity: "ha.example.com", Key: key, KeyID: -7, Socket: charon.Socket(),
	}
	if change != nil {
		change(&config)
	}
	w := &world{Mobile: lab, charon: charon, agent: startHomeAgent(t, lab, home)}
	must(t, lab.MobileNode.Do(func() (err error) {
		w.node, err = mobilenode.Open(config)
		return err
	}))
	t.Cleanup(func() { must(t, w.node.Close()) })
	derived, err := psk.Derive(key, -7, home, testbed.HomeAgentAddress)
	must(t, err)
	w.agent.trust(userName, home, derived)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestSecure(t *testing.T) {
	w := newWorld(t, nil)
	got, err := w.node.Secure(soon(t), testbed.CareOfAddressA)
	must(t, err)
	if !got.IKE.IsEstablished() || got.IKE.Local != testbed.CareOfAddressA || len(got.IKE.Children) != 1 {
		t.Errorf("IKE_SA: %+v, want it established from %s with one child", got.IKE, testbed.CareOfAddressA)
	}
	for _, host := range []*testbed.Host{w.MobileNode, w.HomeAgent} {
		states, err := host.Run(t.Context(), "ip", "xfrm", "state", "list", "proto", "esp")
		must(t, err)
		for _, want := range []string{
			"src 2001:db8:1::1234 dst 2001:db8:1::1\n", "src 2001:db8:1::1 dst 2001:db8:1::1234\n", "mode transport",
		} {
			if !strings.Contains(states, want) {
				t.Errorf("%s has no %q in\n%s", host, want, states)
			}
		}
	}
}

func TestSecureWithAnotherKeyIsRefused(t *testing.T) {
	w := newWorld(t, func(c *mobilenode.Config) { c.Key = psk.NewAAAKey([]byte(strings.Repeat("x", 64))) })
	_, err := w.node.Secure(soon(t), testbed.CareOfAddressA)
	if err == nil || !strings.Contains(err.Error(), "AUTHENTICATION_FAILED") {
		t.Errorf("got %v, want AUTHENTICATION_FAILED", err)
	}
}

func TestSecureWithoutStrongswan(t *testing.T) {
	w := newWorld(t, func(c *mobilenode.Config) { c.Socket = "/nowhere" })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := w.node.Secure(ctx, testbed.CareOfAddressA); err == nil || !strings.Contains(err.Error(), "does not answer on /nowhere") {
		t.Errorf("got %v", err)
	}
}

// TestRegistrationOnTheWire lets tshark judge Binding Updates and Acknowledgements
// that ESP leaves readable.
func TestRegistrationOnTheWire(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.node.Secure(soon(t), testbed.CareOfAddressA)
	must(t, err)
	capture, err := w.Router.Capture(t.Context(), "foreign-a", "esp or ip6 proto 60 or ip6 proto 43 or ip6 proto 135")
	must(t, err)
	got, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	want := mobilenode.Registration{CareOf: testbed.CareOfAddressA, Lifetime: 10 * time.Minute}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(got, "Took", "Sequence", "Updates")); diff != "" {
		t.Errorf("registration (-want +got):\n%s", diff)
	}
	time.Sleep(100 * time.Millisecond)
	must(t, capture.Stop())
	lines, err := capture.Decode(t.Context(), "esp", "ipv6.src", "ipv6.dst", "ipv6.opt.mipv6.home_address", "ipv6.routing.mipv6.home_address")
	must(t, err)
	wantLines := []string{
		"2001:db8:2::100\t2001:db8:1::1\t2001:db8:1::1234\t",
		"2001:db8:1::1\t2001:db8:2::100\t\t2001:db8:1::1234",
	}
	if diff := cmp.Diff(wantLines, slices.Compact(lines)); diff != "" {
		t.Errorf("source, destination, Home Address option, type 2 routing header (-want +got):\n%s", diff)
	}
	update := w.agent.seen()[0]
	if update.from != home || update.careOf != testbed.CareOfAddressA || update.AlternateCareOf != testbed.CareOfAddressA {
		t.Errorf("Binding Update from %s via %s, alternate %s", update.from, update.careOf, update.AlternateCareOf)
	}
}

// TestJourney takes the node from link A to link B and home while a correspondent
// talks to its home address.
func TestJourney(t *testing.T) {
	w := newWorld(t, nil)
	w.agent.answer = func(u received) *mobility.BindingAcknowledgement {
		if u.careOf.IsValid() && u.Lifetime > 0 {
			w.agent.bind(home, u.careOf)
		} else {
			w.agent.unbind(home)
		}
		return accept(u)
	}
	_, err := w.node.Secure(soon(t), testbed.CareOfAddressA)
	must(t, err)
	_, err = w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	w.pinged(t)

	must(t, w.MoveTo(w.AtForeignB()))
	got, err := w.node.Register(soon(t), testbed.CareOfAddressB)
	must(t, err)
	t.Log("moved:", got)
	if got.Security != mobilenode.Renewed {
		t.Errorf("without the K bit %v", got.Security)
	}
	w.pinged(t)

	must(t, w.MoveTo(w.AtHome(home)))
	got, err = w.node.ReturnHome(soon(t))
	must(t, err)
	t.Log("home:", got)
	w.pinged(t)

	must(t, w.MoveTo(w.AtForeignA()))
	_, err = w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	w.pinged(t)
	_, err = w.node.Leave(soon(t))
	must(t, err)
	ways := []string{}
	for _, u := range w.agent.seen() {
		ways = append(ways, fmt.Sprint(u.careOf, " ", u.Lifetime))
	}
	ways = slices.Compact(ways) // a busy machine sees retransmissions
	want := []string{
		"2001:db8:2::100 10m0s", "2001:db8:4::100 10m0s", "invalid IP 0s", "2001:db8:2::100 10m0s", "2001:db8:2::100 0s",
	}
	if !slices.Equal(ways, want) {
		t.Errorf("care-of addresses of the Binding Updates: %v, want %v", ways, want)
	}
}

func (w *world) pinged(t *testing.T) {
	t.Helper()
	if _, err := w.Correspondent.Ping(soon(t), home); err != nil {
		t.Error(err)
	}
}

// TestKeyManagementMobility moves an IKE_SA by the K bit: strongSwan goes on with
// it from the new care-of address and does not authenticate again.
func TestKeyManagementMobility(t *testing.T) {
	w := newWorld(t, func(c *mobilenode.Config) { c.KeyManagement = true })
	w.agent.answer = func(u received) *mobility.BindingAcknowledgement {
		ack := accept(u)
		if u.Flags.Has(mobility.FlagKeyManagement) {
			ack.Flags = mobility.AckKeyManagement
		}
		return ack
	}
	_, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	before := w.ikeSAs(t)
	must(t, w.MoveTo(w.AtForeignB()))
	got, err := w.node.Register(soon(t), testbed.CareOfAddressB)
	must(t, err)
	if got.Security != mobilenode.Followed {
		t.Errorf("with the K bit %v", got.Security)
	}
	after := w.ikeSAs(t)
	if len(before) != 1 || len(after) != 1 || before[0].UniqueID != after[0].UniqueID {
		t.Errorf("IKE_SAs before %+v, after %+v", before, after)
	}
	if after[0].Local != testbed.CareOfAddressB {
		t.Errorf("strongSwan's end is %s, want %s", after[0].Local, testbed.CareOfAddressB)
	}
}

func (w *world) ikeSAs(t *testing.T) (all []vici.IKESA) {
	t.Helper()
	// The kernel's message reaches strongSwan on its own way.
	time.Sleep(300 * time.Millisecond)
	must(t, strongswan.Ask(soon(t), w.charon.Socket(), func(ctx context.Context, link *vici.Link) error {
		for sa, err := range link.ListSAs(ctx, "") {
			if err != nil {
				return err
			}
			all = append(all, sa)
		}
		return nil
	}))
	return all
}

func TestRefusal(t *testing.T) {
	w := newWorld(t, nil)
	w.agent.answer = func(u received) *mobility.BindingAcknowledgement {
		return &mobility.BindingAcknowledgement{Sequence: u.Sequence, Status: mobility.StatusNotHomeAgent}
	}
	_, err := w.node.Secure(soon(t), testbed.CareOfAddressA)
	must(t, err)
	_, err = w.node.Register(soon(t), testbed.CareOfAddressA)
	var refused *mobilenode.RefusedError
	if !errors.As(err, &refused) || refused.Registration.Status != mobility.StatusNotHomeAgent {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestCloseRemovesEverything(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.node.Secure(soon(t), testbed.CareOfAddressA)
	must(t, err)
	_, err = w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	must(t, w.node.Close())
	for _, list := range []string{"link show mip6", "xfrm state list proto hao", "xfrm state list proto route2", "-6 rule list priority 1135"} {
		if got, err := w.MobileNode.Run(t.Context(), "ip", strings.Fields(list)...); err == nil && got != "" {
			t.Errorf("ip %s: %s", list, got)
		}
	}
}

// TestRegisterSecuresFirst lets a node that has no IKE_SA register: it sets one up.
func TestRegisterSecuresFirst(t *testing.T) {
	w := newWorld(t, nil)
	got, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	if got.Security != mobilenode.Unmoved || len(w.ikeSAs(t)) != 1 {
		t.Errorf("registered with %d IKE_SAs, %v", len(w.ikeSAs(t)), got.Security)
	}
}

// TestRefresh registers twice from one place: nothing moves, the number grows.
func TestRefresh(t *testing.T) {
	w := newWorld(t, nil)
	first, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	before := w.ikeSAs(t)
	second, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	if second.Sequence-first.Sequence == 0 || second.Sequence-first.Sequence > 1000 {
		t.Errorf("sequence number %d after %d", second.Sequence, first.Sequence)
	}
	if second.Security != mobilenode.Unmoved {
		t.Errorf("a refresh, and %v", second.Security)
	}
	if after := w.ikeSAs(t); len(after) != 1 || after[0].UniqueID != before[0].UniqueID {
		t.Errorf("IKE_SAs before %+v, after %+v", before, after)
	}
}

// TestLostAcknowledgement has the node try again with a greater number.
func TestLostAcknowledgement(t *testing.T) {
	w := newWorld(t, nil)
	w.agent.answer = func(u received) *mobility.BindingAcknowledgement {
		if len(w.agent.updates) == 1 {
			return nil
		}
		return accept(u)
	}
	got, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	updates := w.agent.seen()
	if got.Updates < 2 || updates[1].Sequence != updates[0].Sequence+1 {
		t.Errorf("%d Binding Updates, numbers %d and %d", got.Updates, updates[0].Sequence, updates[1].Sequence)
	}
}

// TestSequenceOfAnEarlierLife meets a home agent that remembers more than the node.
func TestSequenceOfAnEarlierLife(t *testing.T) {
	w := newWorld(t, nil)
	const remembered = 40000
	w.agent.answer = func(u received) *mobility.BindingAcknowledgement {
		if u.Sequence-remembered-1 >= 1<<15 {
			return &mobility.BindingAcknowledgement{Sequence: remembered, Status: mobility.StatusSequenceOutOfWindow}
		}
		return accept(u)
	}
	got, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	if got.Status != mobility.StatusAccepted || got.Sequence-remembered-1 >= 1<<15 {
		t.Errorf("%s with number %d", got.Status, got.Sequence)
	}
}

// TestOwnPackets sends from the home address: through the tunnel while away, plain
// at home.
func TestOwnPackets(t *testing.T) {
	w := newWorld(t, nil)
	w.agent.answer = func(u received) *mobility.BindingAcknowledgement {
		if u.careOf.IsValid() {
			w.agent.bind(home, u.careOf)
		} else {
			w.agent.unbind(home)
		}
		return accept(u)
	}
	_, err := w.node.Register(soon(t), testbed.CareOfAddressA)
	must(t, err)
	capture, err := w.Router.Capture(t.Context(), "foreign-a", "ip6 proto 41")
	must(t, err)
	w.pinged(t)
	time.Sleep(100 * time.Millisecond)
	must(t, capture.Stop())
	lines, err := capture.Decode(t.Context(), "icmpv6.type == 129", "ipv6.src", "ipv6.dst")
	must(t, err)
	want := "2001:db8:2::100,2001:db8:1::1234\t2001:db8:1::1,2001:db8:3::1"
	if len(lines) == 0 || lines[0] != want {
		t.Errorf("echo replies %q, want %q", lines, want)
	}

	must(t, w.MoveTo(w.AtHome(home)))
	_, err = w.node.ReturnHome(soon(t))
	must(t, err)
	route, err := w.MobileNode.Run(t.Context(), "ip", "-6", "route", "get", "2001:db8:3::1", "from", home.String())
	must(t, err)
	if !strings.Contains(route, "via 2001:db8:1::2 dev eth0") {
		t.Errorf("at home packets go %s", route)
	}
}
