package session_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/session"
	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
)

var otherPrefix = netip.MustParsePrefix("2001:db8:9::/64")

func overs(all *[]session.Cause) func(store.Session, session.Cause) {
	return func(_ store.Session, why session.Cause) { *all = append(*all, why) }
}

func (b *bench) expectDormant(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, s := range b.Dormant() {
		got = append(got, s.UserName)
	}
	if !slices.Equal(got, want) || b.Counts().Dormant != len(want) {
		t.Errorf("dormant: %q, %d counted, want %q", got, b.Counts().Dormant, want)
	}
}

// registered is a bench with mn1 bootstrapped and registered, and with what the store
// holds of it.
func registered(t *testing.T) (*bench, store.Session, storetest.Snapshot) {
	t.Helper()
	b := newBench(t, nil)
	b.must(t, request(1))
	s, _ := b.disk.stored(t, "mn1@example.com")
	bound := storetest.Binding(1)
	bound.HomeAddress, bound.HomeAgent = s.HomeAddress, s.HomeAgent
	b.put(t, store.PutBinding{Binding: bound})
	return b, s, storetest.Take(t, b.disk)
}

// A configuration that has no place for a session ends nothing: neither a home prefix
// that left it, nor a home agent address. Nobody is served meanwhile, and with the
// configuration of before it is as if nothing had been.
func TestSessionsWithoutAPlaceAreDormant(t *testing.T) {
	t.Parallel()
	for name, misplace := range map[string]func(*bench) netip.Prefix{
		"home prefix": func(*bench) netip.Prefix { return otherPrefix },
		"home agent": func(b *bench) netip.Prefix {
			b.cfg.HomeAgents = []netip.Addr{homeAgent2}
			return prefix
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, s, before := registered(t)
				served := misplace(b)
				for range 2 {
					if creds, _ := b.logged(t, served); len(creds) != 0 || b.Counts().Total != 0 {
						t.Errorf("restored %+v", creds)
					}
					b.expectDormant(t, "mn1@example.com")
					if _, ok := b.Owner(s.HomeAddress); ok {
						t.Error("it is served")
					}
					if _, ok := b.DormantAt(s.HomeAddress); !ok {
						t.Error("its binding is nobody's")
					}
				}
				b.run(t)
				synctest.Wait()
				if diff := storetest.Diff(before, storetest.Take(t, b.disk)); diff != "" {
					t.Errorf("the store holds (-want +got):\n%s", diff)
				}
				b.cfg.HomeAgents = []netip.Addr{homeAgent}
				if creds, _ := b.logged(t, prefix); len(creds) != 1 || creds[0].ReqID != s.ReqID {
					t.Errorf("with the configuration of before: %+v", creds)
				}
				b.expectDormant(t)
			})
		})
	}
}

// Who is authorized anew needs the session of before no more. A refusal leaves it.
func TestDormantSessionIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, s, before := registered(t)
		b.logged(t, otherPrefix)
		b.run(t)
		again := func() session.Request {
			r := request(1)
			r.AAAKey = key(9)
			return r
		}
		b.charon.armErr = errors.New("charon is gone")
		b.refused(t, again(), session.KeyNotLoaded)
		b.expectDormant(t, "mn1@example.com")
		left := storetest.Take(t, b.disk)
		if diff := storetest.Diff(before, left); diff != "" {
			t.Errorf("after a refusal the store holds (-want +got):\n%s", diff)
		}
		b.charon.armErr = nil
		grant := b.must(t, again())
		b.expectDormant(t)
		synctest.Wait() // Run removes the binding
		left = storetest.Take(t, b.disk)
		if now := left.Sessions["mn1@example.com"]; !otherPrefix.Contains(grant.HomeAddress) || now.HomeAddress != grant.HomeAddress || now.ReqID <= s.ReqID {
			t.Errorf("granted %v, session %+v", grant, now)
		}
		if len(left.Sessions) != 1 || len(left.Bindings) != 0 {
			t.Errorf("the store holds %+v", left)
		}
	})
}

// Nobody else gets what a dormant session will need again: its Session-Id, its user
// name in another form, and its address where that is served.
func TestDormantSessionKeepsWhatIsIts(t *testing.T) {
	t.Parallel()
	b, s, _ := registered(t)
	b.cfg.HomeAgents = []netip.Addr{homeAgent2}
	b.logged(t, prefix)
	thief := request(2)
	thief.SessionID = s.SessionID
	b.refused(t, thief, session.SessionOfOtherUser)
	thief = request(2)
	thief.UserName = "MN1@example.com"
	b.refused(t, thief, session.UserNameOfOther)
	thief = request(2)
	thief.HomeAddress = s.HomeAddress
	b.refused(t, thief, session.AddressOfOtherUser)
	n, m := node(t, 1), node(t, 2)
	n.HomeAgent, m.HomeAgent, m.HomeAddress = homeAgent2, homeAgent2, s.HomeAddress
	b.refusesNode(t, "homeagentctl release mn1@example.com", n)
	b.refusesNode(t, "homeagentctl release "+s.HomeAddress.String(), m)
	again := request(1)
	again.AAAKey, again.KeyID = key(9), again.KeyID+1
	if grant := b.must(t, again); grant.HomeAddress != s.HomeAddress || grant.HomeAgent != homeAgent2 {
		t.Errorf("its user gets %+v", grant)
	}
}

// An operator ends it, or its time.
func TestDormantSessionEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *bench){
		"by an operator": func(t *testing.T, b *bench) {
			if err := b.Release(t.Context(), "aaah;1;1"); err != nil {
				t.Error(err)
			}
		},
		"by its time":       func(*testing.T, *bench) { time.Sleep(1000 * time.Hour) },
		"while it was down": func(t *testing.T, b *bench) { time.Sleep(1000 * time.Hour); b.logged(t, otherPrefix); b.run(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, _, _ := registered(t)
				var over []session.Cause
				b.cfg.Over = overs(&over)
				b.logged(t, otherPrefix)
				if name != "while it was down" {
					b.run(t)
				}
				end(t, b)
				synctest.Wait()
				b.expectDormant(t)
				if left := storetest.Take(t, b.disk); len(left.Sessions) != 0 || len(left.Bindings) != 0 || len(over) != 1 {
					t.Errorf("the store holds %+v; told %v", left, over)
				}
				if _, err := b.Find("mn1@example.com"); !errors.Is(err, session.ErrUnknown) {
					t.Errorf("found: %v", err)
				}
			})
		})
	}
}
