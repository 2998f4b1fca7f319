package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/session"
)

// The key of a session that has ended stays refused whatever the configuration did to
// its user and its address meanwhile, also after a restart.
func TestEndedKeyIsRefusedForGood(t *testing.T) {
	t.Parallel()
	ours, other := node(t, 1), node(t, 2)
	other.HomeAddress = ours.HomeAddress
	tests := []struct {
		name      string
		meanwhile func(t *testing.T, b *bench)
	}{
		{"nothing", func(*testing.T, *bench) {}},
		{"the user was of the configuration", func(t *testing.T, b *bench) {
			b.configure(t, ours)
			b.configure(t)
		}},
		{"the user was of the configuration over restarts", func(t *testing.T, b *bench) {
			b.cfg.Nodes = []session.Node{ours}
			b.restart(t)
			b.cfg.Nodes = nil
			b.restart(t)
		}},
		{"the user moved in the configuration", func(t *testing.T, b *bench) {
			b.configure(t, ours)
			elsewhere := ours
			elsewhere.HomeAddress = node(t, 3).HomeAddress
			b.configure(t, elsewhere)
			b.restart(t) // without it
		}},
		{"the home prefix was another", func(t *testing.T, b *bench) { b.logged(t, otherPrefix) }},
		{"another one of the configuration got the address", func(t *testing.T, b *bench) { b.configure(t, other) }},
		{"another one of the configuration got the address at a restart", func(t *testing.T, b *bench) {
			b.cfg.Nodes = []session.Node{other}
			b.restart(t)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			r := request(1)
			r.HomeAddress = ours.HomeAddress
			b.must(t, r)
			if err := b.Release(t.Context(), r.UserName); err != nil {
				t.Fatal(err)
			}
			tt.meanwhile(t, b)
			b.refused(t, request(1), session.KeyReplayed)
			b.cfg.Nodes = nil
			b.restart(t)
			b.refused(t, request(1), session.KeyReplayed)
		})
	}
}

// So does the key of a session that a start finds over.
func TestKeyOfASessionDroppedAtAStartIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		other := node(t, 2)
		r := request(1)
		r.HomeAddress = other.HomeAddress
		b.must(t, r)
		time.Sleep(2 * hour)
		b.cfg.Nodes = []session.Node{other}
		for range 2 {
			b.restart(t)
			b.owner(t, other)
			b.refused(t, request(1), session.KeyReplayed)
		}
	})
}

// Memory is bounded: who lost his address first is forgotten first.
func TestRememberedKeysAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, func(c *session.Config) { c.Remembered = 2 })
		b.run(t)
		for i := range 3 {
			r := request(i + 1)
			r.HomeAddress = node(t, 7).HomeAddress // one after the other
			b.must(t, r)
			if err := b.Release(t.Context(), r.UserName); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		r := request(4)
		r.HomeAddress = node(t, 7).HomeAddress
		b.must(t, r)
		synctest.Wait()
		for range 2 {
			b.refused(t, request(2), session.KeyReplayed)
			b.refused(t, request(3), session.KeyReplayed)
			b.restart(t)
		}
		b.must(t, request(1))
	})
}
