package doctor_test

import (
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
)

const tlsFolder = "/etc/homeagent/tls/"

func TestTLS(t *testing.T) {
	t.Parallel()
	// The laboratory's certificates are valid for an hour before and after now.
	later := func(d time.Duration) func(*scene) {
		return func(s *scene) { s.box.Time.Now = time.Now().Add(d) }
	}
	day := time.Now().UTC().Add(time.Hour).Format(time.DateOnly)
	const repair = " -> chgrp homeagent %[1]s && chmod g+rX %[1]s"
	try(t, "tls", []row{
		{"right", nil, "ok the certificate names ha.example.com and is valid until " + day},
		{"not used", func(s *scene) { s.cfg.Diameter = config.Diameter{} }, ""},
		{"key not set", func(s *scene) { s.cfg.Diameter.Key = "" },
			"fail [diameter.key] diameter.key: it is not set, and TLS is used -> homeagentd --check --config /etc/homeagent/homeagent.toml"},
		{"key missing", func(s *scene) { s.remove(tlsFolder + "key.pem") },
			"fail [diameter.key] diameter.key: there is no /etc/homeagent/tls/key.pem to read (put it there, or name another file)"},
		{"key closed to the daemon", func(s *scene) { s.disk["etc/homeagent/tls/key.pem"].Mode = 0o600 },
			"fail [diameter.key] diameter.key: /etc/homeagent/tls/key.pem cannot be read by the user homeagent, as whom the daemon runs" +
				strings.ReplaceAll(repair, "%[1]s", "/etc/homeagent/tls/key.pem")},
		{"folder closed to the daemon", func(s *scene) {
			s.disk["etc/homeagent/tls"].Mode &^= 0o010
			s.cfg.Diameter.CA = "/etc/homeagent/ca.pem"
		},
			"fail [diameter.certificate] diameter.certificate: /etc/homeagent/tls cannot be read by the user homeagent, as whom the daemon runs" +
				strings.ReplaceAll(repair, "%[1]s", "/etc/homeagent/tls") + "\n" +
				"fail [diameter.key] diameter.key: /etc/homeagent/tls cannot be read by the user homeagent, as whom the daemon runs" +
				strings.ReplaceAll(repair, "%[1]s", "/etc/homeagent/tls") + "\n" +
				"fail [diameter.ca] diameter.ca: there is no /etc/homeagent/ca.pem to read (put it there, or name another file)"},
		{"key open", func(s *scene) { s.disk["etc/homeagent/tls/key.pem"].Mode = 0o644 },
			"fail [diameter.key] diameter.key: others than its owner and group can read /etc/homeagent/tls/key.pem, or its group can change it, mode 0644 -> chmod o=,g-w /etc/homeagent/tls/key.pem"},
		{"key is somebody else's", func(s *scene) {
			s.put(tlsFolder+"key.pem", string(s.disk["etc/homeagent/tls/key.pem"].Data), 0o640, 65534, agent)
		},
			"fail [diameter.key] diameter.key: /etc/homeagent/tls/key.pem belongs to the user 65534, who can read and change it -> chown root /etc/homeagent/tls/key.pem"},
		{"key is a folder", func(s *scene) { s.disk["etc/homeagent/tls/key.pem"].Mode |= fs.ModeDir },
			"fail [diameter.key] diameter.key: /etc/homeagent/tls/key.pem cannot be read: read /etc/homeagent/tls/key.pem: invalid argument"},
		{"no pair", func(s *scene) { s.copyFile(tlsFolder+"key.pem", tlsFolder+"others-key.pem") },
			"fail [diameter.certificate] diameter.certificate: /etc/homeagent/tls/certificate.pem and diameter.key, /etc/homeagent/tls/key.pem, do not make a pair: tls: private key does not match public key"},
		{"another's", func(s *scene) {
			s.copyFile(tlsFolder+"key.pem", tlsFolder+"others-key.pem")
			s.copyFile(tlsFolder+"certificate.pem", tlsFolder+"others.pem")
		}, `fail [diameter.certificate] diameter.certificate: /etc/homeagent/tls/certificate.pem names ["aaah.example.com"] and not ha.example.com, by which peers know this home agent`},
		{"expires soon", later(50 * time.Minute), "warn [diameter.certificate] diameter.certificate: /etc/homeagent/tls/certificate.pem expires on " + day + "\n" +
			"warn [diameter.ca] diameter.ca: the authority CN=Laboratory CA in /etc/homeagent/tls/ca.pem expires on " + day},
		{"expired", later(2 * time.Hour), "fail [diameter.certificate] diameter.certificate: /etc/homeagent/tls/certificate.pem expired on " + day + "\n" +
			"fail [diameter.ca] diameter.ca: the authority CN=Laboratory CA in /etc/homeagent/tls/ca.pem expired on " + day},
		{"no authority", func(s *scene) { s.copyFile(tlsFolder+"ca.pem", tlsFolder+"key.pem") },
			"fail [diameter.ca] diameter.ca: /etc/homeagent/tls/ca.pem holds no certificate in PEM"},
		{"another's certificate for the authority's", func(s *scene) { s.copyFile(tlsFolder+"ca.pem", tlsFolder+"others.pem") },
			"warn [diameter.ca] diameter.ca: /etc/homeagent/tls/ca.pem holds a certificate of CN=aaah.example.com that is no authority's"},
	})
}

func TestTLSNotYetValid(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.box.Time.Now = time.Now().Add(-3 * time.Hour)
	for _, f := range s.examine(t).Findings {
		if f.Check == "tls" && !strings.Contains(shown(f), "is not valid before") {
			t.Errorf("unexpected finding: %s", shown(f))
		}
	}
}

// Who is told by an alert finds the same on the box.
func TestAlertsAgreeAboutCertificates(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../../packaging/prometheus/homeagent.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{NotAfter: time.Now()}
	for what, due := range map[string]time.Time{"renewal": doctor.RenewalDue(c), "its last days": doctor.RenewalOverdue(c)} {
		days := c.NotAfter.Sub(due) / (24 * time.Hour)
		if text := fmt.Sprintf("< %d * 86400", days); strings.Count(string(rules), text) != 2 {
			t.Errorf("no alerts of %s in %q", what, text)
		}
	}
}
