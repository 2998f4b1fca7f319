package config

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"homeagent/agent/secretfile"
)

// Certificates are those in the files of TLS.
type Certificates struct {
	// Own is our certificate, and those in its file that lead to an authority.
	Own []*x509.Certificate
	// Authorities are those that we believe.
	Authorities []*x509.Certificate
}

// ReadCertificates reads them for their names and days; there are none if no files
// are set. What is wrong with a file is told by an [OptionError].
func (d *Diameter) ReadCertificates() (Certificates, error) {
	if d.Certificate == "" {
		return Certificates{}, nil
	}
	own, err := readCertificates("diameter.certificate", d.Certificate)
	if err != nil {
		return Certificates{}, err
	}
	authorities, err := readCertificates("diameter.ca", d.CA)
	return Certificates{own, authorities}, err
}

// readCertificates leaves out what is no certificate, as TLS does.
func readCertificates(key, name string) ([]*x509.Certificate, error) {
	text, err := secretfile.ReadPublic(name)
	if err != nil {
		return nil, &OptionError{key, err}
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, &OptionError{key, fmt.Errorf("%s holds no certificate in PEM", name)}
	}
	return all, nil
}
