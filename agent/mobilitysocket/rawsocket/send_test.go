package rawsocket

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel's error for a missing association is that for a full buffer.
func TestFullBufferIsNoMissingAssociation(t *testing.T) {
	t.Parallel()
	unreachable := unix.ENETUNREACH
	for _, tt := range []struct {
		name    string
		results []error // of sending, one after the other
		room    []bool  // whether there is room, or will be soon
		want    error
	}{
		{"sent", []error{nil}, nil, nil},
		{"not reached", []error{unreachable}, nil, unreachable},
		{"the buffer empties", []error{unix.EAGAIN, nil}, []bool{true}, nil},
		{"the buffer stays full", []error{unix.EAGAIN}, []bool{false}, unix.EAGAIN},
		{"refused with room", []error{unix.EAGAIN, unix.EAGAIN}, []bool{true}, ErrNoAssociation},
		{"not reached then", []error{unix.EAGAIN, unreachable}, []bool{true}, unreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sent, looked := 0, 0
			err := tryToSend(
				func() error { sent++; return tt.results[sent-1] },
				func() bool { looked++; return tt.room[looked-1] })
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("tryToSend = %v, want %v", err, tt.want)
			}
			if sent != len(tt.results) || looked != len(tt.room) {
				t.Errorf("sent %d times and looked for room %d times, want %d and %d", sent, looked, len(tt.results), len(tt.room))
			}
		})
	}
}

// full is a socket with no room in its buffer, and its other end.
func full(t *testing.T) (fd, other int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(pair[0])
		_ = unix.Close(pair[1])
	})
	for {
		err := unix.Sendto(pair[0], make([]byte, 1024), unix.MSG_DONTWAIT, nil)
		if errors.Is(err, unix.EAGAIN) {
			return pair[0], pair[1]
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTransmitWithAFullBuffer(t *testing.T) {
	t.Parallel()
	fd, other := full(t)
	if err := transmit(fd, []byte("late"), nil, nil); !errors.Is(err, unix.EAGAIN) || errors.Is(err, ErrNoAssociation) {
		t.Errorf("while it is full: %v, want %v", err, unix.EAGAIN)
	}
	last, buffer := 0, make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(other, buffer, unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		last = n
	}
	if last != 1024 {
		t.Errorf("the last packet has %d octets", last)
	}
	if err := transmit(fd, []byte("late"), nil, nil); err != nil {
		t.Errorf("with room: %v", err)
	}
}
