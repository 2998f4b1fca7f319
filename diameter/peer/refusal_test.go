package peer_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// counted are the refusals by reason that are not 0.
func counted(table *peer.Table) map[peer.Reason]uint64 {
	all := map[peer.Reason]uint64{}
	for reason, n := range table.Traffic().Refused {
		if n > 0 {
			all[peer.Reason(reason)] = n
		}
	}
	return all
}

// onlyCounted waits until one refusal is counted, which must be for that reason.
func onlyCounted(t *testing.T, table *peer.Table, reason peer.Reason) {
	t.Helper()
	eventually(t, "it is counted", func() bool { return len(counted(table)) > 0 })
	if got := counted(table); got[reason] != 1 || len(got) != 1 {
		t.Errorf("counted %v, want one %v", got, reason)
	}
}

// TestRefusedCER has a row for each reason for which a CER is refused: whom it is
// told of, and where it is kept.
func TestRefusedCER(t *testing.T) {
	t.Parallel()
	change := func(f func(*base.Capabilities)) *diameter.Message {
		c := caps(them)
		f(&c)
		return base.NewCER(c)
	}
	tests := []struct {
		name   string
		cer    *diameter.Message
		reason peer.Reason
		claims string
		listed bool
	}{
		{"stranger", change(func(c *base.Capabilities) { c.Host = "stranger.example" }), peer.ReasonUnknownPeer, "stranger.example", false},
		{"long name", change(func(c *base.Capabilities) { c.Host = strings.Repeat("x", 2000) }), peer.ReasonUnknownPeer, strings.Repeat("x", 255) + "...", false},
		{"other realm", change(func(c *base.Capabilities) { c.Realm = "other.example" }), peer.ReasonWrongRealm, them, true},
		{"no application", change(func(c *base.Capabilities) { c.Applications = []base.Application{{AuthID: 4}} }), peer.ReasonNoApplication, them, true},
		{"TLS inside only", change(func(c *base.Capabilities) { c.Security = []uint32{1} }), peer.ReasonProtection, them, true},
		{"no Host-IP-Address", change(func(c *base.Capabilities) { c.Addresses = nil }), peer.ReasonMalformed, them, true},
		{"no Origin-Host", &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: diam.CapabilitiesExchange}}, peer.ReasonMalformed, "", false},
		{"DWR", base.NewDWR(id), peer.ReasonMalformed, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			told := make(chan peer.Change, 16)
			bubble(t, func() peer.Config {
				c := config()
				c.Observe = func(change peer.Change) { told <- change }
				return c
			}, func(t *testing.T, table *peer.Table, net *pipes) {
				net.connect(t, listening).send(tt.cer)
				synctest.Wait()
				if got := counted(table); got[tt.reason] != 1 || len(got) != 1 {
					t.Errorf("counted %v, want one %v", got, tt.reason)
				}
				if len(told) != 1 {
					t.Fatalf("%d changes were told, want one", len(told))
				}
				if c := <-told; c.Kind != peer.Refused || c.Host != tt.claims || c.Reason != tt.reason || !c.Remote.IsValid() || c.Err == nil {
					t.Errorf("told %+v", c)
				}
				of := status(t, table, them)
				kept := of.LastRefusal
				if !tt.listed {
					kept = table.Refusals()[0]
				}
				if kept.Reason != tt.reason || kept.Host != tt.claims || !kept.Time.Equal(time.Now()) || kept.Initiated || !kept.Remote.IsValid() || kept.Text == "" || len(kept.Text) > 410 {
					t.Errorf("kept %+v", kept)
				}
				if tt.listed == of.LastRefusal.Time.IsZero() || tt.listed != (len(table.Refusals()) == 0) || tt.listed != (of.LastError != "") {
					t.Errorf("of the peer %+v, of strangers %+v", of, table.Refusals())
				}
			})
		})
	}
}

// TestRefusedTLS has a row for each way in which TLS comes to nothing. The peer
// that a certificate names hears of it, though nothing is proven.
func TestRefusedTLS(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	with := func(c tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c}, RootCAs: a.pool}
	}
	old := a.config(them)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	doubtful := a.config(them)
	doubtful.RootCAs = stranger.pool
	tests := []struct {
		name   string
		config *tls.Config
		reason peer.Reason
		claims string
	}{
		{"no certificate", &tls.Config{RootCAs: a.pool}, peer.ReasonTLSFailed, ""},
		{"other authority", with(stranger.certificate(nil, "x.example", them)), peer.ReasonUntrusted, them},
		{"of nobody listed", with(stranger.certificate(nil, "x.example", "y.example")), peer.ReasonUntrusted, "x.example"},
		{"expired", with(a.certificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, them)), peer.ReasonExpired, them},
		{"not for clients", with(a.certificate(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, them)), peer.ReasonUntrusted, them},
		{"TLS 1.1", old, peer.ReasonTLSFailed, ""},
		{"does not believe us", doubtful, peer.ReasonTLSRefused, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := start(t, secure(a))
			c := tt.config.Clone()
			c.ServerName = us
			if nc, err := tls.Dial("tcp", table.Addrs()[0].String(), c); err == nil {
				defer nc.Close()
			}
			onlyCounted(t, table, tt.reason)
			kept := status(t, table, them).LastRefusal
			if tt.claims != them {
				kept = table.Refusals()[0]
			}
			if kept.Reason != tt.reason || kept.Host != tt.claims || !strings.HasPrefix(kept.Text, "setting up TLS: ") {
				t.Errorf("kept %+v", kept)
			}
		})
	}
}

