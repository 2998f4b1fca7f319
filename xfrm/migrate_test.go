package xfrm

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"homeagent/xfrm/internal/object"
)

func TestMigrateAnnouncesWithoutMovingAnything(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired())
	before := fake.String()
	m := Migration{HomeAddress: addr("2001:db8:1::100"), HomeAgent: addr("2001:db8:1::1"), CareOf: addr("2001:db8:2::b"), ReqID: 5001}
	for range 2 {
		if err := k.Migrate(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		checkText(t, "commands", `ip xfrm migrate src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in`+
			` proto esp mode transport reqid 1001 from src :: dst :: to src 2001:db8:1::100 dst 2001:db8:1::1`+
			` proto esp mode transport reqid 5001 from src :: dst :: to src 2001:db8:1::100 dst 2001:db8:1::1`+
			` kmaddress local 2001:db8:1::1 remote 2001:db8:2::b`, fake.Journal())
	}
	checkState(t, before, fake)
}

// Associations in tunnel mode move with the IKE_SA, a message for each pair;
// those that have not moved have nothing to do.
func TestMigrateTakesTunnelsAlong(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired())
	m := Migration{
		HomeAddress: addr("2001:db8:1::100"), HomeAgent: addr("2001:db8:1::1"), CareOf: addr("2001:db8:2::b"), ReqID: 5001,
		Protection: Protection{ReturnRoutability: 7, Payload: 8}, From: addr("2001:db8:2::a"),
	}
	if err := k.Migrate(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	tunnel := func(reqID string) string {
		return `ip xfrm migrate src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in` +
			` proto esp mode transport reqid 1001 from src :: dst :: to src 2001:db8:1::100 dst 2001:db8:1::1` +
			` proto esp mode tunnel reqid ` + reqID + ` from src 2001:db8:2::a dst 2001:db8:1::1 to src 2001:db8:2::b dst 2001:db8:1::1` +
			` proto esp mode tunnel reqid ` + reqID + ` from src 2001:db8:1::1 dst 2001:db8:2::a to src 2001:db8:1::1 dst 2001:db8:2::b` +
			` kmaddress local 2001:db8:1::1 remote 2001:db8:2::b` + "\n"
	}
	own := `ip xfrm migrate src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in` +
		` proto esp mode transport reqid 1001 from src :: dst :: to src 2001:db8:1::100 dst 2001:db8:1::1` +
		` proto esp mode transport reqid 5001 from src :: dst :: to src 2001:db8:1::100 dst 2001:db8:1::1` +
		` kmaddress local 2001:db8:1::1 remote 2001:db8:2::b`
	checkText(t, "commands", tunnel("7")+tunnel("8")+own, fake.Journal())
	for _, from := range []string{"2001:db8:2::b", ""} {
		m.From, _ = netip.ParseAddr(from)
		if err := k.Migrate(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		checkText(t, "commands", own, fake.Journal())
	}
}

// Where charon is moving a pair of associations already it is told all the same.
func TestMigrateLeavesToCharonWhatItMoves(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired())
	m := Migration{
		HomeAddress: addr("2001:db8:1::100"), HomeAgent: addr("2001:db8:1::1"), CareOf: addr("2001:db8:2::b"), ReqID: 5001,
		Protection: Protection{ReturnRoutability: 7, Payload: 8}, From: addr("2001:db8:2::a"),
	}
	const policy = "ip xfrm migrate src 2001:db8:1::/64 dst 2001:db8:1::1/128 proto 135 dir in proto esp mode transport reqid 1001 from src :: dst :: to src 2001:db8:1::100 dst 2001:db8:1::1"
	busy := policy + " proto esp mode tunnel reqid 7"
	fake.Fail(busy, syscall.ENODATA)
	if err := k.Migrate(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(fake.Journal()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], policy+" proto esp mode transport reqid 7 from src :: dst ::") ||
		!strings.HasPrefix(lines[1], policy+" proto esp mode tunnel reqid 8 ") || !strings.Contains(lines[2], " reqid 5001 ") {
		t.Errorf("got %q", lines)
	}
	fake.Fail(busy, syscall.EPERM)
	if err := k.Migrate(t.Context(), m); !errors.Is(err, syscall.EPERM) {
		t.Errorf("got error %v, want %v", err, syscall.EPERM)
	}
}

func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired())
	good := Migration{HomeAddress: addr("2001:db8:1::100"), HomeAgent: addr("2001:db8:1::1"), CareOf: addr("2001:db8:2::b"), ReqID: 5001}
	tests := []struct {
		name   string
		change func(*Migration)
		want   string
	}{
		{"everybody's reqid", func(m *Migration) { m.ReqID = 1001 }, "reqid 1001 is not this mobile node's own"},
		{"no reqid", func(m *Migration) { m.ReqID = 0 }, "reqid 0 is not"},
		{"foreign home address", func(m *Migration) { m.HomeAddress = addr("2001:db8:9::1") }, "no policy for its messages"},
		{"foreign home agent", func(m *Migration) { m.HomeAgent = addr("2001:db8:1::2") }, "no policy for its messages"},
	}
	for _, tt := range tests {
		m := good
		tt.change(&m)
		if err := k.Migrate(t.Context(), m); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Migrate(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	checkText(t, "commands", "", fake.Journal())
}

// A policy that cannot be migrated is replaced: here it was flushed behind our
// back.
func TestBindReplacesWhatCannotBeMigrated(t *testing.T) {
	t.Parallel()
	before, after := bound("100", "a", protected(Protection{ReturnRoutability: 7})), bound("100", "b", protected(Protection{ReturnRoutability: 7}))
	k, fake := start(t, desired(before))
	if err := fake.Apply(object.Delete, before.policies()[1]); err != nil {
		t.Fatal(err)
	}
	fake.Journal()
	if err := k.Bind(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if journal := fake.Journal(); strings.Count(journal, "ip xfrm migrate") != 2 || strings.Count(journal, "ip xfrm policy update") != 1 {
		t.Errorf("got\n%s\nwant two migrations and one replacement", journal)
	}
	checkSettled(t, k, fake, []Binding{after})
}

func TestMigrationOf(t *testing.T) {
	t.Parallel()
	from := bound("100", "a", protected(Protection{Payload: 7})).policies()[0]
	to := bound("100", "b", protected(Protection{Payload: 7})).policies()[0]
	if _, ok := migrationOf(from, to); !ok {
		t.Error("a move is none")
	}
	for name, change := range map[string]func(p *object.Policy){
		"nothing":   func(p *object.Policy) { *p = from },
		"reqid":     func(p *object.Policy) { p.Templates[0].ReqID = 8 },
		"mode":      func(p *object.Policy) { p.Templates[0].Mode = object.Transport },
		"direction": func(p *object.Policy) { p.Direction = object.Out },
		"priority":  func(p *object.Policy) { p.Priority++ },
	} {
		other := to
		change(&other)
		if _, ok := migrationOf(from, other); ok {
			t.Errorf("a change of %s is a move", name)
		}
	}
}
