package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/secretfile"
)

// renewal is how long before its end a certificate is worth a warning, and lastDays when
// that is all but too late. The alerts for Prometheus have the same.
const (
	renewal  = 21 * 24 * time.Hour
	lastDays = 3 * 24 * time.Hour
)

// RenewalDue is from when on a certificate is worth a warning: three weeks before its
// end, or where it is made for a short time the last third of that.
func RenewalDue(c *x509.Certificate) time.Time {
	return c.NotAfter.Add(-min(renewal, c.NotAfter.Sub(c.NotBefore)/3))
}

// RenewalOverdue is from when on somebody has to act today: three days before its end, or
// the last tenth of a short time.
func RenewalOverdue(c *x509.Certificate) time.Time {
	return c.NotAfter.Add(-min(lastDays, c.NotAfter.Sub(c.NotBefore)/10))
}

// tlsFiles looks at the files of TLS: there, readable, fitting, valid, and the key
// nobody else's.
func tlsFiles(_ context.Context, p *patient) []Finding {
	d := &p.cfg.Diameter
	if d.Certificate == "" && d.Key == "" && d.CA == "" {
		return nil
	}
	texts := map[string][]byte{}
	var findings []Finding
	for _, file := range []struct{ option, name string }{{"diameter.certificate", d.Certificate}, {"diameter.key", d.Key}, {"diameter.ca", d.CA}} {
		text, f := p.tlsFile(file.option, file.name)
		if f.Status != OK {
			findings = append(findings, f.about(file.option).of(file.option))
		}
		texts[file.option] = text
	}
	if len(findings) > 0 {
		return findings
	}
	now := p.now()
	findings = p.keyMode()
	findings = append(findings, named("diameter.certificate", pairs(texts["diameter.certificate"], texts["diameter.key"], d, now))...)
	findings = append(findings, named("diameter.ca", authorities(d.CA, texts["diameter.ca"], now))...)
	if len(findings) == 0 {
		leaf, _ := firstCertificate(texts["diameter.certificate"])
		findings = append(findings, good("the certificate names %s and is valid until %s", d.Identity, leaf.NotAfter.Format(time.DateOnly)))
	}
	return findings
}

// named makes an option the subject of findings.
func named(option string, findings []Finding) []Finding {
	for i := range findings {
		findings[i] = findings[i].about(option).of(option)
	}
	return findings
}

// now is the box's time.
func (p *patient) now() time.Time {
	if c, err := p.Clock(); err == nil {
		return c.Now
	}
	return time.Now()
}

// tlsFile reads one of the files.
func (p *patient) tlsFile(option, name string) ([]byte, Finding) {
	if name == "" {
		return nil, fail(repairConfig(p.file), "it is not set, and TLS is used")
	}
	text, err := fs.ReadFile(p.Files(), inside(name))
	if out := p.outOfReach(name); out != "" && (err == nil || denied(err)) {
		return nil, fail(fmt.Sprintf("chgrp %s %s && chmod g+rX %[2]s", userName, out),
			"%s cannot be read by the user %s, as whom the daemon runs", out, userName)
	}
	switch {
	case denied(err):
		return nil, cannot(name, err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail("", "there is no %s to read (put it there, or name another file)", name)
	case err != nil:
		return nil, fail("", "%s cannot be read: %s", name, rooted(err))
	}
	return text, Finding{}
}

// keyMode looks whether the private key is one.
func (p *patient) keyMode() []Finding {
	key := p.cfg.Diameter.Key
	info, err := fs.Stat(p.Files(), inside(key))
	if err == nil {
		err = p.reader().Check(key, info)
	}
	if exposed, is := errors.AsType[*secretfile.Exposed](err); is {
		return named("diameter.key", []Finding{fail(exposed.Repair, "%s", exposed.Text)})
	}
	return nil
}

// pairs looks whether certificate and key belong together, name us, and are of
// use for both ends of a connection.
func pairs(certificate, key []byte, d *config.Diameter, now time.Time) []Finding {
	_, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return []Finding{fail("", "%s and diameter.key, %s, do not make a pair: %v", d.Certificate, d.Key, err)}
	}
	leaf, err := firstCertificate(certificate)
	if err != nil {
		return []Finding{fail("", "%s is of no use: %v", d.Certificate, err)}
	}
	var findings []Finding
	if !slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, d.Identity) }) {
		findings = append(findings, fail("", "%s names %q and not %s, by which peers know this home agent", d.Certificate, leaf.DNSNames, d.Identity))
	}
	for _, use := range []struct {
		of   x509.ExtKeyUsage
		name string
	}{{x509.ExtKeyUsageServerAuth, "servers (serverAuth)"}, {x509.ExtKeyUsageClientAuth, "clients (clientAuth)"}} {
		if len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, use.of) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
			findings = append(findings, warn("", "%s is not for TLS %s, and a Diameter node is both", d.Certificate, use.name))
		}
	}
	return append(findings, valid(d.Certificate, leaf, now)...)
}

// valid looks at the days of a certificate.
func valid(what string, c *x509.Certificate, now time.Time) []Finding {
	switch {
	case now.Before(c.NotBefore):
		return []Finding{fail("timedatectl set-ntp true", "%s is not valid before %s (is the clock right?)", what, c.NotBefore.Format(time.DateTime))}
	case now.After(c.NotAfter):
		return []Finding{fail("", "%s expired on %s", what, c.NotAfter.Format(time.DateOnly))}
	case now.After(RenewalDue(c)):
		return []Finding{warn("", "%s expires on %s", what, c.NotAfter.Format(time.DateOnly))}
	}
	return nil
}

// authorities looks at those who vouch for peers.
func authorities(name string, text []byte, now time.Time) []Finding {
	all, err := certificates(text)
	if err != nil || len(all) == 0 {
		return []Finding{fail("", "%s holds no certificate in PEM", name)}
	}
	var findings []Finding
	for _, c := range all {
		findings = append(findings, valid("the authority "+c.Subject.String()+" in "+name, c, now)...)
		if !c.IsCA {
			findings = append(findings, warn("", "%s holds a certificate of %s that is no authority's", name, c.Subject))
		}
	}
	return findings
}

func firstCertificate(text []byte) (*x509.Certificate, error) {
	all, err := certificates(text)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("it holds no certificate in PEM")
	}
	return all[0], nil
}

func certificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("it holds a certificate that cannot be read: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}
