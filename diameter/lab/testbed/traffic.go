package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
)

// lastReplies is how long stopped traffic waits for what is still on its way.
const lastReplies = 300 * time.Millisecond

// Traffic is a steady stream of echo requests from one host, and the record of
// which were answered when.
type Traffic struct {
	to       netip.Addr
	id       int // tells its replies from those of other streams
	conn     *icmp.PacketConn
	end      func() // once
	stop     chan struct{}
	sent     sync.WaitGroup
	received sync.WaitGroup

	mu    sync.Mutex
	tally tally
}

// SendTraffic sends an echo request to an address in every interval until Stop.
func (h *Host) SendTraffic(to netip.Addr, interval time.Duration) (*Traffic, error) {
	t := &Traffic{to: to, id: int(h.bed.streams.Add(1) & 0xffff), stop: make(chan struct{})}
	t.end = sync.OnceFunc(t.finish)
	err := h.Do(func() (err error) {
		t.conn, err = icmp.ListenPacket("ip6:ipv6-icmp", "::")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sending traffic from %s to %s: %w", h.name, to, err)
	}
	t.received.Go(t.receive)
	t.sent.Go(func() { t.send(interval) })
	return t, nil
}

// Ping sends echo requests until one is answered and returns how long that one took.
func (h *Host) Ping(ctx context.Context, to netip.Addr) (time.Duration, error) {
	t, err := h.SendTraffic(to, 50*time.Millisecond)
	if err != nil {
		return 0, err
	}
	defer t.Stop()
	for t.Report().Received == 0 {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("pinging %s from %s: no answer to %d requests: %w", to, h.name, t.Report().Sent, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return t.Report().First, nil
}

// Report tells how the traffic has fared until now; what is on its way counts as lost.
func (t *Traffic) Report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tally.report()
}

// Stop ends the stream, waits a little for the last replies and tells how it fared.
// Stopping again changes nothing.
func (t *Traffic) Stop() Report {
	t.end()
	return t.Report()
}

func (t *Traffic) finish() {
	close(t.stop)
	t.sent.Wait()
	deadline := time.Now().Add(lastReplies)
	for t.Report().Lost() > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	t.conn.Close()
	t.received.Wait()
}

func (t *Traffic) send(interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		t.request()
		select {
		case <-ticker.C:
		case <-t.stop:
			return
		}
	}
}

// request sends one request. That the host cannot send now is a loss like others.
func (t *Traffic) request() {
	t.mu.Lock()
	sequence := t.tally.sent(time.Now())
	t.mu.Unlock()
	echo := icmp.Message{Type: ipv6.ICMPTypeEchoRequest, Body: &icmp.Echo{ID: t.id, Seq: int(sequence)}}
	if packet, err := echo.Marshal(nil); err == nil {
		t.conn.WriteTo(packet, &net.IPAddr{IP: t.to.AsSlice()})
	}
}

func (t *Traffic) receive() {
	packet := make([]byte, 1500)
	for {
		n, from, err := t.conn.ReadFrom(packet)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error that the kernel passes on
		}
		if sequence, ok := t.reply(packet[:n], from); ok {
			t.mu.Lock()
			t.tally.received(sequence, time.Now())
			t.mu.Unlock()
		}
	}
}

// reply returns the sequence number of a packet that answers one of our requests.
func (t *Traffic) reply(packet []byte, from net.Addr) (uint16, bool) {
	message, err := icmp.ParseMessage(ipv6.ICMPTypeEchoReply.Protocol(), packet)
	if err != nil || message.Type != ipv6.ICMPTypeEchoReply {
		return 0, false
	}
	echo, ok := message.Body.(*icmp.Echo)
	sender, _ := from.(*net.IPAddr)
	if !ok || echo.ID != t.id || sender == nil || !sender.IP.Equal(t.to.AsSlice()) {
		return 0, false
	}
	return uint16(echo.Seq), true
}
