package registration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"

	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/xfrm"
)

// ResponderConfig says whom the bare responder answers.
type ResponderConfig struct {
	Address netip.Addr
	Prefix  netip.Prefix
}

// listening is what the responder prints when it is ready.
const listening = "listening"

// Respond is the bare limit: the daemon's Mobility Header socket, policies and ESP,
// and an acknowledgement for whatever comes. It remembers, stores and programs
// nothing.
func Respond(ctx context.Context, cfg ResponderConfig, out io.Writer) error {
	log := slog.New(slog.DiscardHandler)
	kernel, err := xfrm.Open(log)
	if err != nil {
		return err
	}
	defer kernel.Close()
	if _, err := kernel.Set(ctx, xfrm.Desired{HomeAgents: []netip.Addr{cfg.Address}, HomePrefixes: []netip.Prefix{cfg.Prefix}}); err != nil {
		return err
	}
	socket, err := mobilitysocket.Open(mobilitysocket.Config{Log: log, Protect: xfrm.ProtectSocket})
	if err != nil {
		return err
	}
	defer socket.Close()
	fmt.Fprintln(out, listening)
	return socket.Run(ctx, func(p *mobilitysocket.Packet) {
		if err := respond(socket, p); err != nil {
			fmt.Fprintf(out, "answering %s: %v\n", p.Source, err)
		}
	})
}

var errNoUpdate = errors.New("it sent no Binding Update")

func respond(socket mobilitysocket.Conn, p *mobilitysocket.Packet) error {
	m, err := mobility.Parse(p.Payload)
	if err != nil {
		return err
	}
	update, ok := m.(*mobility.BindingUpdate)
	if !ok {
		return errNoUpdate
	}
	payload, err := mobility.Append(nil, &mobility.BindingAcknowledgement{Sequence: update.Sequence, Lifetime: update.Lifetime})
	if err != nil {
		return err
	}
	answer := p.Reply(payload)
	answer.Association = reqID(p.HomeAddress)
	return socket.Send(answer)
}
