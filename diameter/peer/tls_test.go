package peer_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// secure is a configuration with a TLS listener and a peer over TLS.
func secure(a *authority) peer.Config {
	c := config()
	c.TLS = a.config(us)
	c.Listeners[0].TLS = true
	c.Peers[0].Secured = peer.SecuredTLS
	return c
}

// dialTLS connects to the first listener with a configuration of the far end.
func dialTLS(t *testing.T, table *peer.Table, c *tls.Config) *far {
	t.Helper()
	c = c.Clone()
	c.ServerName = us
	nc, err := tls.Dial("tcp", table.Addrs()[0].String(), c)
	if err != nil {
		t.Fatal(err)
	}
	return newFar(t, nc)
}

// dialTLSRaw is dialTLS without a far end.
func dialTLSRaw(a *authority, address string) (net.Conn, error) {
	c := a.config(them)
	c.ServerName = us
	return tls.Dial("tcp", address, c)
}

func TestTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	table := start(t, secure(a))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := a.config("something.else.example", strings.ToUpper(them))
		c.MaxVersion = version
		f := dialTLS(t, table, c)
		f.open(them)
		if code := f.ask(hmr(tls.VersionName(version))); code != diameter.Success {
			t.Errorf("result %v", code)
		}
		s := status(t, table, them)
		if s.TLSName != them || s.TLSVersion != tls.VersionName(version) {
			t.Errorf("certificate %q, version %q", s.TLSName, s.TLSVersion)
		}
		f.ask(base.NewDPR(id, base.Rebooting))
		f.nc.Close()
		eventually(t, "it is closed", func() bool { return status(t, table, them).State == "Closed" })
	}
}

// TestTLSHandshakeIsRefused has a row for each certificate that proves nothing.
func TestTLSHandshakeIsRefused(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	serverOnly := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	with := func(c tls.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c}, RootCAs: a.pool}
	}
	old := a.config(them)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	tests := []struct {
		name   string
		config *tls.Config
	}{
		{"no certificate", &tls.Config{RootCAs: a.pool}},
		{"other authority", with(stranger.certificate(nil, them))},
		{"expired", with(a.certificate(expired, them))},
		{"not for clients", with(a.certificate(serverOnly, them))},
		{"TLS 1.1", old},
	}
	c := secure(a)
	c.TLS.MinVersion = tls.VersionTLS10 // is raised
	c.TLS.ClientAuth = tls.NoClientCert // is demanded all the same
	table := start(t, c)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := tt.config.Clone()
			c.ServerName = us
			nc, err := tls.Dial("tcp", table.Addrs()[0].String(), c)
			if err != nil {
				return
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(patience))
			// A client of TLS 1.3 learns only now that it was refused.
			if _, err := nc.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) || isTimeout(err) {
				t.Errorf("accepted: %v", err)
			}
		})
	}
}

// TestCertificateMustNameOriginHost as a DNS name; the common name and wildcards
// do not count.
func TestCertificateMustNameOriginHost(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	table := start(t, secure(a))
	tests := []struct {
		name   string
		config *tls.Config
	}{
		{"other host", a.config(other)},
		{"wildcard", a.config("*.home.example")},
		{"common name only", &tls.Config{RootCAs: a.pool, Certificates: []tls.Certificate{
			a.certificate(func(c *x509.Certificate) { c.DNSNames = nil }, them)}}},
		{"longer name", a.config("x." + them)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := dialTLS(t, table, tt.config)
			if code := f.ask(base.NewCER(caps(them))); code != diameter.UnknownPeer {
				t.Errorf("CEA with %v", code)
			}
			f.closed()
			if got := status(t, table, them).LastError; !strings.Contains(got, `not "aaa.home.example"`) {
				t.Errorf("last error %q", got)
			}
		})
	}
}

// TestProtectionMustBeAsConfigured: a peer of TLS without it, and the other way
// round.
func TestProtectionMustBeAsConfigured(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	clear := secure(a)
	clear.Listeners[0].TLS = false
	if code := dialTo(t, start(t, clear)).ask(base.NewCER(caps(them))); code != diameter.NoCommonSecurity {
		t.Errorf("without TLS: CEA with %v", code)
	}
	for _, secured := range []peer.Secured{peer.SecuredLoopback, peer.SecuredIPsec, peer.SecuredNone} {
		c := secure(a)
		c.Peers[0].Secured = secured
		f := dialTLS(t, start(t, c), a.config(them))
		if code := f.ask(base.NewCER(caps(them))); code != diameter.NoCommonSecurity {
			t.Errorf("%v over TLS: CEA with %v", secured, code)
		}
		f.closed()
	}
}

