package agent

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/events"
	"homeagent/agent/metrics"
)

const day = 24 * time.Hour

// certificate writes a certificate that is valid from now on for a time.
func certificate(t *testing.T, name string, validFor time.Duration) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now(), NotAfter: time.Now().Add(validFor),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// A wallet is a configuration's files of TLS, and what is told of them.
type wallet struct {
	*attention
	folder string
	mu     sync.Mutex
	out    bytes.Buffer
}

// Write is the log's.
func (w *wallet) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(line)
}

func newWallet(t *testing.T) *wallet {
	w := &wallet{folder: t.TempDir()}
	log := slog.New(slog.NewTextHandler(w, nil))
	w.attention = &attention{events: events.New(0, log), log: log}
	return w
}

func (w *wallet) put(t *testing.T, name string, text ...[]byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, name), bytes.Join(text, nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *wallet) config() *config.Config {
	cfg := config.Defaults()
	cfg.Diameter.Certificate, cfg.Diameter.CA = filepath.Join(w.folder, "ha.pem"), filepath.Join(w.folder, "ca.pem")
	return cfg
}

// read takes a configuration with what is in its files.
func (w *wallet) read(t *testing.T, cfg *config.Config) {
	t.Helper()
	parsed := func(name string) (all []*x509.Certificate) {
		if name == "" {
			return nil
		}
		text, err := os.ReadFile(name)
		for err == nil && len(text) > 0 {
			var block *pem.Block
			block, text = pem.Decode(text)
			var c *x509.Certificate
			c, err = x509.ParseCertificate(block.Bytes)
			all = append(all, c)
		}
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	w.take(cfg, config.Certificates{Own: parsed(cfg.Diameter.Certificate), Authorities: parsed(cfg.Diameter.CA)})
}

// told counts lines of the log with a text, and empties it.
func (w *wallet) told(t *testing.T, want map[string]int) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for text, times := range want {
		if got := strings.Count(w.out.String(), text); got != times {
			t.Errorf("%q is %d times in the log, want %d:\n%s", text, got, times, w.out.String())
		}
	}
	w.out.Reset()
}

// A certificate that runs out is told when it is near, once a day, and at a
// reload; a new one ends that when it has been read.
func TestCertificatesRunOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWallet(t)
		w.put(t, "ha.pem", certificate(t, "ha.example.com", 80*day), certificate(t, "Intermediate CA", 1000*day))
		w.put(t, "ca.pem", certificate(t, "Example CA", 1000*day), certificate(t, "Former CA", 61*day))
		w.read(t, w.config())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.Run(ctx) //nolint:errcheck // it has no errors
		w.told(t, map[string]int{"msg=": 0})
		time.Sleep(57 * day)
		if len(w.warnings()) != 1 || w.certificatesEnd() {
			t.Errorf("with days left: %+v", w.warnings())
		}
		time.Sleep(2 * day)
		w.told(t, map[string]int{"level=WARN": 19, "CN=Former CA": 19, "ha.pem": 0}) // from a third of its time on
		if len(w.warnings()) != 1 || !w.certificatesEnd() {
			t.Errorf("%+v", w.warnings())
		}
		time.Sleep(3 * day)
		w.told(t, map[string]int{
			"level=WARN msg=\"a certificate for TLS runs out soon\"":  3 + 2,
			"level=ERROR msg=\"a certificate for TLS has run out\"":   1,
			"ha.pem is valid until 2000-03-21 00:00 UTC, for 20 days": 1,
			"for 19 days": 1, "have it read: systemctl reload homeagent": 6, "diameter.certificate": 3, "diameter.ca": 3,
		})
		w.read(t, w.config())
		w.told(t, map[string]int{"ha.pem is valid until": 1, "CN=Former CA in": 1})
		if got := w.warnings(); len(got) != 2 || !w.certificatesEnd() {
			t.Errorf("%+v", got)
		}

		w.put(t, "ha.pem", certificate(t, "ha.example.com", 90*day))
		w.put(t, "ca.pem", certificate(t, "Example CA", 1000*day))
		time.Sleep(day)
		w.told(t, map[string]int{"ha.pem is valid until": 1}) // it has not been read yet
		w.read(t, w.config())
		time.Sleep(day)
		w.told(t, map[string]int{"msg=": 0})
		if got := w.warnings(); got != nil || w.certificatesEnd() {
			t.Errorf("%+v", got)
		}
	})
}

// Of a chain the first end counts, of authorities of one name the last.
func TestValidity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWallet(t)
		now := time.Now()
		w.put(t, "ha.pem", certificate(t, "ha.example.com", 90*day), certificate(t, "Intermediate CA", 80*day))
		w.put(t, "ca.pem", certificate(t, "Example CA", 100*day), certificate(t, "Example CA", 300*day), certificate(t, "Former CA", 61*day))
		w.read(t, w.config())
		got := w.validity()
		got.From, got.Until = got.From.Local(), got.Until.Local()
		for name, at := range got.Authorities {
			got.Authorities[name] = at.Local()
		}
		want := metrics.Validity{From: now.Local(), Until: now.Add(80 * day).Local(), Authorities: map[string]time.Time{
			"CN=Example CA": now.Add(300 * day).Local(), "CN=Former CA": now.Add(61 * day).Local(),
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("validity (-want +got):\n%s", diff)
		}
		w.read(t, config.Defaults())
		if got := w.validity(); !got.Until.IsZero() || len(got.Authorities) != 0 {
			t.Errorf("without certificates: %+v", got)
		}
	})
}

// What the configuration lacks is told when it is taken, and shown as long as it
// is in force.
func TestDoubtsAreShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWallet(t)
		cfg := config.Defaults()
		cfg.Diameter.Peers = []config.Peer{{Identity: "aaah.example.com"}}
		w.read(t, cfg)
		w.told(t, map[string]int{"level=WARN": 1, "no peer may bootstrap mobile nodes": 1})
		if got := w.warnings(); len(got) != 1 || !strings.Contains(got[0].Text, "diameter.peer.bootstrapper: no peer may bootstrap") || w.certificatesEnd() {
			t.Errorf("%+v", got)
		}
		cfg.Diameter.Peers[0].Bootstrapper = true
		w.read(t, cfg)
		w.told(t, map[string]int{"msg=": 0})
		if got := w.warnings(); got != nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 minutes", 119 * time.Minute: "119 minutes", 2 * time.Hour: "2 hours", 47*time.Hour + time.Minute: "47 hours", 48 * time.Hour: "2 days", 30 * day: "30 days",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

// certificatesEnd reports whether a warning makes the home agent degraded.
func (w *wallet) certificatesEnd() bool {
	return slices.ContainsFunc(w.warnings(), func(w control.Warning) bool { return w.Cause != "" })
}
