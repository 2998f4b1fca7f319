package session_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
)

// logged is restart with the log of it.
func (b *bench) logged(t *testing.T, served netip.Prefix) ([]session.Credential, string) {
	t.Helper()
	pool, err := addresspool.New(addresspool.Config{
		Prefixes: []addresspool.Prefix{{Prefix: served}}, Reserved: b.cfg.HomeAgents, HoldDown: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	b.Manager = session.New(b.cfg, b.disk, pool, b.charon, slog.New(slog.NewTextHandler(&lines, nil)))
	creds, err := b.Restore()
	if err != nil {
		t.Fatal(err)
	}
	return creds, lines.String()
}

func (b *bench) put(t *testing.T, changes ...store.Change) {
	t.Helper()
	if err := b.disk.Store.Apply(t.Context(), changes...); err != nil {
		t.Fatal(err)
	}
}

// twice gives the n-th user a session and a lease of the contested address, beside
// what others have.
func (b *bench) twice(t *testing.T, n int, authorized time.Time) {
	t.Helper()
	s := storetest.Session(n)
	s.HomeAddress, s.HomeAgent, s.AuthorizedAt, s.ExpiresAt = contested, homeAgent, authorized, time.Time{}
	bound := storetest.Binding(n)
	bound.HomeAddress = contested
	b.put(t, store.PutSession{Session: s},
		store.PutLease{Lease: store.Lease{UserName: s.UserName, Address: contested}},
		store.PutBinding{Binding: bound})
}

// A store with two users of one address, as a crash could leave it once, does not
// keep the daemon from starting: who was authorised last has the address.
func TestRestoreSettlesWhoseAnAddressIs(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]int{"in the order of names": 1, "in the other order": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			second := 3 - first
			b.twice(t, first, time.Now().Add(-time.Hour))
			b.twice(t, second, time.Now())
			loser, winner := storetest.Session(first).UserName, storetest.Session(second).UserName
			creds, log := b.logged(t, prefix)
			if len(creds) != 1 || creds[0].UserName != winner {
				t.Errorf("restored %+v, want %s", creds, winner)
			}
			if s, ok := b.Owner(contested); !ok || s.UserName != winner || b.Counts().Total != 1 {
				t.Errorf("%s is %s's, want %s's, of %d sessions", contested, s.UserName, winner, b.Counts().Total)
			}
			if !strings.Contains(log, "user_name="+loser) || !strings.Contains(log, contested.String()) {
				t.Errorf("the log does not name %s and %s:\n%s", loser, contested, log)
			}
			left := storetest.Take(t, b.disk)
			if len(left.Sessions) != 1 || len(left.Bindings) != 0 || left.Leases[winner].Address != contested {
				t.Errorf("the store holds %+v", left)
			}
			// Nothing of the loser's is left but the key that must not come back.
			if l := left.Leases[loser]; len(left.Leases) != 2 || l.Address.IsValid() || l.LastKey != storetest.Session(first).Fingerprint {
				t.Errorf("the store holds the lease %+v", l)
			}
			if _, log := b.logged(t, prefix); log != "" {
				t.Errorf("the second start says:\n%s", log)
			}
		})
	}
}

// Three users, authorised at one time: every start decides alike.
func TestRestoreSettlesTiesByName(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for range 10 {
		b := newBench(t, nil)
		for n := range 3 {
			b.twice(t, n, now)
		}
		b.logged(t, prefix)
		if s, _ := b.Owner(contested); s.UserName != "mn2@example.com" {
			t.Errorf("%s is %s's", contested, s.UserName)
		}
	}
}

// While the store cannot be told, whose the address is stays open: the binding read
// next could be that of either.
func TestRestoreFailsWithTheStore(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.twice(t, 1, time.Now())
	b.twice(t, 2, time.Now().Add(time.Second))
	full := errors.New("disk full")
	b.disk.fail(full)
	if _, err := b.Restore(); !errors.Is(err, full) {
		t.Errorf("Restore = %v, want %v", err, full)
	}
}

// Leases in use follow the sessions: one that no session stands for would never
// end, and an address with a session is in use.
func TestRestoreAlignsLeasesWithSessions(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.twice(t, 1, time.Now())
	alone := netip.MustParseAddr("2001:db8:1::78")
	b.put(t, store.DeleteLease{UserName: "mn1@example.com"},
		store.PutLease{Lease: store.Lease{UserName: "same", Address: contested}},
		store.PutLease{Lease: store.Lease{UserName: "alone", Address: alone}})
	if _, log := b.logged(t, prefix); !strings.Contains(log, "user_name=same") || !strings.Contains(log, "user_name=alone") {
		t.Errorf("the log does not say whose leases ended:\n%s", log)
	}
	b.refused(t, asking(2), session.AddressOfOtherUser)
	other := asking(3)
	other.HomeAddress = alone
	b.refused(t, other, session.AddressHeldDown)
	left := storetest.Take(t, b.disk)
	if _, there := left.Leases["same"]; there || left.Leases["alone"].Released.IsZero() {
		t.Errorf("the store holds %+v", left.Leases)
	}
}
