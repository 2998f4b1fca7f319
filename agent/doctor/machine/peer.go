package machine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
	"homeagent/diameter"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/peer"
)

// meetPause lies between two looks at how far a connection has come.
const meetPause = 10 * time.Millisecond

// Meet connects as the daemon would, with its own code, and disconnects by DPR.
func (Linux) Meet(ctx context.Context, d config.Diameter, p config.Peer) (doctor.Acquaintance, error) {
	table, err := table(d, p)
	if err != nil {
		return doctor.Acquaintance{}, permission(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- table.Run(ctx) }()
	met, err := await(ctx, table)
	cancel()
	return met, errors.Join(err, <-done)
}

// table knows one peer, which may ask nothing.
func table(d config.Diameter, p config.Peer) (*peer.Table, error) {
	known, err := dictionary.Load(d.Codes)
	if err != nil {
		return nil, err
	}
	credentials, _, err := d.LoadTLSAs(Linux{}.reader())
	if err != nil {
		return nil, err
	}
	return peer.New(peer.Config{
		Host: d.Identity, Realm: d.Realm, Product: "homeagent", VendorID: d.Codes.Vendor,
		Applications: []peer.Application{{Vendor: d.Codes.Vendor, AuthID: d.Codes.Application}},
		Commands:     known.Known, TLS: credentials, Handler: visitor{}, Log: slog.New(slog.DiscardHandler),
		Peers: []peer.PeerConfig{{Host: p.Identity, Realm: p.Realm, Connect: p.Connect, Secured: protections[p.Secured]}},
	})
}

var protections = map[config.Secured]peer.Secured{
	config.TLS: peer.SecuredTLS, config.IPsec: peer.SecuredIPsec,
	config.Loopback: peer.SecuredLoopback, config.NotAtAll: peer.SecuredNone,
}

// await waits until the connection is open or has failed.
func await(ctx context.Context, table *peer.Table) (doctor.Acquaintance, error) {
	ticker := time.NewTicker(meetPause)
	defer ticker.Stop()
	for {
		status := table.Peers()[0]
		switch {
		case status.Open:
			return doctor.Acquaintance{Remote: status.Remote.String(), Product: status.Product, TLS: status.TLSVersion}, nil
		case status.LastError != "":
			return doctor.Acquaintance{}, errors.New(status.LastError)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return doctor.Acquaintance{}, fmt.Errorf("it does not answer: %w", context.Cause(ctx))
		}
	}
}

// visitor leaves before it could do what it is asked.
type visitor struct{}

// Admit refuses everything for now.
func (visitor) Admit(peer.Info, diameter.Header) *diameter.Failure {
	return &diameter.Failure{Code: diameter.TooBusy, Text: "this is a check of the connection; the home agent comes later"}
}

// Serve is not reached.
func (visitor) Serve(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
	return nil
}
