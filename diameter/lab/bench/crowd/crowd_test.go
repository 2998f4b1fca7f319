package crowd

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket/wiretest"
)

// A script is a medium with a home agent that answers the nth Binding Update with
// the nth entry.
type script struct {
	t       *testing.T
	answers []func(mobility.BindingUpdate) [][]byte // nil is silence
	sent    []uint16
	packets chan []byte
	err     error
}

func (s *script) send(packet []byte, _ net.HardwareAddr) error {
	if s.err != nil {
		return s.err
	}
	p, err := wiretest.Parse(packet)
	if err != nil {
		return err
	}
	_, _, message, err := newTestSuite(s.t).open(p.Payload)
	if err != nil {
		return err
	}
	m, err := mobility.Parse(message)
	if err != nil {
		return err
	}
	update := *m.(*mobility.BindingUpdate)
	s.sent = append(s.sent, update.Sequence)
	if n := len(s.sent) - 1; n < len(s.answers) && s.answers[n] != nil {
		for _, answer := range s.answers[n](update) {
			s.packets <- answer
		}
	}
	return nil
}

func (s *script) serve(handle func([]byte)) error {
	for p := range s.packets {
		handle(p)
	}
	return nil
}

func (s *script) close() error {
	close(s.packets)
	return nil
}

func open(t *testing.T, s *script) *Crowd {
	t.Helper()
	s.t, s.packets = t, make(chan []byte, 16)
	c, err := gather(s, []Node{{HomeAddress: home, HomeAgent: agent, SPI: 0x1000}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Run() }()
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	type answer = func(mobility.BindingUpdate) [][]byte
	right := func(u mobility.BindingUpdate) [][]byte {
		return [][]byte{acknowledge(t, newTestSuite(t), away, 0x1001, &mobility.BindingAcknowledgement{Sequence: u.Sequence, Lifetime: u.Lifetime})}
	}
	late := func(u mobility.BindingUpdate) [][]byte {
		u.Sequence--
		return right(u)
	}
	elsewhere := func(u mobility.BindingUpdate) [][]byte {
		return [][]byte{acknowledge(t, newTestSuite(t), farOff, 0x1001, &mobility.BindingAcknowledgement{Sequence: u.Sequence})}
	}
	foreign := func(u mobility.BindingUpdate) [][]byte {
		return [][]byte{acknowledge(t, newTestSuite(t), away, 0x2001, &mobility.BindingAcknowledgement{Sequence: u.Sequence})}
	}
	for _, tt := range []struct {
		name    string
		answers []answer
		sent    []uint16
		strange int
	}{
		{"at once", []answer{right}, []uint16{2}, 0},
		{"after silence", []answer{nil, right}, []uint16{2, 3}, 0},
		{"late", []answer{nil, late}, []uint16{2, 3}, 0},
		{"one of before", []answer{late, right}, []uint16{2, 3}, 0},
		{"sent elsewhere", []answer{elsewhere, right}, []uint16{2, 3}, 0},
		{"under another's security association", []answer{foreign, right}, []uint16{2, 3}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: tt.answers}
				c := open(t, s)
				got, err := c.Update(t.Context(), 0, Update{CareOf: away, Lifetime: time.Hour})
				if err != nil || got.Status != mobility.StatusAccepted || got.Lifetime != time.Hour || got.Sent != len(tt.sent) {
					t.Errorf("answered %+v, %v", got, err)
				}
				if diff := cmp.Diff(tt.sent, s.sent); diff != "" {
					t.Errorf("sequence numbers (-want +got):\n%s", diff)
				}
				if n, _ := c.Strange(); n != tt.strange {
					t.Errorf("%d strange packets, want %d", n, tt.strange)
				}
			})
		})
	}
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, &script{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Update(ctx, 0, Update{CareOf: away, Lifetime: time.Hour})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "6 Binding Updates") {
			t.Errorf("got %v", err)
		}
	})
}

func TestUpdateTellsThatItCannotSend(t *testing.T) {
	t.Parallel()
	broken := errors.New("network is down")
	synctest.Test(t, func(t *testing.T) {
		c := open(t, &script{err: broken})
		if _, err := c.Update(t.Context(), 0, Update{CareOf: away}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}
