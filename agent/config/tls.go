package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"homeagent/agent/secretfile"
)

// LoadTLS reads our certificate and whom we believe, and returns the certificates that
// were there then. There is nothing if no files are set, as where no connection uses
// TLS. What is wrong with a file is told by an
// [OptionError]; so is a private key that is open to others.
func (d *Diameter) LoadTLS() (*tls.Config, Certificates, error) {
	return d.LoadTLSAs(secretfile.Self())
}

// LoadTLSAs does it for whoever the private key has to be secret to.
func (d *Diameter) LoadTLSAs(reader secretfile.Reader) (*tls.Config, Certificates, error) {
	if d.Certificate == "" {
		return nil, Certificates{}, nil
	}
	texts := map[string][]byte{}
	defer func() { clear(texts["diameter.key"]) }()
	for _, file := range []struct {
		key, name string
		read      func(string) ([]byte, error)
	}{
		{"diameter.certificate", d.Certificate, secretfile.ReadPublic}, {"diameter.key", d.Key, reader.Read}, {"diameter.ca", d.CA, secretfile.ReadPublic},
	} {
		text, err := file.read(file.name)
		if err != nil {
			return nil, Certificates{}, &OptionError{file.key, err}
		}
		texts[file.key] = text
	}
	pair, err := tls.X509KeyPair(texts["diameter.certificate"], texts["diameter.key"])
	if err != nil {
		return nil, Certificates{}, &OptionError{"diameter.certificate", fmt.Errorf("%s and diameter.key, %s, do not make a pair: %w", d.Certificate, d.Key, err)}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(texts["diameter.ca"]) {
		return nil, Certificates{}, &OptionError{"diameter.ca", fmt.Errorf("%s holds no certificate in PEM", d.CA)}
	}
	credentials := &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ClientCAs: roots, MinVersion: tls.VersionTLS12}
	return credentials, Certificates{parseCertificates(texts["diameter.certificate"]), parseCertificates(texts["diameter.ca"])}, nil
}
