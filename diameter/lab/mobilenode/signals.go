package mobilenode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv6"
)

// signals is the raw socket for Mobility Headers between home address and home
// agent. The kernel adds and checks checksums, and the policies of plane put ESP,
// Home Address option and routing header on.
type signals struct {
	conn        *net.IPConn
	packets     *ipv6.PacketConn
	home, agent netip.Addr
}

// protocol is the next header value of the Mobility Header (RFC 6275 section 6.1).
const protocol = 135

func openSignals(home, agent netip.Addr) (*signals, error) {
	conn, err := net.ListenIP(fmt.Sprintf("ip6:%d", protocol), nil)
	if err != nil {
		return nil, fmt.Errorf("opening the Mobility Header socket: %w (CAP_NET_RAW is needed)", err)
	}
	return &signals{conn: conn, packets: ipv6.NewPacketConn(conn), home: home, agent: agent}, nil
}

func (s *signals) close() error { return s.conn.Close() }

func (s *signals) send(message []byte) error { return s.sendTo(message, s.agent) }

// sendTo sends to a correspondent: such messages take the tunnel.
func (s *signals) sendTo(message []byte, to netip.Addr) error {
	from := &ipv6.ControlMessage{Src: s.home.AsSlice()}
	_, err := s.packets.WriteTo(message, from, &net.IPAddr{IP: to.AsSlice()})
	return err
}

func (s *signals) receive(ctx context.Context, deadline time.Time) ([]byte, error) {
	return s.receiveFrom(ctx, s.agent, deadline)
}

func (s *signals) receiveFrom(ctx context.Context, sender netip.Addr, deadline time.Time) ([]byte, error) {
	// Ends the wait below, should the context end first.
	stop := context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Now()) })
	defer stop()
	packet := make([]byte, 2048)
	for {
		s.conn.SetReadDeadline(deadline)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n, from, err := s.conn.ReadFromIP(packet)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, errTimeout
		}
		if err != nil {
			return nil, fmt.Errorf("receiving a Mobility Header: %w", err)
		}
		if from.IP.Equal(sender.AsSlice()) {
			return packet[:n], nil
		}
	}
}
