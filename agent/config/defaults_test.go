package config_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeagent/agent/config"
	"homeagent/diameter/lab/certificates"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := config.Defaults()
	if c.IKE.Socket != "/run/charon.vici" || c.Store.Path != "/var/lib/homeagent/state.db" || c.Mobility.HoldDown != 10*time.Minute || len(c.Prefixes) != 0 {
		t.Errorf("unexpected defaults: %+v", c)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "homeagent.toml")
	if err := os.WriteFile(file, []byte(config.Sample()), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(file)
	var problems config.Problems
	if !errors.As(err, &problems) || !problems[0].Missing() {
		t.Errorf("the sample: %v", err)
	}
	if (config.Problem{Text: "there is no such section"}).Missing() {
		t.Error("another problem counts as something missing")
	}
}

// Errors name the option and the file.
func TestLoadTLS(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ca, err := certificates.New(folder)
	if err := errors.Join(err, ca.Certify("ha", "ha.example.com")); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(folder, name) }
	right := config.Diameter{Certificate: file("ha.pem"), Key: file("ha-key.pem"), CA: file("ca.pem")}
	// What is no certificate is left out, as by TLS.
	authority, err := os.ReadFile(file("ca.pem"))
	if err := errors.Join(err, os.WriteFile(file("ca.pem"), append(authority, "rubbish\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...), 0o600)); err != nil {
		t.Fatal(err)
	}
	c, held, err := right.LoadTLS()
	if err != nil || len(c.Certificates) != 1 || c.RootCAs == nil || c.ClientCAs == nil {
		t.Fatalf("LoadTLS: %+v, %v", c, err)
	}
	if len(held.Own) != 1 || !bytes.Equal(held.Own[0].Raw, c.Certificates[0].Certificate[0]) || len(held.Authorities) != 1 || !held.Authorities[0].IsCA {
		t.Errorf("LoadTLS has other certificates: %+v", held)
	}
	if c, held, err := (&config.Diameter{}).LoadTLS(); c != nil || held.Own != nil || err != nil {
		t.Errorf("LoadTLS without files: %v, %v, %v", c, held, err)
	}
	text, err := os.ReadFile(file("ha-key.pem"))
	if err := errors.Join(err, os.WriteFile(file("open.pem"), text, 0o600), os.Chmod(file("open.pem"), 0o644), syscall.Mkfifo(file("pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*config.Diameter)
		want   string
	}{
		"open key":       {func(d *config.Diameter) { d.Key = file("open.pem") }, "diameter.key: others than its owner and group can read " + file("open.pem") + ", or its group can change it, mode 0644 (try: chmod o=,g-w " + file("open.pem") + ")"},
		"pipe":           {func(d *config.Diameter) { d.Certificate = file("pipe") }, "diameter.certificate: " + file("pipe") + " is no regular file"},
		"no certificate": {func(d *config.Diameter) { d.Certificate = file("none") }, "diameter.certificate: reading " + file("none") + ": file does not exist (put it there"},
		"no key":         {func(d *config.Diameter) { d.Key = file("none") }, "diameter.key: reading " + file("none") + ": file does not exist (put it there"},
		"no pair":        {func(d *config.Diameter) { d.Certificate = file("ca.pem") }, "do not make a pair: tls: private key does not match"},
		"no CA":          {func(d *config.Diameter) { d.CA = file("none") }, "diameter.ca: reading " + file("none") + ": file does not exist (put it there"},
		"empty CA":       {func(d *config.Diameter) { d.CA = file("ha-key.pem") }, "diameter.ca: " + file("ha-key.pem") + " holds no certificate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := right
			tt.change(&d)
			if _, _, err := d.LoadTLS(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("LoadTLS: %v, want %q", err, tt.want)
			}
		})
	}
}
