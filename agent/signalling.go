package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"

	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/mobilitysocket/rawsocket"
	"homeagent/xfrm"
)

// signalling is the task that receives Mobility Headers: it hands Binding
// Updates to the registrar and answers what cannot be understood (RFC 6275
// section 9.2).
type signalling struct {
	conn   mobilitysocket.Conn
	update func(bindingcache.Update)
	// after is closed when Binding Updates can be carried out.
	after <-chan struct{}
	// association finds the reqid under which a mobile node is answered.
	association func(home netip.Addr) uint32
	// tunnel finds the security association for the whole payload of a mobile node: its
	// reqid and far end.
	tunnel   func(home netip.Addr) (reqID uint32, end netip.Addr)
	homeLink int // interface index of a physical home link, 0 for a virtual one
	log      *slog.Logger
	// discarded counts messages that were not understood, by Fault.
	discarded [mobility.Faults]atomic.Uint64
}

// Ready is closed when messages are received.
func (s *signalling) Ready() <-chan struct{} { return s.conn.Ready() }

// String names the task.
func (s *signalling) String() string { return "Mobility Header socket" }

// Run receives until ctx ends. It begins when the kernel can be programmed; what
// comes earlier waits in the socket.
func (s *signalling) Run(ctx context.Context) error {
	select {
	case <-s.after:
		return s.conn.Run(ctx, s.receive)
	case <-ctx.Done():
		return nil
	}
}

func (s *signalling) receive(p *mobilitysocket.Packet) {
	message, err := mobility.Parse(p.Payload)
	if err != nil {
		s.misunderstood(p, err)
		return
	}
	switch m := message.(type) {
	case *mobility.BindingUpdate:
		s.update(s.received(p, m))
	case *mobility.HomeTestInit, *mobility.CareOfTestInit:
		// We are no correspondent node (RFC 6275 section 9.4).
		s.bindingError(p, mobility.ErrorUnknownType)
	default:
		s.log.Debug("a message no home agent waits for", "type", m.Type(), "source", p.Source)
	}
}

// received puts a packet into the terms of the binding cache. The policies in
// the kernel let no Binding Update in that is not under the security association
// of its home address: see package mobilitysocket.
func (s *signalling) received(p *mobilitysocket.Packet, m *mobility.BindingUpdate) bindingcache.Update {
	home := p.HomeAddress
	if !home.IsValid() {
		home = p.Source
	}
	u := bindingcache.Update{
		Source: p.Source, HomeAddressOption: p.HomeAddress, HomeAgent: p.Destination, Interface: p.Interface,
		AtHome:     !p.HomeAddress.IsValid() && s.homeLink != 0 && p.Interface == s.homeLink,
		Protection: bindingcache.Protection{Kind: bindingcache.ProtectedByESP, HomeAddress: home},
		Message:    m,
	}
	if xfrm.Tunnelled(p.Mark) {
		s.tunnelled(&u, p.Mark)
	}
	return u
}

// tunnelled judges what came inside the tunnel for a mobile node's whole payload (RFC
// 4877 section 5): the kernel takes it from any such tunnel, and says by the mark
// which one it was.
func (s *signalling) tunnelled(u *bindingcache.Update, mark uint32) {
	u.Tunnelled, u.AtHome = true, false
	if reqID, _ := s.tunnel(u.Protection.HomeAddress); reqID == 0 || xfrm.MarkOf(reqID) != mark {
		u.Protection.HomeAddress = netip.Addr{} // another's
	}
}

// misunderstood answers an unknown message with a Binding Error and counts the
// rest (RFC 6275 section 9.2); a Parameter Problem is sent by the kernel.
func (s *signalling) misunderstood(p *mobilitysocket.Packet, err error) {
	var parse *mobility.ParseError
	if !errors.As(err, &parse) {
		return
	}
	s.discarded[parse.Fault].Add(1)
	s.log.Debug("discarded a Mobility Header", "source", p.Source, "error", err)
	if parse.Fault == mobility.FaultUnknownType {
		s.bindingError(p, mobility.ErrorUnknownType)
	}
}

func (s *signalling) bindingError(p *mobilitysocket.Packet, status mobility.ErrorStatus) {
	home := p.HomeAddress
	if !home.IsValid() {
		home = netip.IPv6Unspecified()
	}
	payload, err := mobility.Append(nil, &mobility.BindingError{Status: status, HomeAddress: home})
	if err != nil {
		s.log.Error("a Binding Error could not be made", "error", err)
		return
	}
	if err := s.conn.SendError(p.Error(payload)); err != nil && !errors.Is(err, mobilitysocket.ErrRateLimited) {
		s.log.Debug("a Binding Error could not be sent", "destination", p.Source, "error", err)
	}
}

// Send is registrar.Sender's.
func (s *signalling) Send(r *bindingcache.Reply) error {
	payload, err := mobility.Append(nil, r.Message)
	if err != nil {
		return fmt.Errorf("making a %v: %w", r.Message.Type(), err)
	}
	out := mobilitysocket.Outgoing{Source: r.Source, Destination: r.Destination, Payload: payload}
	if r.HomeAddress.IsValid() {
		out.Destination, out.CareOf = r.HomeAddress, r.Destination
	}
	out.Association = s.association(out.Destination)
	if r.OnLink {
		out.Interface = r.Interface
	}
	if r.Tunnelled {
		return s.conn.Send(s.intoTunnel(out))
	}
	err = s.conn.Send(out)
	if errors.Is(err, rawsocket.ErrNoAssociation) {
		// The mobile node may have the other one only.
		return s.conn.Send(s.intoTunnel(out))
	}
	return err
}

// intoTunnel has a message sent inside the tunnel for the mobile node's whole payload,
// where it has no routing header (RFC 4877 section 3).
func (s *signalling) intoTunnel(out mobilitysocket.Outgoing) mobilitysocket.Outgoing {
	out.CareOf, out.Interface = netip.Addr{}, 0
	out.Association, out.TunnelEnd = s.tunnel(out.Destination)
	return out
}
