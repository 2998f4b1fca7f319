package xfrm

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/xfrm/internal/kernel"
	"homeagent/xfrm/internal/object"
)

func TestWatchTellsOfWhatIsOurs(t *testing.T) {
	t.Parallel()
	ours := receivedPolicy(addr("2001:db8:1::1"), prefix("2001:db8:1::/64"), 1001)
	foreign := ours
	foreign.Priority = 100000
	device := object.Tunnel{Index: 1, MTU: 1460, Up: true}
	down, narrow, other := device, device, device
	down.Up, narrow.MTU, other.Index = false, 1280, 2
	otherState := wildcardState().Key()
	otherState.Src = addr("2001:db8::1")
	tests := []struct {
		name  string
		event object.Event
		want  bool
	}{
		{"events missed", object.Event{Kind: object.Missed}, true},
		{"policies or states flushed", object.Event{Kind: object.Flushed}, true},
		{"policy of ours", object.Event{Kind: object.PolicyChanged, Policy: ours}, true},
		{"policy of others", object.Event{Kind: object.PolicyChanged, Policy: foreign}, false},
		{"wildcard state", object.Event{Kind: object.StateDeleted, State: wildcardState().Key()}, true},
		{"other state", object.Event{Kind: object.StateDeleted, State: otherState}, false},
		{"device deleted", object.Event{Kind: object.DeviceDeleted, Device: device}, true},
		{"device down", object.Event{Kind: object.DeviceChanged, Device: down}, true},
		{"device narrowed", object.Event{Kind: object.DeviceChanged, Device: narrow}, true},
		{"device as it should be", object.Event{Kind: object.DeviceChanged, Device: device}, false},
		{"other device deleted", object.Event{Kind: object.DeviceDeleted, Device: other}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, fake := start(t, desired())
			ctx, cancel := context.WithCancel(t.Context())
			drifts, ended := 0, make(chan error)
			go func() { ended <- k.Watch(ctx, Watcher{Drift: func() { drifts++ }}) }()
			fake.Tell(tt.event)
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if got := drifts == 1; got != tt.want {
				t.Errorf("%d hints, want one: %t", drifts, tt.want)
			}
		})
	}
}

func TestWatchTellsOfRejections(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired())
	ctx, cancel := context.WithCancel(t.Context())
	var got []Rejection
	ended := make(chan error)
	go func() { ended <- k.Watch(ctx, Watcher{Rejected: func(r Rejection) { got = append(got, r) }}) }()
	want := Rejection{HomeAddress: addr("2001:db8:1::100"), CareOf: addr("2001:db8:2::a"), HomeAgent: addr("2001:db8:1::1"), Protocol: 17}
	fake.Tell(object.Event{Kind: object.Rejected, Rejection: object.Rejection(want)})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]Rejection{want}, got, cmpopts.EquateComparable(Rejection{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	k, fake := start(t, desired(bound("100", "a", network("2001:db8:100::/56")), bound("101", "b", protected(Protection{Payload: 7}))))
	fake.Count(0, object.Statistics{Dropped: 5})
	fake.Count(1, object.Statistics{Packets: 1, Octets: 100})
	fake.Count(2, object.Statistics{Packets: 2, Octets: 300})
	got, err := k.Counters()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Counters{Spoofed: 5, IPsec: map[string]uint64{"XfrmInTmplMismatch": 0}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	tests := []struct {
		home string
		want Traffic
		err  error
	}{
		{"2001:db8:1::100", Traffic{Packets: 3, Octets: 400}, nil},
		{"2001:db8:1::101", Traffic{}, nil},
		{"2001:db8:1::102", Traffic{}, ErrNotBound},
	}
	for _, tt := range tests {
		got, err := k.Received(addr(tt.home))
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v and error %v, want %v and %v", tt.home, got, err, tt.want, tt.err)
		}
	}
	if _, err := newKernel(k.log, kernel.NewFake()).Received(addr("2001:db8:1::100")); !errors.Is(err, ErrNotSet) {
		t.Errorf("before Set: got error %v, want %v", err, ErrNotSet)
	}
}

func TestProtectionString(t *testing.T) {
	t.Parallel()
	for p, want := range map[Protection]string{
		{}: "none", {ReturnRoutability: 1}: "return routability", {Payload: 1}: "payload",
		{ReturnRoutability: 1, Payload: 2}: "payload and return routability",
	} {
		if got := p.String(); got != want {
			t.Errorf("%#v: got %q, want %q", p, got, want)
		}
	}
}
