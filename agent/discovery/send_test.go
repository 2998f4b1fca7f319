package discovery_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"homeagent/agent/discovery"
	"homeagent/agent/discovery/message"
	"homeagent/agent/mobilitysocket/rawsocket"
)

// While the kernel says that there is no association, the mobile node may lose it, or
// move. The advertisement leaves in the clear only if it stands that there is none.
func TestH42_AssociationEndsWhileSending(t *testing.T) {
	elsewhere := careOf.Next()
	for _, tt := range []struct {
		name    string
		then    *discovery.Binding // nil for none
		require bool
		want    discovery.Outcome
	}{
		{"it has ended", &discovery.Binding{CareOf: careOf, HomeAgent: agent}, false, discovery.Answered},
		{"it has ended, one is required", &discovery.Binding{CareOf: careOf, HomeAgent: agent}, true, discovery.Unprotected},
		{"it is there", &discovery.Binding{CareOf: careOf, HomeAgent: agent, Association: 7}, false, discovery.Unprotected},
		{"another one is there", &discovery.Binding{CareOf: careOf, HomeAgent: agent, Association: 8}, false, discovery.Unprotected},
		{"the mobile node has moved", &discovery.Binding{CareOf: elsewhere, HomeAgent: agent}, false, discovery.Unprotected},
		{"the mobile node has gone", nil, false, discovery.Unprotected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tryWith(t, discovery.Config{Links: []discovery.Link{physical()}, RequireESP: tt.require}, func(b *bench) {
				b.bind(home, discovery.Binding{CareOf: careOf, HomeAgent: agent, Association: 7})
				b.socket.sending = func() {
					b.bindings.Delete(home)
					if tt.then != nil {
						b.bind(home, *tt.then)
					}
				}
				sent := b.arrive(rawsocket.Packet{Source: careOf, HomeAddress: home, Destination: agent}, &message.PrefixSolicitation{ID: 1})
				b.outcome(tt.want, 1)
				if (len(sent) == 1) != (tt.want == discovery.Answered) || len(sent) == 1 && sent[0].Association != 0 {
					t.Errorf("sent %+v", sent)
				}
			})
		})
	}
}

// Whoever was not answered, as that was not possible, may ask again at once.
func TestH42_UnsentAnswerIsNotCountedAgainstTheNext(t *testing.T) {
	try(t, func(b *bench) {
		solicitation := rawsocket.Packet{Source: careOf, HomeAddress: home, Destination: agent}
		b.socket.fail = errors.New("no buffer space available")
		b.arrive(solicitation, &message.PrefixSolicitation{ID: 1})
		b.outcome(discovery.Unsent, 1)
		b.socket.fail = nil
		if sent := b.arrive(solicitation, &message.PrefixSolicitation{ID: 2}); len(sent) != 1 {
			t.Errorf("sent %+v", sent)
		}
		b.outcome(discovery.Answered, 1)
		b.arrive(solicitation, &message.PrefixSolicitation{ID: 3})
		b.outcome(discovery.RateLimited, 1)
	}, physical())
}

// A socket or an interface that does not answer keeps nobody from the server's status
// or configuration.
func TestNoLockIsHeldWhileSending(t *testing.T) {
	cfg := discovery.Config{Links: []discovery.Link{physical()}, MinInterval: 10 * time.Minute, MaxInterval: 24 * time.Hour}
	tryWith(t, cfg, func(b *bench) {
		var calls atomic.Int32
		use := func() { // if one waited, it would be for ever
			calls.Add(1)
			b.Status()
			if err := b.Reconfigure([]discovery.Link{physical()}); err != nil {
				t.Error(err)
			}
		}
		b.socket.sending = use
		b.acknowledge()
		b.arrive(rawsocket.Packet{Source: careOf, Destination: anycast}, &message.AgentRequest{})
		b.Bound(home)
		b.expectTold("soon", 24*time.Hour, 4)
		if got := calls.Load(); got != 6 {
			t.Errorf("%d packets sent, want 6", got)
		}
		b.finding.Store(&use)
		time.Sleep(time.Minute)
		if got := calls.Load(); got < 10 {
			t.Errorf("%d calls after looks at interfaces", got)
		}
	})
}
