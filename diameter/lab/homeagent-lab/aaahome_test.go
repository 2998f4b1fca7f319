package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/aaahome"
	"homeagent/diameter/peer"
)

// A homeAgent answers HMRs with an address, or with refusal if that is set.
type homeAgent struct {
	id      diameter.Identity
	codec   *bootstrap.Codec
	refusal *diameter.Failure
}

func (homeAgent) Admit(peer.Info, diameter.Header) *diameter.Failure { return nil }

func (a homeAgent) Serve(_ context.Context, _ peer.Info, req *diameter.Message) *diameter.Message {
	h, f := a.codec.DecodeHMR(req, bootstrap.HMROptions{Host: a.id.Host, Realm: a.id.Realm})
	if f == nil {
		f = a.refusal
	}
	if f != nil {
		return a.codec.Refuse(req, a.id, f)
	}
	return a.codec.EncodeHMA(req, a.id, &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.Success},
		UserName: h.UserName, HomeAddress: netip.MustParseAddr("2001:db8:1::1000"), HomeAgent: netip.MustParseAddr("2001:db8:1::1")})
}

// start runs a home agent until the test ends and returns its address. The
// change makes it something other than one that accepts over TCP.
func start(t *testing.T, refusal *diameter.Failure, change func(*peer.Config)) net.Addr {
	t.Helper()
	d, err := dictionary.Load(dictionary.Default())
	if err != nil {
		t.Fatal(err)
	}
	id := diameter.Identity{Host: "ha.example.net", Realm: "example.net"}
	config := peer.Config{
		Host: id.Host, Realm: id.Realm, VendorID: d.Codes().Vendor, Commands: d.Known,
		Applications: []peer.Application{{Vendor: d.Codes().Vendor, AuthID: d.Codes().Application}},
		Listeners:    []peer.Listener{{Address: "[::1]:0"}},
		Peers:        []peer.PeerConfig{{Host: "aaah.example.com", Secured: peer.SecuredLoopback}},
		Handler:      homeAgent{id, bootstrap.NewCodec(d), refusal},
		Log:          slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&config)
	}
	table, err := peer.New(config)
	if err != nil {
		t.Fatalf("configuring the home agent: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- table.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the home agent failed: %v", err)
		}
	})
	<-table.Ready()
	if len(config.Listeners) == 0 {
		return nil
	}
	return table.Addrs()[0]
}

func TestAAAHome_Text(t *testing.T) {
	t.Parallel()
	addr := start(t, nil, nil)
	out, errOut, code := call(t, "aaa-home", "--connect", addr.String(), "--ha-host", "ha.example.net", "--count", "3", "--concurrency", "2")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d: %s\n%s", code, errOut, out)
	}
	for _, want := range []string{"mn1@example.com: DIAMETER_SUCCESS in ", "mn3@example.com: ", "home address 2001:db8:1::1000, home agent 2001:db8:1::1, key 1 fingerprint ",
		"3 requests in ", "       3 DIAMETER_SUCCESS\n", "time to answer: p50 "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the output:\n%s", want, out)
		}
	}
}

func TestAAAHome_JSON(t *testing.T) {
	t.Parallel()
	addr := start(t, &diameter.Failure{Code: diameter.HomeAgentNotAvailable, Text: "full"}, nil)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("000102030405060708090a0b0c0d0e0f10111213\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errOut, code := call(t, "aaa-home", "--connect", addr.String(), "--ha-host", "ha.example.net", "--json", "--users", "mn@example.com",
		"--expect", "error_ha_not_available", "--key-file", keyFile, "--key-id=-5", "--show-key")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d: %s\n%s", code, errOut, out)
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	var got aaahome.Record
	var last struct{ Summary aaahome.Summary }
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if err := decoder.Decode(&last); err != nil {
		t.Fatal(err)
	}
	want := aaahome.Record{UserName: "mn@example.com", ResultCode: 4006, Result: "DIAMETER_ERROR_HA_NOT_AVAILABLE", Expected: true,
		HomeAddress: "", ErrorMessage: "full", KeyID: -5, Key: "000102030405060708090a0b0c0d0e0f10111213",
		SessionID: got.SessionID, Seconds: got.Seconds, KeyFingerprint: got.KeyFingerprint}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected record (-want +got):\n%s", diff)
	}
	if last.Summary.Requests != 1 || !last.Summary.OK(1) || !strings.HasPrefix(got.SessionID, "aaah.example.com;") {
		t.Errorf("unexpected summary %+v or Session-Id %q", last.Summary, got.SessionID)
	}
}

func TestAAAHome_NotAsExpected(t *testing.T) {
	t.Parallel()
	addr := start(t, nil, nil)
	base := []string{"aaa-home", "--connect", addr.String(), "--ha-host", "ha.example.net", "--quiet"}
	tests := []struct {
		name      string
		args      []string
		out, text string
	}{
		{"refused", []string{"--omit-key-id"}, "mn1@example.com: DIAMETER_MISSING_AVP in ", "1 of 1 requests were not answered with DIAMETER_SUCCESS"},
		{"another realm", []string{"--ha-realm", "example.org", "--vector", "0"}, "DIAMETER_INVALID_AVP_VALUE in ", "not answered with"},
		{"accepted", []string{"--expect", "4006", "--session-timeout", "7200", "--grace", "5", "--no-state"}, "mn1@example.com: DIAMETER_SUCCESS in ", "not answered with DIAMETER_ERROR_HA_NOT_AVAILABLE"},
	}
	for _, tt := range tests {
		// One after the other: a peer has one connection.
		out, errOut, code := call(t, append(base, tt.args...)...)
		if code != 1 || !strings.Contains(out, tt.out) || !strings.Contains(errOut, tt.text) {
			t.Errorf("%s: exit code %d: %s\n%s", tt.name, code, errOut, out)
		}
	}
}

