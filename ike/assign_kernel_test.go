//go:build kerneltest

package ike_test

import (
	"log/slog"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"homeagent/ike"
	"homeagent/ike/vici"
)

// ask has a mobile node authenticate and ask for an address by a configuration
// payload, and returns what its charon says of the answer.
func (f *field) ask(c ike.Credential, wish string) (string, error) {
	f.t.Helper()
	// A session is loaded again when its IKE_SA is gone.
	f.eventually("the mobile node can come", func() bool { return slices.Contains(f.conns(), ike.ConnectionName(c.HomeAddress)) })
	conn := f.side(c)
	conn.Ask = []netip.Addr{netip.MustParseAddr(wish)}
	before := len(f.mn.Log())
	f.must(f.node.UnloadConn(f.t.Context(), conn.Name)) // or charon keeps what it asks for
	err := f.load(c, conn)
	if err == nil {
		err = f.node.Initiate(f.t.Context(), conn.Name, "mh")
	}
	_, ending := f.node.Terminate(f.t.Context(), conn.Name)
	f.check(ending)
	return f.mn.Log()[before:], err
}

func (f *field) expectAssigned(c ike.Credential, wish string) {
	f.t.Helper()
	log, err := f.ask(c, wish)
	if err != nil || !strings.Contains(log, "installing new virtual IP "+c.HomeAddress.String()+"\n") {
		f.t.Errorf("asked for %s: %v:\n%s", wish, err, log)
	}
}

// TestH58_HomeAddressIsAssigned: whoever asks for an address gets its own home
// address, whatever it suggests, and goes on getting it. Who asks for what there is
// none of is told so, as is who does not ask at all.
func TestH58_HomeAddressIsAssigned(t *testing.T) {
	f := newField(t, ike.Config{AssignHomeAddress: true, Poll: time.Second})
	first, second := cred(1, 1), cred(2, 2)
	f.must(f.arm(first))
	f.must(f.arm(second))
	for _, wish := range []string{"::", home(1).String(), home(2).String(), "2001:db8:77::1"} {
		f.expectAssigned(first, wish)
	}
	f.expectAssigned(second, home(1).String())
	f.eventually("the mobile node can come", func() bool { return slices.Contains(f.conns(), name(1)) })
	if err := f.authenticate(first); err == nil || !strings.Contains(f.mn.Log(), "received FAILED_CP_REQUIRED notify") {
		t.Errorf("not having asked: %v", err)
	}
	_, err := f.node.Terminate(t.Context(), name(1))
	f.check(err)

	f.must(f.ha.Kill())
	f.must(f.ha.Start())
	f.expectAssigned(first, "::")
	_, err = f.ha.Swanctl("--load-pools") // whose files define none
	f.check(err)
	f.eventually("the pools are back", func() bool { return len(f.pools()) == 2 })
	f.expectAssigned(second, "::")

	if log, err := f.ask(second, "0.0.0.0"); err == nil || !strings.Contains(log, "received INTERNAL_ADDRESS_FAILURE notify") {
		t.Errorf("asked for an IPv4 address: %v:\n%s", err, log)
	}
	f.must(f.ike.Forget(t.Context(), home(1)))
	f.eventually("a forgotten node's pool is gone", func() bool { return slices.Equal(f.pools(), []string{name(2)}) })
}

// conns are those of the home agent's charon.
func (f *field) conns() []string {
	f.t.Helper()
	names, err := f.link(f.ha).ConnNames(f.t.Context())
	f.must(err)
	return names
}

// pools are the mobile nodes' pools that have a spare one.
func (f *field) pools() []string {
	f.t.Helper()
	out, err := f.ha.Swanctl("--list-pools")
	f.must(err)
	var names []string
	for line := range strings.Lines(out) {
		if name, ours := strings.CutSuffix(strings.Fields(line)[0], "-spare"); ours {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestH58_AssignedAgainElsewhere: a mobile node that lost its IKE_SA and comes from
// another care-of address, without saying that it lost it, gets its home address
// again, which the former IKE_SA still has.
func TestH58_AssignedAgainElsewhere(t *testing.T) {
	f := newField(t, ike.Config{AssignHomeAddress: true, Poll: time.Second})
	c := cred(1, 1)
	f.must(f.arm(c))
	come := func(from, wish netip.Addr) {
		conn := f.side(c)
		conn.Local, conn.Ask, conn.Unique = from, []netip.Addr{wish}, "never" // sends no INITIAL_CONTACT
		f.must(f.load(c, conn))
		if err := f.node.Initiate(t.Context(), conn.Name, "mh"); err != nil {
			t.Errorf("from %s: %v", from, err)
		}
	}
	come(careOf, netip.IPv6Unspecified())
	elsewhere := netip.MustParseAddr("2001:db8:3::100")
	out, err := exec.Command("ip", "-n", f.pair.MN, "addr", "add", elsewhere.String()+"/16", "dev", strings.TrimSuffix(f.pair.MN, "-mn")+"-m", "nodad").CombinedOutput()
	if err != nil {
		t.Fatalf("adding an address: %v: %s", err, out)
	}
	f.must(f.mn.Kill())
	f.must(f.mn.Start())
	f.node = f.link(f.mn)
	come(elsewhere, home(2))
	if said := "assigning virtual IP " + home(1).String() + " to peer '" + user(1) + "'\n"; strings.Count(f.ha.Log(), said) != 2 {
		t.Errorf("charon does not say twice %q:\n%s", said, f.ha.Log())
	}
	f.must(f.ike.Forget(t.Context(), home(1)))
	f.eventually("its pools are gone", func() bool {
		out, err := f.ha.Swanctl("--list-pools")
		f.must(err)
		return !strings.Contains(out, name(1))
	})
}

// TestH58_MorePoolsThanCanBeListed: charon leaves out a reply of more than 512 KiB.
// That must not keep the daemon from starting and from clearing up.
func TestH58_MorePoolsThanCanBeListed(t *testing.T) {
	f := newField(t, ike.Config{AssignHomeAddress: true})
	f.endAgent()
	l := f.link(f.ha)
	for i := 0; i < 10_000; i += 1000 {
		var pools []vici.Pool
		for k := i; k < i+1000; k++ {
			pools = append(pools, vici.Pool{Name: ike.ConnectionName(subscriber(k).HomeAddress), Address: subscriber(k).HomeAddress})
		}
		f.must(l.LoadPools(t.Context(), pools...))
	}
	f.startAgent(ike.Config{AssignHomeAddress: true}, nil)
	f.must(f.arm(subscriber(1)))
	f.endAgent()
	removed, err := ike.CleanUp(t.Context(), f.ha.Socket(), slog.New(slog.DiscardHandler))
	if err != nil || len(removed) != 5 {
		t.Errorf("CleanUp: %v, removed %q, want a connection, a key and three pools", err, removed)
	}
}

// TestH58_NotAssigned: a home agent that does not assign addresses says so.
func TestH58_NotAssigned(t *testing.T) {
	f := newField(t, ike.Config{})
	f.must(f.arm(cred(1, 1)))
	if log, err := f.ask(cred(1, 1), "::"); err == nil || !strings.Contains(log, "received INTERNAL_ADDRESS_FAILURE notify") {
		t.Errorf("asked for an address: %v:\n%s", err, log)
	}
}
