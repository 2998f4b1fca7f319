package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"homeagent/agent/secretfile"
)

// LoadTLS reads our certificate and whom we believe. It returns nil if no files
// are set, as where no connection uses TLS. What is wrong with a file is told by an
// [OptionError]; so is a private key that is open to others.
func (d *Diameter) LoadTLS() (*tls.Config, error) { return d.LoadTLSAs(secretfile.Self()) }

// LoadTLSAs does it for whoever the private key has to be secret to.
func (d *Diameter) LoadTLSAs(reader secretfile.Reader) (*tls.Config, error) {
	if d.Certificate == "" {
		return nil, nil
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
			return nil, &OptionError{file.key, err}
		}
		texts[file.key] = text
	}
	pair, err := tls.X509KeyPair(texts["diameter.certificate"], texts["diameter.key"])
	if err != nil {
		return nil, &OptionError{"diameter.certificate", fmt.Errorf("%s and diameter.key, %s, do not make a pair: %w", d.Certificate, d.Key, err)}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(texts["diameter.ca"]) {
		return nil, &OptionError{"diameter.ca", fmt.Errorf("%s holds no certificate in PEM", d.CA)}
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ClientCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
