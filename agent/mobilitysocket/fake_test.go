package mobilitysocket_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"homeagent/agent/mobilitysocket"
)

func TestFakeDeliversAndRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := mobilitysocket.NewFake()
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			result <- fake.Run(ctx, func(p *mobilitysocket.Packet) {
				if err := fake.Send(p.Reply(slices.Clone(p.Payload))); err != nil {
					t.Errorf("sending: %v", err)
				}
			})
		}()
		<-fake.Ready()
		payload := []byte{59, 1}
		fake.Deliver(mobilitysocket.Packet{
			Source:      netip.MustParseAddr("2001:db8:2::5"),
			HomeAddress: netip.MustParseAddr("2001:db8:1::100"),
			Destination: netip.MustParseAddr("2001:db8:1::1"),
			Payload:     payload,
		})
		want := "IP6 2001:db8:1::1 > 2001:db8:2::5: RT6 (type=2, 2001:db8:1::100): mobility 3b01\n"
		if got := fake.String(); got != want {
			t.Errorf("sent\n%swant\n%s", got, want)
		}
		if !slices.Equal(payload, []byte{0, 0}) {
			t.Errorf("the payload is %x after delivery: a handler that keeps it would not notice", payload)
		}
		if n := len(fake.Sent()) + len(fake.Sent()); n != 1 {
			t.Errorf("%d packets returned as sent, want 1", n)
		}
		cancel()
		if err := <-result; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestFakeFails(t *testing.T) {
	t.Parallel()
	fake, wanted := mobilitysocket.NewFake(), errors.New("network is unreachable")
	fake.Fail(wanted)
	if err := fake.SendError(mobilitysocket.Outgoing{}); !errors.Is(err, wanted) {
		t.Errorf("sending: %v, want %v", err, wanted)
	}
	fake.Fail(nil)
	if err := fake.Send(mobilitysocket.Outgoing{Interface: 4}); err != nil {
		t.Errorf("sending: %v", err)
	}
	if got, want := fake.String(), "IP6 invalid IP > invalid IP [out of interface 4]: mobility \n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}
