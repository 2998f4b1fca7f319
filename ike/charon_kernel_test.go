//go:build kerneltest

package ike_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici"
)

// statesOf are the security associations of these mobile nodes at the home
// agent, as states gives them.
func statesOf(nodes ...int) string {
	var lines []string
	for _, i := range nodes {
		lines = append(lines, fmt.Sprintf("%s %s 1001\n", homeAgent, home(i)), fmt.Sprintf("%s %s 1001\n", home(i), homeAgent))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// TestKernelAuthenticates: a mobile node whose key has octets of all kinds gets
// its security associations between home agent and home address, and loses them
// when it is forgotten.
func TestKernelAuthenticates(t *testing.T) {
	f := newField(t, ike.Config{})
	c := withKey(cred(1, 1), "\x00\x01\x00\xff\n\"\\ %\x7f\x80\x00")
	f.must(f.arm(c))
	f.must(f.authenticate(c))
	want := ike.Established{UserName: user(1), HomeAddress: home(1), HomeAgent: homeAgent, CareOf: careOf}
	got := f.awaitUp()
	got.At = time.Time{}
	if got != want {
		t.Errorf("reported %+v, want %+v", got, want)
	}
	if diff := cmp.Diff(statesOf(1), f.states()); diff != "" {
		t.Errorf("unexpected security associations (-want +got):\n%s", diff)
	}
	f.must(f.ike.Forget(t.Context(), home(1)))
	f.eventually("no security association is left", func() bool { return f.states() == "" })
	if err := f.authenticate(c); err == nil {
		t.Error("a forgotten mobile node was let in")
	}
	f.refuses()
}

// refuses tries proposals that charon takes and some that it does not, for what is
// wrong with a proposal is its own business.
func (f *field) refuses() {
	f.t.Helper()
	refused, err := ike.RefusedProposals(f.t.Context(), f.ha.Socket(), ike.Proposals{
		IKE: []string{"aes128-sha256-x25519", "aes256gcm16-prfsha384-ecp384", "default", "aes128-sha256-x25518", "aes128gcm16"},
		ESP: []string{"aes128-sha256", "aes256gcm16-ecp384", "default", "aes128-sha257", "aes128,sha256"},
	})
	f.must(err)
	want := []ike.Refusal{{Proposal: "aes128-sha256-x25518"}, {Proposal: "aes128gcm16"}, {ESP: true, Proposal: "aes128-sha257"}, {ESP: true, Proposal: "aes128,sha256"}}
	if diff := cmp.Diff(want, refused); diff != "" {
		f.t.Errorf("unexpected refusals (-want +got):\n%s", diff)
	}
	if s := f.ike.Status(); s.Refused != nil {
		f.t.Errorf("charon is said to refuse the proposals that the mobile node used: %+v", s.Refused)
	}
	conns, err := f.link(f.ha).ConnNames(f.t.Context())
	f.must(err)
	if len(conns) > 0 {
		f.t.Errorf("charon was left with the connections %q", conns)
	}
}

// TestKernelRefuses: who may not get in, and into what.
func TestKernelRefuses(t *testing.T) {
	f := newField(t, ike.Config{})
	f.must(f.arm(cred(1, 1)))
	f.must(f.arm(cred(2, 2)))
	mixed := func(user, key, home int) ike.Credential {
		c := cred(user, key)
		c.HomeAddress = cred(home, 1).HomeAddress
		return c
	}
	named := func(name string) ike.Credential {
		c := cred(1, 1)
		c.UserName = name
		return c
	}
	tests := []struct {
		name string
		cred ike.Credential
		log  string // of the home agent's charon
	}{
		{"wrong key", cred(1, 9), "tried 1 shared key for 'ha.example.com' - 'mn1@example.com', but MAC mismatched"},
		{"another's key", mixed(1, 2, 1), "tried 1 shared key for 'ha.example.com' - 'mn1@example.com', but MAC mismatched"},
		{"another's home address", mixed(1, 1, 2), "traffic selectors"},
		{"another's home address as name", named(home(2).String()), "no matching peer config found"},
		// charon selects connections by wildcards in what it is sent, too,
		// but keys only by those in their owners.
		{"a wildcard", named("*@example.com"), "no shared key found for 'ha.example.com' - '*@example.com'"},
		{"the home agent's name", named("ha.example.com"), "no matching peer config found"},
		{"unknown", cred(3, 1), "no matching peer config found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(f.ha.Log())
			var refused *vici.CommandError
			if err := f.authenticate(tt.cred); !errors.As(err, &refused) {
				t.Errorf("got %v, want a refusal", err)
			}
			if log := f.ha.Log()[before:]; !strings.Contains(log, tt.log) {
				t.Errorf("charon does not say %q:\n%s", tt.log, log)
			}
			if states := f.states(); states != "" {
				t.Errorf("there are security associations:\n%s", states)
			}
			_, err := f.node.Terminate(t.Context(), ike.ConnectionName(tt.cred.HomeAddress))
			f.check(err)
		})
	}
	f.must(f.authenticate(cred(1, 1))) // the right one gets in
}

// TestKernelNewKey: a new key replaces the old; the IKE_SA lives on.
func TestKernelNewKey(t *testing.T) {
	f := newField(t, ike.Config{})
	f.must(f.arm(cred(1, 1)))
	f.must(f.authenticate(cred(1, 1)))
	f.must(f.arm(cred(1, 2)))
	_, err := f.mn.Swanctl("--rekey", "--ike", name(1))
	f.must(err)
	if diff := cmp.Diff(statesOf(1), f.states()); diff != "" {
		t.Errorf("unexpected security associations (-want +got):\n%s", diff)
	}
	if err := f.authenticate(cred(1, 1)); err == nil {
		t.Log("an established IKE_SA was used") // strongSwan adds a CHILD_SA to it
	}
	_, err = f.node.Terminate(t.Context(), name(1))
	f.must(err)
	f.awaitDown()
	if err := f.authenticate(cred(1, 1)); err == nil {
		t.Error("the old key still works")
	}
	f.must(f.authenticate(cred(1, 2)))
}

// TestKernelDisconnect: the IKE_SA that ends at a former care-of address goes, and
// no other; key and connection stay.
func TestKernelDisconnect(t *testing.T) {
	f := newField(t, ike.Config{})
	for i := 1; i <= 2; i++ {
		f.must(f.arm(cred(i, i)))
		f.must(f.authenticate(cred(i, i)))
	}
	up := f.awaitUp()
	f.ike.Disconnect(up.HomeAddress, up.HomeAgent) // it is not there
	f.ike.Disconnect(up.HomeAddress, up.CareOf)
	if e := f.awaitDown(); e.HomeAddress != up.HomeAddress {
		t.Errorf("%s was reported down, want %s", e.HomeAddress, up.HomeAddress)
	}
	if up.HomeAddress != home(1) {
		t.Fatalf("%s came up first", up.HomeAddress)
	}
	f.eventually("only the other's are left", func() bool { return f.states() == statesOf(2) })
	f.must(f.authenticate(cred(1, 1)))
}

// TestKernelMoves: a user's new home address replaces the old.
func TestKernelMoves(t *testing.T) {
	f := newField(t, ike.Config{})
	f.must(f.arm(cred(1, 1)))
	f.must(f.authenticate(cred(1, 1)))
	moved := cred(1, 2)
	moved.HomeAddress = home(2)
	f.must(f.arm(moved))
	f.eventually("the old security associations are gone", func() bool { return f.states() == "" })
	f.must(f.authenticate(moved))
	if diff := cmp.Diff(statesOf(2), f.states()); diff != "" {
		t.Errorf("unexpected security associations (-want +got):\n%s", diff)
	}
}

const foreignConf = `connections {
  branch {
    version = 2
    local_addrs = 2001:db8:1::a:1
    local { auth = psk
            id = branch.example.com }
    remote { auth = psk
             id = hq.example.com }
    children { net { local_ts = 2001:db8:5::/64 } }
  }
}
secrets { ike-branch { id = hq.example.com
                       secret = "something else" } }
`

// TestKernelForeignLoadAll: an operator's swanctl --load-all takes our sessions
// away; they are back within seconds and the operator's connection stays.
func TestKernelForeignLoadAll(t *testing.T) {
	f := newField(t, ike.Config{Poll: time.Second})
	for i := 1; i <= 20; i++ {
		f.must(f.arm(cred(i, i)))
	}
	f.must(f.ha.WriteSwanctl(foreignConf))
	_, err := f.ha.Swanctl("--load-all")
	f.must(err)
	f.eventually("the sessions are loaded again", func() bool {
		st := f.ike.Status()
		return st.Repaired == 40 && st.Pending == 0
	})
	f.must(f.authenticate(cred(20, 20)))
	link := f.link(f.ha)
	keys, err := link.SharedIDs(t.Context())
	f.check(err)
	conns, err := link.ConnNames(t.Context())
	f.check(err)
	if len(keys) != 21 || len(conns) != 21 || !slices.Contains(conns, "branch") || !slices.Contains(keys, "ike-branch") {
		t.Errorf("charon holds %d keys and %d connections, want 21 each: %v", len(keys), len(conns), conns)
	}
}

// TestKernelRestart: charon is killed while sessions are being armed; all whom
// Arm promised it are in the new one.
func TestKernelRestart(t *testing.T) {
	const sessions = 200
	f := newField(t, ike.Config{})
	var callers sync.WaitGroup
	for w := range 8 {
		callers.Go(func() {
			for i := w; i < sessions; i += 8 {
				f.check(f.arm(cred(i, 1+i%250)))
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	f.must(f.ha.Kill())
	f.must(f.ha.Start())
	callers.Wait()
	f.eventually("all are loaded", func() bool { return f.ike.Status().Loaded == sessions })
	conns, err := f.link(f.ha).ConnNames(t.Context())
	if len(conns) != sessions || err != nil {
		t.Errorf("charon holds %d connections, error %v, want %d", len(conns), err, sessions)
	}
	for _, i := range []int{0, sessions / 2, sessions - 1} {
		f.must(f.authenticate(cred(i, 1+i%250)))
	}
}

// TestKernelAgentRestarts: the daemon restarts beside a charon that goes on.
func TestKernelAgentRestarts(t *testing.T) {
	f := newField(t, ike.Config{})
	for i := 1; i <= 3; i++ {
		f.must(f.arm(cred(i, i)))
		f.must(f.authenticate(cred(i, i)))
		f.awaitUp()
	}
	f.endAgent()
	creds := []ike.Credential{cred(1, 1), cred(2, 9), cred(4, 4)} // 3 has expired meanwhile
	creds[0].EstablishedAt, creds[1].EstablishedAt = time.Now(), time.Now()
	f.startAgent(ike.Config{}, creds)
	f.eventually("the expired one is gone and nobody else", func() bool { return f.states() == statesOf(1, 2) })
	f.must(f.authenticate(cred(4, 4)))
	if e := f.awaitUp(); e.HomeAddress != home(4) {
		t.Errorf("%s was reported up", e.HomeAddress)
	}
}

// TestKernelEvicted: a session whose key and connection are no longer in charon
// is rekeyed from either side, and comes back in once its IKE_SA went down.
func TestKernelEvicted(t *testing.T) {
	f := newField(t, ike.Config{Window: 2})
	for i := 1; i <= 3; i++ {
		f.must(f.arm(cred(i, i)))
		f.must(f.authenticate(cred(i, i)))
		f.awaitUp()
	}
	f.eventually("the first is evicted", func() bool {
		conns, err := f.link(f.ha).ConnNames(t.Context())
		return err == nil && !slices.Contains(conns, name(1)) && f.ike.Status().Evicted == 1
	})
	for _, rekey := range [][]string{{"--child", "mh"}, {}} {
		for _, d := range []interface {
			Swanctl(...string) (string, error)
		}{f.mn, f.ha} {
			before := f.states()
			_, err := d.Swanctl(append([]string{"--rekey", "--ike", name(1)}, rekey...)...)
			f.must(err)
			f.eventually("rekeying has settled", func() bool { return f.states() == before })
		}
	}
	if f.mnSAs(1) != 1 {
		t.Error("the IKE_SA did not survive rekeying")
	}
	_, err := f.node.Terminate(t.Context(), name(1))
	f.must(err)
	if e := f.awaitDown(); e.HomeAddress != home(1) {
		t.Errorf("%s was reported down", e.HomeAddress)
	}
	f.eventually("it is loaded again", func() bool {
		conns, err := f.link(f.ha).ConnNames(t.Context())
		return err == nil && slices.Contains(conns, name(1))
	})
	f.must(f.authenticate(cred(1, 1)))
}

// mnSAs counts a mobile node's established IKE_SAs.
func (f *field) mnSAs(i int) int {
	f.t.Helper()
	n := 0
	for sa, err := range f.node.ListSAs(f.t.Context(), name(i)) {
		f.must(err)
		if sa.IsEstablished() {
			n++
		}
	}
	return n
}

// TestKernelThousandSessions: a thousand mobile nodes authenticate, most of them
// evicted afterwards.
func TestKernelThousandSessions(t *testing.T) {
	const sessions, window = 1000, 100
	f := newField(t, ike.Config{Window: window})
	for i := range sessions {
		f.must(f.arm(cred(i, 1+i%250)))
		f.must(f.authenticate(cred(i, 1+i%250)))
		if e := f.awaitUp(); e.HomeAddress != home(i) {
			t.Fatalf("%s was reported up, want %s", e.HomeAddress, home(i))
		}
		// The one charon of all mobile nodes is to stay quick, too.
		f.must(f.node.UnloadShared(t.Context(), name(i)))
		f.must(f.node.UnloadConn(t.Context(), name(i)))
	}
	f.eventually("the window is full and no more", func() bool {
		st := f.ike.Status()
		return st.Established == sessions && st.Loaded == window && st.Evicted == sessions-window
	})
	link := f.link(f.ha)
	conns, err := link.ConnNames(t.Context())
	if len(conns) > window || err != nil {
		t.Errorf("charon holds %d connections, error %v, want %d", len(conns), err, window)
	}
	n := 0
	for sa, err := range link.ListSAs(t.Context(), "") {
		f.must(err)
		if sa.IsEstablished() && len(sa.Children) == 1 {
			n++
		}
	}
	if n != sessions {
		t.Errorf("there are %d IKE_SAs with a CHILD_SA, want %d", n, sessions)
	}
	if st := f.ike.Status(); st.Repaired != 0 || st.Removed != 0 {
		t.Errorf("there was something to repair: %+v", st)
	}
}
