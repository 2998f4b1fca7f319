package peer_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"homeagent/diameter/peer"
)

// TestConfigIsChecked has a row for each thing that cannot work.
func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	tests := []struct {
		name   string
		change func(*peer.Config)
		want   string // part of the error
	}{
		{"no host", func(c *peer.Config) { c.Host = "" }, `our Origin-Host is "" (must be a name`},
		{"odd realm", func(c *peer.Config) { c.Realm = "a b" }, `our Origin-Realm is "a b"`},
		{"odd peer", func(c *peer.Config) { c.Peers[0].Host = "ä" }, `a peer's identity is "ä"`},
		{"odd realm of a peer", func(c *peer.Config) { c.Peers[0].Realm = "\n" }, `the realm of peer "aaa.home.example" is "\n"`},
		{"odd protection", func(c *peer.Config) { c.Peers[0].Secured = 9 }, `protection is unknown (9)`},
		{"peer twice", func(c *peer.Config) { c.Peers = append(c.Peers, peer.PeerConfig{Host: strings.ToUpper(them)}) }, "listed twice"},
		{"peer is us", func(c *peer.Config) { c.Peers[0].Host = us }, "is us"},
		{"commands without handler", func(c *peer.Config) { c.Handler = nil }, "there is no handler"},
		{"watchdog too quick", func(c *peer.Config) { c.Timers.Watchdog = time.Second }, "1s (must be at least 6s)"},
		{"negative timer", func(c *peer.Config) { c.Timers.Busy = -1 }, "must be above 0"},
		{"negative limit", func(c *peer.Config) { c.Limits.Queue = -1 }, "must be above 0"},
		{"short memory", func(c *peer.Config) { c.Limits.DuplicateAge = time.Minute }, "1m0s (must be at least 4m0s)"},
		{"tiny messages", func(c *peer.Config) { c.Limits.Message = 100 }, "100 octets (must be 4096 to 1048576)"},
		{"TLS without certificate", func(c *peer.Config) { c.Listeners[0].TLS = true }, "a certificate and authorities are needed"},
		{"dialling TLS without certificate", func(c *peer.Config) { c.Peers[0].Connect, c.Peers[0].Secured = "aaa", peer.SecuredTLS }, "a certificate and authorities are needed"},
		{"no authorities", func(c *peer.Config) {
			c.Listeners[0].TLS, c.TLS = true, &tls.Config{Certificates: []tls.Certificate{a.certificate(nil, us)}}
		}, "no certificate authorities"},
		{"no own certificate", func(c *peer.Config) { c.Listeners[0].TLS, c.TLS = true, &tls.Config{RootCAs: a.pool} }, "our own certificate is missing"},
		{"own certificate of another", func(c *peer.Config) { c.Listeners[0].TLS, c.TLS = true, a.config(them) }, `our own certificate names ["aaa.home.example"], not "ha.example"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := config()
			tt.change(&c)
			_, err := peer.New(c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTableWithoutHandlerServesNothing(t *testing.T) {
	t.Parallel()
	c := config()
	c.Handler, c.Commands = nil, nil
	f := dialTo(t, start(t, c)).open(them)
	if code := f.ask(hmr("s")); code.String() != "DIAMETER_APPLICATION_UNSUPPORTED" {
		t.Errorf("result %v", code)
	}
}

func TestAddressesInUse(t *testing.T) {
	t.Parallel()
	taken := start(t, config()).Addrs()[0].String()
	c := config()
	c.Listeners = append(c.Listeners, peer.Listener{Address: taken})
	table, err := peer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if table.Addrs() != nil {
		t.Error("addresses before Run")
	}
	if err := table.Run(t.Context()); err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("got %v, want the address %s in it", err, taken)
	}
}

func TestWithPort(t *testing.T) {
	t.Parallel()
	tests := []struct {
		address   string
		transport peer.Transport
		want      string
	}{
		{"aaa.example", peer.TLS, "aaa.example:5868"},
		{"aaa.example", peer.TCP, "aaa.example:3868"},
		{"aaa.example:1", peer.TLS, "aaa.example:1"},
		{"192.0.2.1", peer.TCP, "192.0.2.1:3868"},
		{"2001:db8::1", peer.TCP, "[2001:db8::1]:3868"},
		{"[2001:db8::1]", peer.TLS, "[2001:db8::1]:5868"},
		{"[2001:db8::1]:1", peer.TLS, "[2001:db8::1]:1"},
		{":1", peer.TLS, ":1"},
		{"", peer.TLS, ":5868"},
	}
	for _, tt := range tests {
		if got := peer.WithPort(tt.address, tt.transport); got != tt.want {
			t.Errorf("%q over %v: got %q, want %q", tt.address, tt.transport, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	got := []string{peer.TLS.String(), peer.TCP.String(), peer.SecuredTLS.String(), peer.SecuredIPsec.String(),
		peer.SecuredLoopback.String(), peer.SecuredNone.String(), peer.Secured(-1).String()}
	if want := "TLS/TCP TCP tls ipsec loopback none unknown (-1)"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	table, err := peer.New(config())
	if err != nil || table.String() == "" {
		t.Errorf("%q: %v", table, err)
	}
}