func TestAAAHome_Listen(t *testing.T) {
	t.Parallel()
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	address := probe.Addr().String()
	probe.Close()
	start(t, nil, func(c *peer.Config) {
		c.Listeners = nil
		c.Peers[0].Connect = address
		c.Timers.Reconnect = 50 * time.Millisecond
	})
	out, errOut, code := call(t, "aaa-home", "--listen", address, "--ha-host", "ha.example.net")
	if code != 0 || !strings.Contains(out, "1 DIAMETER_SUCCESS") {
		t.Errorf("exit code %d: %s\n%s", code, errOut, out)
	}
}

func TestAAAHome_TLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newAuthority(t, filepath.Join(dir, "ca.pem"))
	ca.issue(t, "ha.example.net", filepath.Join(dir, "ha"))
	ca.issue(t, "aaah.example.com", filepath.Join(dir, "aaah"))
	ca.issue(t, "mallory.example.com", filepath.Join(dir, "mallory"))
	addr := start(t, nil, func(c *peer.Config) {
		cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "ha.pem"), filepath.Join(dir, "ha.key"))
		if err != nil {
			t.Fatal(err)
		}
		c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: ca.pool}
		c.Listeners[0].TLS, c.Peers[0].Secured = true, peer.SecuredTLS
	})
	args := func(cert string, more ...string) []string {
		return append([]string{"aaa-home", "--connect", addr.String(), "--ha-host", "ha.example.net",
			"--tls-cert", filepath.Join(dir, cert+".pem"), "--tls-key", filepath.Join(dir, cert+".key"), "--tls-ca", filepath.Join(dir, "ca.pem")}, more...)
	}
	if out, errOut, code := call(t, args("aaah")...); code != 0 || !strings.Contains(out, "1 DIAMETER_SUCCESS") {
		t.Errorf("exit code %d: %s\n%s", code, errOut, out)
	}
	if _, errOut, code := call(t, args("mallory")...); code != 64 || !strings.Contains(errOut, `certificate names ["mallory.example.com"], not "aaah.example.com"`) {
		t.Errorf("a certificate of another name: exit code %d: %s", code, errOut)
	}
	out, errOut, code := call(t, args("mallory", "--host", "mallory.example.com", "--wait", "500ms")...)
	if code != 1 || out != "" || !strings.Contains(errOut, "connecting with ha.example.net") {
		t.Errorf("a peer that is not listed: exit code %d: %s\n%s", code, errOut, out)
	}
}

func TestAAAHome_NobodyThere(t *testing.T) {
	t.Parallel()
	out, errOut, code := call(t, "aaa-home", "--connect", "[::1]:1", "--ha-host", "ha.example.net", "--wait", "200ms")
	if code != 1 || out != "" || !strings.Contains(errOut, "connecting with ha.example.net") {
		t.Errorf("exit code %d: %s\n%s", code, errOut, out)
	}
}

func TestAAAHome_Interrupted(t *testing.T) {
	t.Parallel()
	addr := start(t, nil, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out, errOut strings.Builder
	err := run(ctx, []string{"aaa-home", "--connect", addr.String(), "--ha-host", "ha.example.net", "--count", "100", "--rate", "20"}, &out, &errOut)
	if exitCode(err) != 1 || !strings.Contains(out.String(), " requests in ") || strings.Contains(out.String(), "mn100@") {
		t.Errorf("got %v\n%s", err, &out)
	}
}

// closed is an output that nobody reads any more.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestAAAHome_OutputClosed(t *testing.T) {
	t.Parallel()
	addr := start(t, nil, nil)
	err := run(t.Context(), []string{"aaa-home", "--connect", addr.String(), "--ha-host", "ha.example.net", "--count", "1000"}, closed{}, closed{})
	if exitCode(err) != 1 || !strings.Contains(err.Error(), "file already closed") {
		t.Errorf("got %v", err)
	}
}

// An authority issues certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T, path string) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key = newKey(t)
	der := a.sign(t, a.cert, &a.key.PublicKey)
	writePEM(t, path, "CERTIFICATE", der)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a.cert = parsed
	a.pool.AddCert(parsed)
	return a
}

// issue writes path.pem and path.key for a host.
func (a *authority) issue(t *testing.T, host, path string) {
	t.Helper()
	key := newKey(t)
	der := a.sign(t, &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, &key.PublicKey)
	writePEM(t, path+".pem", "CERTIFICATE", der)
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, path+".key", "EC PRIVATE KEY", keyDER)
}

func (a *authority) sign(t *testing.T, cert *x509.Certificate, public *ecdsa.PublicKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
