package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/aaahome"
	"homeagent/diameter/peer"
)

// linkFlags are how a home agent is reached.
type linkFlags struct {
	Connect string        `xor:"way" required:"" help:"Connect to the home agent, or a relay, at this address." placeholder:"ADDR[:PORT]"`
	Listen  string        `xor:"way" required:"" help:"Let it connect to this address." placeholder:"ADDR[:PORT]"`
	HAHost  string        `name:"ha-host" required:"" help:"Diameter identity of the home agent." placeholder:"NAME"`
	HARealm string        `name:"ha-realm" help:"Its realm; by default its identity without the first label." placeholder:"NAME"`
	Via     string        `help:"Diameter identity of the relay in between." placeholder:"NAME"`
	Host    string        `default:"aaah.example.com" help:"Diameter identity of this AAA server (${default})." placeholder:"NAME"`
	Realm   string        `help:"Its realm; by default its identity without the first label." placeholder:"NAME"`
	Cert    string        `name:"tls-cert" and:"tls" type:"existingfile" help:"Use TLS, with this certificate, which names --host (PEM)." placeholder:"FILE"`
	CertKey string        `name:"tls-key" and:"tls" type:"existingfile" help:"Private key of the certificate (PEM)." placeholder:"FILE"`
	CA      string        `name:"tls-ca" and:"tls" type:"existingfile" help:"Authorities that vouch for the other end's certificate (PEM)." placeholder:"FILE"`
	Wait    time.Duration `default:"10s" help:"Wait this long for the connection (${default})." placeholder:"T"`
	Verbose bool          `short:"v" help:"Log what happens on the connection."`
}

func (f *linkFlags) realm() string   { return orParent(f.Realm, f.Host) }
func (f *linkFlags) haRealm() string { return orParent(f.HARealm, f.HAHost) }

// peer is the identity at the other end of the connection.
func (f *linkFlags) peer() string {
	if f.Via != "" {
		return f.Via
	}
	return f.HAHost
}

// orParent returns the realm, or the identity without its first label.
func orParent(realm, identity string) string {
	if realm != "" {
		return realm
	}
	if _, parent, ok := strings.Cut(identity, "."); ok {
		return parent
	}
	return identity
}

// A link is an open connection with a home agent or relay.
type link struct {
	*peer.Table
	stop context.CancelFunc
	done chan error
}

// open connects, or waits for the other end to connect.
func (f *linkFlags) open(e *environment, d *dictionary.Dictionary) (*link, error) {
	config, err := f.config(e, d)
	if err != nil {
		return nil, usageError{err}
	}
	table, err := peer.New(config)
	if err != nil {
		return nil, usageError{err}
	}
	// The connection outlives an interrupt for as long as it takes to end it
	// politely.
	ctx, stop := context.WithCancel(context.WithoutCancel(e))
	l := &link{Table: table, stop: stop, done: make(chan error, 1)}
	go func() { l.done <- table.Run(ctx) }()
	if f.Listen != "" {
		fmt.Fprintf(e.err, "waiting for %s to connect to %s\n", f.peer(), f.Listen)
	}
	if err := l.awaitOpen(e, f.Wait); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// close disconnects and waits until that is done.
func (l *link) close() error {
	l.stop()
	return <-l.done
}

// awaitOpen returns when the peer can be sent requests. There is no event for
// that; a look every few milliseconds is cheap and soon enough.
func (l *link) awaitOpen(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		status := l.Peers()
		if slices.ContainsFunc(status, func(s peer.Status) bool { return s.Open }) {
			return nil
		}
		select {
		case err := <-l.done:
			l.done <- nil // for close
			return err
		case <-ctx.Done():
			return notOpen(status, context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// notOpen says why there is no connection with the one peer there is.
func notOpen(status []peer.Status, cause error) error {
	s := status[0]
	if s.LastError != "" {
		return fmt.Errorf("connecting with %s: %w (last error: %s)", s.Host, cause, s.LastError)
	}
	return fmt.Errorf("connecting with %s: %w", s.Host, cause)
}

func (f *linkFlags) config(e *environment, d *dictionary.Dictionary) (peer.Config, error) {
	tlsConfig, err := f.tls()
	if err != nil {
		return peer.Config{}, err
	}
	level := slog.LevelWarn
	if f.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: level}))
	codes := d.Codes()
	config := peer.Config{
		Host: f.Host, Realm: f.realm(), Product: "homeagent-lab", VendorID: codes.Vendor,
		Applications: []peer.Application{{Vendor: codes.Vendor, AuthID: codes.Application}},
		Commands:     d.Known,
		TLS:          tlsConfig,
		Handler:      aaahome.Handler{Identity: diameter.Identity{Host: f.Host, Realm: f.realm()}, Log: log},
		Log:          log,
		Peers:        []peer.PeerConfig{{Host: f.peer(), Connect: f.Connect, Secured: f.secured()}},
	}
	if f.Listen != "" {
		config.Listeners = []peer.Listener{{Address: f.Listen, TLS: tlsConfig != nil}}
	}
	if config.Peers[0].Secured == peer.SecuredNone {
		log.Warn("keys are sent in the clear: give --tls-cert, --tls-key and --tls-ca", "peer", f.peer())
	}
	return config, nil
}

// secured says what protects the keys on their way.
func (f *linkFlags) secured() peer.Secured {
	switch {
	case f.Cert != "":
		return peer.SecuredTLS
	case isLoopback(f.Connect + f.Listen):
		return peer.SecuredLoopback
	}
	return peer.SecuredNone
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback() || host == "localhost"
}

func (f *linkFlags) tls() (*tls.Config, error) {
	if f.Cert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(f.Cert, f.CertKey)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate %s and its key %s: %w", f.Cert, f.CertKey, err)
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificate authorities: %s holds no certificate in PEM form", f.CA)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool}, nil
}
