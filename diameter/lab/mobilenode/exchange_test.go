package mobilenode

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/mobility"
)

// script is a home agent that answers the nth Binding Update with the nth entry.
type script struct {
	answers [][]mobility.Message // nil is silence
	sent    []uint16             // sequence numbers
	at      []time.Duration      // when, since the start
	start   time.Time
	waiting []mobility.Message
	raw     []byte // delivered first, once
}

func (s *script) send(message []byte) error {
	m, err := mobility.Parse(message)
	if err != nil {
		return err
	}
	s.sent = append(s.sent, m.(*mobility.BindingUpdate).Sequence)
	s.at = append(s.at, time.Since(s.start))
	if n := len(s.sent) - 1; n < len(s.answers) {
		s.waiting = append(s.waiting, s.answers[n]...)
	}
	return nil
}

func (s *script) receive(ctx context.Context, deadline time.Time) ([]byte, error) {
	if raw := s.raw; raw != nil {
		s.raw = nil
		return raw, nil
	}
	if len(s.waiting) > 0 {
		m := s.waiting[0]
		s.waiting = s.waiting[1:]
		b, err := mobility.Append(nil, m)
		return b, err
	}
	select {
	case <-time.After(time.Until(deadline)):
		return nil, errTimeout
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func ack(sequence uint16, status mobility.Status) *mobility.BindingAcknowledgement {
	return &mobility.BindingAcknowledgement{Sequence: sequence, Status: status, Lifetime: 100}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	type messages = []mobility.Message
	const s = time.Second
	tests := []struct {
		name    string
		first   uint16
		raw     []byte
		answers []messages
		want    Registration
		sent    []uint16
		at      []time.Duration
	}{
		{
			name: "answered at once", first: 7,
			answers: []messages{{ack(7, mobility.StatusAccepted)}},
			want:    Registration{Sequence: 7, Lifetime: 400 * s, Updates: 1},
			sent:    []uint16{7}, at: []time.Duration{0},
		},
		{
			name: "repeated with growing numbers and pauses", first: 65534,
			answers: []messages{nil, nil, nil, {ack(1, mobility.StatusAccepted)}},
			want:    Registration{Sequence: 1, Lifetime: 400 * s, Updates: 4, Took: 10*s + 500*time.Millisecond},
			sent:    []uint16{65534, 65535, 0, 1}, at: []time.Duration{0, 1500 * time.Millisecond, 4500 * time.Millisecond, 10500 * time.Millisecond},
		},
		{
			name: "late answer to an earlier one", first: 7,
			answers: []messages{nil, {ack(7, mobility.StatusAccepted)}},
			want:    Registration{Sequence: 7, Lifetime: 400 * s, Updates: 2, Took: 1500 * time.Millisecond},
			sent:    []uint16{7, 8}, at: []time.Duration{0, 1500 * time.Millisecond},
		},
		{
			name: "answers to others, other messages and rubbish are passed over", first: 7, raw: []byte{1, 2, 3},
			answers: []messages{{
				ack(6, mobility.StatusAccepted), ack(8, mobility.StatusAccepted),
				&mobility.BindingRefreshRequest{}, ack(7, mobility.StatusNotHomeAgent),
			}},
			want: Registration{Status: mobility.StatusNotHomeAgent, Sequence: 7, Lifetime: 400 * s, Updates: 1},
			sent: []uint16{7}, at: []time.Duration{0},
		},
		{
			name: "the home agent remembers a later number", first: 7,
			answers: []messages{{ack(300, mobility.StatusSequenceOutOfWindow)}, {ack(301, mobility.StatusAccepted)}},
			want:    Registration{Sequence: 301, Lifetime: 400 * s, Updates: 2},
			sent:    []uint16{7, 301}, at: []time.Duration{0, 0},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &script{answers: tt.answers, start: time.Now(), raw: tt.raw}
				got, err := exchange(t.Context(), c, &mobility.BindingUpdate{Sequence: tt.first})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
					t.Errorf("registration (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.sent, c.sent); diff != "" {
					t.Errorf("sequence numbers (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.at, c.at); diff != "" {
					t.Errorf("sent at (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestExchangeGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		c := &script{start: time.Now()}
		_, err := exchange(ctx, c, &mobility.BindingUpdate{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		// 1.5, 3, 6, 12, 24 s, then 32 s at a time.
		if got, want := len(c.sent), 13; got != want {
			t.Errorf("sent %d Binding Updates in 5 minutes, want %d", got, want)
		}
	})
}

func TestExchangeDoesNotChaseSequenceNumbersForever(t *testing.T) {
	t.Parallel()
	c := &script{}
	for range 20 {
		c.answers = append(c.answers, []mobility.Message{ack(9, mobility.StatusSequenceOutOfWindow)})
	}
	got, err := exchange(t.Context(), c, &mobility.BindingUpdate{})
	if err != nil || got.Status != mobility.StatusSequenceOutOfWindow || got.Updates != 10 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// broken is a channel that cannot send.
type broken struct{ script }

var errBroken = errors.New("network is unreachable")

func (*broken) send([]byte) error { return errBroken }

func TestExchangeReportsThatItCannotSend(t *testing.T) {
	t.Parallel()
	if _, err := exchange(t.Context(), &broken{}, &mobility.BindingUpdate{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
