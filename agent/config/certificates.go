package config

import (
	"crypto/x509"
	"encoding/pem"
)

// Certificates are those in the files of TLS, for their names and days.
type Certificates struct {
	// Own is our certificate, and those in its file that lead to an authority.
	Own []*x509.Certificate
	// Authorities are those that we believe.
	Authorities []*x509.Certificate
}

// parseCertificates leaves out what is no certificate, as TLS does.
func parseCertificates(text []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			all = append(all, c)
		}
	}
	return all
}
