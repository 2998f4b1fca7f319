package machine_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/doctor/machine"
	"homeagent/diameter"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/certificates"
	"homeagent/diameter/peer"
)

// refuser is an AAA server's handler; nobody asks it anything.
type refuser struct{}

func (refuser) Admit(peer.Info, diameter.Header) *diameter.Failure {
	return &diameter.Failure{Code: diameter.CommandUnsupported}
}
func (refuser) Serve(context.Context, peer.Info, *diameter.Message) *diameter.Message { return nil }

// credentials writes those of a home agent and an AAA server to a folder.
func credentials(t *testing.T) (homeAgent, aaa config.Diameter) {
	t.Helper()
	folder := t.TempDir()
	ca, err := certificates.New(folder)
	if err := errors.Join(err, ca.Certify("ha", "ha.example.com"), ca.Certify("aaa", "aaah.example.com")); err != nil {
		t.Fatal(err)
	}
	of := func(name, identity string) config.Diameter {
		return config.Diameter{
			Identity: identity, Realm: "example.com", Codes: dictionary.Default(), CA: filepath.Join(folder, "ca.pem"),
			Certificate: filepath.Join(folder, name+".pem"), Key: filepath.Join(folder, name+"-key.pem"),
		}
	}
	return of("ha", "ha.example.com"), of("aaa", "aaah.example.com")
}

// server runs an AAA server that takes the home agent ha.example.com.
func server(t *testing.T, d config.Diameter, secured peer.Secured) (*peer.Table, string) {
	t.Helper()
	tls, _, err := d.LoadTLS()
	if err != nil {
		t.Fatal(err)
	}
	known, err := dictionary.Load(d.Codes)
	if err != nil {
		t.Fatal(err)
	}
	table, err := peer.New(peer.Config{
		Host: d.Identity, Realm: d.Realm, Product: "aaa", Commands: known.Known, TLS: tls, Handler: refuser{}, Log: slog.New(slog.DiscardHandler),
		Applications: []peer.Application{{Vendor: d.Codes.Vendor, AuthID: d.Codes.Application}},
		Listeners:    []peer.Listener{{Address: "127.0.0.1:0", TLS: secured == peer.SecuredTLS}},
		Peers:        []peer.PeerConfig{{Host: "ha.example.com", Secured: secured}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- table.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-table.Ready()
	return table, table.Addrs()[0].String()
}

// The doctor gets as far as the daemon would, and leaves politely.
func TestMeet(t *testing.T) {
	t.Parallel()
	for secured, of := range map[config.Secured]peer.Secured{config.TLS: peer.SecuredTLS, config.IPsec: peer.SecuredIPsec} {
		t.Run(string(secured), func(t *testing.T) {
			t.Parallel()
			homeAgent, aaa := credentials(t)
			table, address := server(t, aaa, of)
			met, err := machine.Linux{}.Meet(t.Context(), homeAgent, config.Peer{Identity: "aaah.example.com", Connect: address, Secured: secured})
			if err != nil {
				t.Fatal(err)
			}
			if met.Remote != address || met.Product != "aaa" || (met.TLS != "") != (secured == config.TLS) {
				t.Errorf("met %+v at %s", met, address)
			}
			for table.Peers()[0].Open {
				time.Sleep(time.Millisecond)
			}
			if s := table.Peers()[0]; s.Counters.Connections != 1 || !strings.Contains(s.LastError, "REBOOTING") && s.LastError != "" {
				t.Errorf("the AAA server saw %d connections, the last one ended by %q", s.Counters.Connections, s.LastError)
			}
		})
	}
}

func TestMeetFails(t *testing.T) {
	t.Parallel()
	homeAgent, aaa := credentials(t)
	_, address := server(t, aaa, peer.SecuredTLS)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	stranger := homeAgent
	stranger.Identity = "stranger.example.com"
	unreadable := homeAgent
	unreadable.Key = "/no/such/key.pem"
	tests := []struct {
		name string
		d    config.Diameter
		p    config.Peer
		want string
	}{
		{"nobody listens", homeAgent, config.Peer{Identity: "aaah.example.com", Connect: dead.Addr().String(), Secured: config.TLS}, "connection refused"},
		{"another name", homeAgent, config.Peer{Identity: "other.example.com", Connect: address, Secured: config.TLS}, "aaah.example.com"},
		{"not TLS", homeAgent, config.Peer{Identity: "aaah.example.com", Connect: address, Secured: config.IPsec}, ""},
		{"own name", stranger, config.Peer{Identity: "aaah.example.com", Connect: address, Secured: config.TLS}, "names"},
		{"no key", unreadable, config.Peer{Identity: "aaah.example.com", Connect: address, Secured: config.TLS}, "diameter.key: reading /no/such/key.pem"},
		{"silence", homeAgent, config.Peer{Identity: "aaah.example.com", Connect: silent.Addr().String(), Secured: config.TLS}, "does not answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if tt.name == "silence" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			_, err := machine.Linux{}.Meet(ctx, tt.d, tt.p)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Meet: %v, want %q", err, tt.want)
			}
			if tt.name == "no key" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the error is %v, want %v", err, fs.ErrNotExist)
			}
		})
	}
}
