package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// LoadTLS reads our certificate and whom we believe. It returns nil if no files
// are set, as where no connection uses TLS. Errors name the option and the file.
func (d *Diameter) LoadTLS() (*tls.Config, error) {
	if d.Certificate == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(d.Certificate, d.Key)
	if err != nil {
		return nil, fmt.Errorf("loading diameter.certificate %s with diameter.key %s: %w", d.Certificate, d.Key, err)
	}
	pem, err := os.ReadFile(d.CA)
	if err != nil {
		return nil, fmt.Errorf("loading diameter.ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("loading diameter.ca %s: it holds no certificate in PEM", d.CA)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ClientCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
