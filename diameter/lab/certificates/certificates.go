// Package certificates issues the certificates by which Diameter peers in the
// laboratory know each other. Nobody should trust them for anything else.
//
// Exported: [Authority], made by [New].
package certificates

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// An Authority issues certificates and writes them to a folder.
type Authority struct {
	folder      string
	certificate *x509.Certificate
	key         crypto.Signer
}

// validity is that of all certificates here; nobody needs them after a few minutes.
const validity = time.Hour

// New makes an authority and writes its certificate to ca.pem.
func New(folder string) (*Authority, error) {
	a := &Authority{folder: folder}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Laboratory CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	certificate, key, err := a.issue(template)
	if err != nil {
		return nil, err
	}
	a.certificate, a.key = certificate, key
	return a, writePEM(a.file("ca.pem"), "CERTIFICATE", certificate.Raw, 0o644)
}

func (a *Authority) file(name string) string { return filepath.Join(a.folder, name) }

// Certify writes a certificate and key for a Diameter identity to NAME.pem and
// NAME-key.pem. Peers are clients and servers in one.
func (a *Authority) Certify(name, identity string) error {
	certificate, key, err := a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: identity}, DNSNames: []string{identity},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return err
	}
	octets, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("writing the key of %s: %w", identity, err)
	}
	return errors.Join(
		writePEM(a.file(name+".pem"), "CERTIFICATE", certificate.Raw, 0o644),
		writePEM(a.file(name+"-key.pem"), "PRIVATE KEY", octets, 0o600),
	)
}

// issue signs a certificate for a new key, with that key itself if the authority
// has none yet.
func (a *Authority) issue(template *x509.Certificate) (*x509.Certificate, crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, nil, fmt.Errorf("choosing a serial number: %w", err)
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = time.Now().Add(-validity), time.Now().Add(validity)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	octets, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("signing the certificate of %s: %w", template.Subject.CommonName, err)
	}
	certificate, err := x509.ParseCertificate(octets)
	return certificate, key, err
}

func writePEM(path, kind string, octets []byte, mode os.FileMode) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: octets})
	if err := os.WriteFile(path, text, mode); err != nil {
		return fmt.Errorf("writing a certificate: %w", err)
	}
	return nil
}