// TestLoopbackMeansLoopback: the same peer from another address of this host.
func TestLoopbackMeansLoopback(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		secured peer.Secured
		want    diameter.ResultCode
	}{
		{peer.SecuredLoopback, diameter.NoCommonSecurity},
		{peer.SecuredIPsec, diameter.Success},
		{peer.SecuredNone, diameter.Success},
	} {
		t.Run(tt.secured.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, func() peer.Config {
				c := config()
				c.Peers[0].Secured = tt.secured
				return c
			}, func(t *testing.T, table *peer.Table, net *pipes) {
				net.remote = true
				if code := net.connect(t, listening).ask(base.NewCER(caps(them))); code != tt.want {
					t.Errorf("CEA with %v, want %v", code, tt.want)
				}
			})
		})
	}
}

// acceptTLS is a listener of the far end, and where its connections come.
func acceptTLS(t *testing.T, c *tls.Config) (address string, conns <-chan net.Conn) {
	t.Helper()
	c = c.Clone()
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, c.RootCAs
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if nc.(*tls.Conn).Handshake() == nil {
					accepted <- nc
				}
			}()
		}
	}()
	return l.Addr().String(), accepted
}

// dialsTLS is a configuration in which we connect over TLS.
func dialsTLS(a *authority, address string) peer.Config {
	c := secure(a)
	c.Listeners = nil
	c.Peers[0].Connect = address
	return c
}

func TestDialTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	address, conns := acceptTLS(t, a.config(strings.ToUpper(them)))
	table := start(t, dialsTLS(a, address))
	nc := <-conns
	if names := nc.(*tls.Conn).ConnectionState().PeerCertificates[0].DNSNames; names[0] != us {
		t.Errorf("our certificate names %v", names)
	}
	f := newFar(t, nc).accept(them)
	connected(t, table, them)
	if code := f.ask(hmr("s")); code != diameter.Success {
		t.Errorf("result %v", code)
	}
	if s := status(t, table, them); s.TLSVersion != "TLS 1.3" || s.State != "I-Open" {
		t.Errorf("status %+v", s)
	}
}

// TestDialTLSRefuses servers that are not who they should be: no CER is sent to
// them.
func TestDialTLSRefuses(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	foreign := stranger.config(them)
	foreign.RootCAs = a.pool
	tests := []struct {
		name   string
		config *tls.Config
	}{
		{"other name", a.config(other)},
		{"wildcard", a.config("*.home.example")},
		{"other authority", foreign},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address, conns := acceptTLS(t, tt.config)
			c := dialsTLS(a, address)
			c.TLS.InsecureSkipVerify = true // must not matter
			table := start(t, c)
			eventually(t, "there is an error", func() bool { return status(t, table, them).LastError != "" })
			if got := status(t, table, them).LastError; !strings.HasPrefix(got, "connecting: setting up TLS: ") {
				t.Errorf("last error %q", got)
			}
			select {
			case nc := <-conns: // TLS 1.3 servers may be done before the client refuses
				newFar(t, nc).closed()
			default:
			}
		})
	}
}

// TestDialOfNoTLS: a peer that does not speak TLS.
func TestDialOfNoTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if nc, err := l.Accept(); err == nil {
			nc.Write(base.NewCER(caps(them)).Append(nil))
		}
	}()
	table := start(t, dialsTLS(a, l.Addr().String()))
	eventually(t, "there is an error", func() bool { return status(t, table, them).LastError != "" })
}

// TestFarewellOverTLS: the CEA of a refusal arrives although we close at once.
func TestFarewellOverTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	table := start(t, secure(a))
	f := dialTLS(t, table, a.config(them))
	c := caps(them)
	c.Applications = nil
	cer := base.NewCER(c)
	cer.HopByHop, cer.EndToEnd = 1, 1
	f.write(append(cer.Append(nil), make([]byte, 1000)...)) // more than is read
	if code := result(t, f.next()); code != diameter.NoCommonApplication {
		t.Errorf("CEA with %v", code)
	}
	f.closed()
}

// TestNewCertificate: a new certificate, of a new authority, is for new connections.
func TestNewCertificate(t *testing.T) {
	t.Parallel()
	former, present := newAuthority(t), newAuthority(t)
	table := start(t, secure(former))
	open := dialTLS(t, table, former.config(them))
	open.open(them)
	for _, bad := range []*tls.Config{nil, present.config("somebody.else.example")} {
		if err := table.Reconfigure(t.Context(), bad, secure(former).Peers); err == nil {
			t.Error("a configuration was taken with which nobody would accept us")
		}
	}
	if err := table.Reconfigure(t.Context(), present.config(us), secure(former).Peers); err != nil {
		t.Fatal(err)
	}
	if code := open.ask(hmr("before")); code != diameter.Success {
		t.Errorf("result %v over the connection from before", code)
	}
	if nc, err := dialTLSRaw(former, table.Addrs()[0].String()); err == nil {
		nc.Close()
		t.Error("the former certificate is still shown")
	}
	open.nc.Close()
	dialTLS(t, table, present.config(them)).open(them)
}
