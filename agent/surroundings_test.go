package agent

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
	"homeagent/agent/events"
)

// The operator hears once of what is wrong around the daemon, and once that it
// was mended.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		box := &machine.Fake{Disk: fstest.MapFS{}}
		cfg := config.Defaults()
		cfg.HomeAgent.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::1")}
		s := &surroundings{cfg: cfg, box: box, events: events.New(0, slog.New(slog.NewTextHandler(&out, nil)))}
		want := []control.Warning{
			{Cause: control.BoxNotReady, Text: "the kernel does not forward IPv6 packets, so mobile nodes get none", Repair: "sysctl -w net.ipv6.conf.all.forwarding=1"},
			{Cause: control.BoxNotReady, Text: "the home agent's address 2001:db8::1 is on no interface", Repair: "ip address add 2001:db8::1/128 dev lo"},
		}
		for range 3 {
			if diff := cmp.Diff(want, s.look(t.Context())); diff != "" {
				t.Errorf("unexpected warnings (-want +got):\n%s", diff)
			}
			time.Sleep(time.Minute)
		}
		box.Net = doctor.Network{Forwarding: true}
		if got := s.look(t.Context()); len(got) != 1 {
			t.Errorf("%d warnings after one was heeded", len(got))
		}
		for text, times := range map[string]int{"does not forward IPv6 packets": 2, "is on no interface": 1, "needs it again": 1, "level=WARN": 2} {
			if got := strings.Count(out.String(), text); got != times {
				t.Errorf("%q is %d times in the log, want %d:\n%s", text, got, times, out.String())
			}
		}
	})
}

func TestNoSurroundings(t *testing.T) {
	t.Parallel()
	s := &surroundings{cfg: config.Defaults()}
	if got := s.look(t.Context()); got != nil {
		t.Errorf("warnings without a box: %v", got)
	}
}

// slowBox is one whose network is told only when somebody lets it.
type slowBox struct {
	machine.Fake
	asked, answer chan struct{}
}

func (b *slowBox) Network() (doctor.Network, error) {
	b.asked <- struct{}{}
	<-b.answer
	return b.Fake.Network()
}

// While one looks at a box that is slow, others go on with what was known.
func TestSlowSurroundings(t *testing.T) {
	t.Parallel()
	box := &slowBox{Fake: machine.Fake{Disk: fstest.MapFS{}}, asked: make(chan struct{}), answer: make(chan struct{})}
	s := &surroundings{cfg: config.Defaults(), box: box, events: events.New(0, slog.New(slog.DiscardHandler))}
	done := make(chan []control.Warning)
	go func() { done <- s.look(t.Context()) }()
	<-box.asked
	if got := s.look(t.Context()); got != nil {
		t.Errorf("warnings before anything is known: %v", got)
	}
	close(box.answer)
	if got := <-done; len(got) != 1 {
		t.Errorf("warnings: %v", got)
	}
	if got := s.look(t.Context()); len(got) != 1 {
		t.Errorf("warnings a moment later: %v", got)
	}
}
