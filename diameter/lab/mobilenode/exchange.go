package mobilenode

import (
	"context"
	"errors"
	"fmt"
	"time"

	"homeagent/agent/mobility"
)

// Times between Binding Updates that are not answered (RFC 6275 sections 11.8 and
// 12): the first acknowledgement may wait for duplicate address detection.
const (
	firstTimeout = 1500 * time.Millisecond // InitialBindackTimeoutFirstReg
	lastTimeout  = 32 * time.Second        // MAX_BINDACK_TIMEOUT
)

// A channel carries Mobility Headers to and from the home agent.
type channel interface {
	send(message []byte) error
	// receive waits for a message until the deadline, which is errTimeout's.
	receive(ctx context.Context, deadline time.Time) ([]byte, error)
}

// errTimeout is what receive returns at its deadline.
var errTimeout = errors.New("no message in time")

// exchange sends a Binding Update, again and again with increasing sequence
// numbers, until an acknowledgement of one of them comes; update is left as it was
// sent last. A sequence number that the home agent does not accept is replaced by
// what it asks for (RFC 6275 section 11.7.3).
func exchange(ctx context.Context, c channel, update *mobility.BindingUpdate) (Registration, error) {
	r := Registration{Sequence: update.Sequence}
	start := time.Now()
	first := update.Sequence
	for timeout := firstTimeout; ; timeout = min(2*timeout, lastTimeout) {
		if err := post(c, update); err != nil {
			return r, err
		}
		r.Updates++
		ack, err := await(ctx, c, first, update.Sequence, time.Now().Add(timeout))
		switch {
		case errors.Is(err, errTimeout):
			update.Sequence++
			r.Sequence = update.Sequence
			continue
		case err != nil:
			return r, fmt.Errorf("waiting for the acknowledgement of %d Binding Update(s): %w", r.Updates, err)
		case ack.Status == mobility.StatusSequenceOutOfWindow && r.Updates < 10:
			update.Sequence = ack.Sequence + 1
			first, r.Sequence = update.Sequence, update.Sequence
			continue
		}
		r.Status, r.Flags, r.Sequence = ack.Status, ack.Flags, ack.Sequence
		r.Lifetime, r.Took = ack.Lifetime.Duration(), time.Since(start)
		return r, nil
	}
}

func post(c channel, update *mobility.BindingUpdate) error {
	message, err := mobility.Append(nil, update)
	if err != nil {
		return fmt.Errorf("writing a Binding Update: %w", err)
	}
	if err := c.send(message); err != nil {
		return fmt.Errorf("sending a Binding Update: %w", err)
	}
	return nil
}

// await waits for an acknowledgement of a Binding Update with a sequence number
// from first to last. The home agent's complaint about a sequence number holds the
// number it has, so any number will do there.
func await(ctx context.Context, c channel, first, last uint16, deadline time.Time) (*mobility.BindingAcknowledgement, error) {
	for {
		packet, err := c.receive(ctx, deadline)
		if err != nil {
			return nil, err
		}
		message, err := mobility.Parse(packet)
		if err != nil {
			continue // silence is what an unreadable message gets
		}
		ack, ok := message.(*mobility.BindingAcknowledgement)
		if ok && (ack.Sequence-first <= last-first || ack.Status == mobility.StatusSequenceOutOfWindow) {
			return ack, nil
		}
	}
}