// A peer of which nothing can be known but its address.
func TestRefusedByAddress(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	table := start(t, secure(a))
	f := dialTLS(t, table, a.config(them)).open(them)
	f.ask(base.NewDPR(id, base.Rebooting))
	f.nc.Close()
	doubtful := a.config(them)
	doubtful.RootCAs, doubtful.ServerName = stranger.pool, us
	if _, err := tls.Dial("tcp", table.Addrs()[0].String(), doubtful); err == nil {
		t.Fatal("the handshake succeeded")
	}
	onlyCounted(t, table, peer.ReasonTLSRefused)
	eventually(t, "it is kept", func() bool { return status(t, table, them).LastRefusal.Reason == peer.ReasonTLSRefused })
}

// TestWrongTransport: TLS where none is expected and the other way round, and a
// certificate of another name.
func TestWrongTransport(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	overTLS := func(f func(*tls.Conn)) func(t *testing.T, address string) {
		return func(t *testing.T, address string) {
			c := a.config(other)
			c.ServerName = us
			nc, err := tls.Dial("tcp", address, c)
			if err != nil {
				return
			}
			t.Cleanup(func() { nc.Close() })
			f(nc)
		}
	}
	plain := func(t *testing.T, address string) {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		newFar(t, nc).send(base.NewCER(caps(them)))
	}
	tests := []struct {
		name    string
		tls     bool
		connect func(t *testing.T, address string)
		reason  peer.Reason
		text    string
	}{
		{"a CER to TLS", true, plain, peer.ReasonProtection, "first record does not look like a TLS handshake"},
		{"TLS to TCP", false, overTLS(func(*tls.Conn) {}), peer.ReasonProtection, "the other end speaks TLS, and this listener does not"},
		{"a CER to TCP of a peer of TLS", false, plain, peer.ReasonProtection, "must be over TLS/TCP"},
		{"of another name", true, overTLS(func(nc *tls.Conn) { newFar(t, nc).send(base.NewCER(caps(them))) }), peer.ReasonWrongName, `names ["relay.home.example"], not "aaa.home.example"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := secure(a)
			c.Listeners[0].TLS = tt.tls
			table := start(t, c)
			tt.connect(t, table.Addrs()[0].String())
			onlyCounted(t, table, tt.reason)
			eventually(t, tt.text, func() bool {
				all := table.Refusals()
				return strings.Contains(status(t, table, them).LastRefusal.Text+fmt.Sprint(all), tt.text)
			})
		})
	}
}

// TestDialIsRefused has a row for each way in which our attempt to connect comes
// to nothing.
func TestDialIsRefused(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	far := func(c *tls.Config) func(t *testing.T) string {
		return func(t *testing.T) string {
			address, _ := acceptTLS(t, c)
			return address
		}
	}
	doubtful := a.config(them)
	doubtful.RootCAs = stranger.pool
	doubtful12 := doubtful.Clone()
	doubtful12.MaxVersion = tls.VersionTLS12
	expired := &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{
		a.certificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, them)}}
	tests := []struct {
		name   string
		far    func(t *testing.T) string
		reason peer.Reason
	}{
		{"nobody", func(t *testing.T) string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			return l.Addr().String()
		}, peer.ReasonUnreachable},
		{"another name", far(a.config(other)), peer.ReasonWrongName},
		{"another authority", far(stranger.config(them)), peer.ReasonUntrusted},
		{"expired", far(expired), peer.ReasonExpired},
		{"it does not believe us", far(doubtful), peer.ReasonTLSRefused},
		{"it does not believe us, TLS 1.2", far(doubtful12), peer.ReasonTLSRefused},
		{"it speaks no TLS", func(t *testing.T) string {
			c := config()
			c.Host, c.Peers[0].Host = them, us
			return start(t, c).Addrs()[0].String()
		}, peer.ReasonSilent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address := tt.far(t)
			told := make(chan peer.Change, 16)
			c := dialsTLS(a, address)
			c.Observe = func(change peer.Change) { told <- change }
			table := start(t, c)
			change := <-told
			if change.Kind != peer.Unreachable || change.Reason != tt.reason || change.Remote != netip.MustParseAddrPort(address) || change.Host != them {
				t.Errorf("told %v, %v, %v, %v", change.Kind, change.Reason, change.Remote, change.Err)
			}
			if got := counted(table)[tt.reason]; got == 0 {
				t.Errorf("counted %v", counted(table))
			}
			eventually(t, "it is kept", func() bool {
				kept := status(t, table, them).LastRefusal
				return kept.Reason == tt.reason && kept.Initiated && kept.Remote == netip.MustParseAddrPort(address) && kept.Text != ""
			})
			if all := table.Refusals(); len(all) != 0 {
				t.Errorf("of strangers: %+v", all)
			}
		})
	}
}

// TestCEARefusalHasAReason of its own for each way in which a CEA lets us down.
func TestCEARefusalHasAReason(t *testing.T) {
	t.Parallel()
	refusal := &diameter.Failure{Code: diameter.UnknownPeer, Text: "who?"}
	with := func(f func(*base.Capabilities)) func(cer *diameter.Message) *diameter.Message {
		return func(cer *diameter.Message) *diameter.Message {
			c := caps(them)
			f(&c)
			return base.NewCEA(cer, c, nil)
		}
	}
	for reason, answer := range map[peer.Reason]func(cer *diameter.Message) *diameter.Message{
		peer.ReasonRefused:       func(cer *diameter.Message) *diameter.Message { return base.NewCEA(cer, caps(them), refusal) },
		peer.ReasonWrongIdentity: with(func(c *base.Capabilities) { c.Host = other }),
		peer.ReasonWrongRealm:    with(func(c *base.Capabilities) { c.Realm = "x" }),
		peer.ReasonNoApplication: with(func(c *base.Capabilities) { c.Applications = nil }),
		peer.ReasonMalformed:     func(*diameter.Message) *diameter.Message { return hmr("s") },
	} {
		t.Run(reason.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
				f := net.taken(t)
				f.send(answer(f.request(diam.CapabilitiesExchange)))
				f.closed()
				synctest.Wait()
				if s := status(t, table, them).LastRefusal; s.Reason != reason || !s.Initiated || !s.Remote.IsValid() || counted(table)[reason] != 1 {
					t.Errorf("kept %+v, counted %v", s, counted(table))
				}
			})
		})
	}
}

// A flood of strangers is counted, but neither remembered nor told in full, and
// a listed peer's refusal is told in spite of it. Who says nothing is not told.
func TestFloodOfRefusals(t *testing.T) {
	t.Parallel()
	told := make(changes, 1000)
	bubble(t, told.config, func(t *testing.T, table *peer.Table, net *pipes) {
		refuse := func(host string) {
			c := caps(host)
			c.Applications = nil
			f := net.connect(t, listening)
			f.send(base.NewCER(c))
			<-f.ended
		}
		for n := range 100 {
			refuse(fmt.Sprintf("stranger%d.example", n))
		}
		if got := counted(table); got[peer.ReasonUnknownPeer] != 100 {
			t.Errorf("counted %v", got)
		}
		all := table.Refusals()
		if len(all) != 16 || all[0].Host != "stranger99.example" || all[15].Host != "stranger84.example" {
			t.Errorf("%d are remembered: %+v", len(all), all)
		}
		if len(told) != 10 {
			t.Errorf("%d were told, want 10", len(told))
		}
		for range 3 {
			refuse(them)
		}
		if kept := status(t, table, them).LastRefusal; len(told) != 11 || kept.Times != 3 {
			t.Errorf("%d were told, want 11; kept %+v", len(told), kept)
		}
		time.Sleep(10 * time.Minute)
		refuse(them)
		for len(told) > 1 {
			<-told
		}
		if c := <-told; c.LeftOut != 2 || c.Host != them {
			t.Errorf("told %+v", c)
		}
		for range 5 {
			refuse("stranger99.example")
		}
		if all := table.Refusals(); len(all) != 16 || all[0].Times != 6 {
			t.Errorf("%d are remembered, the last one %+v", len(all), all[0])
		}
		time.Sleep(time.Hour)
		refuse("stranger.example")
		for len(told) > 1 {
			<-told
		}
		if c := <-told; c.LeftOut != 4 || c.Host != "stranger.example" {
			t.Errorf("told %+v", c)
		}
		net.connect(t, listening).nc.Close()
		synctest.Wait()
		if got := counted(table); got[peer.ReasonSilent] != 1 || len(told) != 0 || table.Refusals()[0].Reason != peer.ReasonSilent {
			t.Errorf("counted %v, %d told", got, len(told))
		}
		refuse("another.example") // takes the place of who said nothing
		if all := table.Refusals(); len(all) != 16 || all[15].Host != "stranger86.example" {
			t.Errorf("the oldest is %+v", all[15])
		}
	})
}

func TestRefusalsAreLoggedWithoutObserver(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	bubble(t, func() peer.Config {
		c := config()
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		return c
	}, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening)
		f.ask(base.NewCER(caps("stranger.example")))
		f.closed()
	})
	for _, want := range []string{`level=WARN msg="refused a connection" peer=stranger.example`, "remote=[::1]:1001", "reason=unknown_peer", "error="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
}

func TestReasonsHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for r := range peer.Reasons {
		name := peer.Reason(r).String()
		if seen[name] || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("reason %d is %q", r, name)
		}
		seen[name] = true
		if text := peer.Reason(r).Meaning(); text == "" || strings.HasSuffix(text, ".") {
			t.Errorf("%s means %q", name, text)
		}
	}
	if got := peer.Reason(99).String(); got != "unknown (99)" {
		t.Errorf("an unknown reason is %q", got)
	}
}
