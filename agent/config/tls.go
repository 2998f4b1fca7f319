package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// LoadTLS reads our certificate and whom we believe. It returns nil if no files
// are set, as where no connection uses TLS. What is wrong with a file is told by an
// [OptionError]; so is a private key that is open to others.
func (d *Diameter) LoadTLS() (*tls.Config, error) {
	if d.Certificate == "" {
		return nil, nil
	}
	texts := map[string][]byte{}
	for _, file := range []struct{ key, name string }{{"diameter.certificate", d.Certificate}, {"diameter.key", d.Key}, {"diameter.ca", d.CA}} {
		text, err := readFile(file.name)
		if err == nil && file.key == "diameter.key" {
			err = checkPrivateFile(file.name)
		}
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

// checkPrivateFile is CheckPrivate for a file on disk.
func checkPrivateFile(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return CheckPrivate(name, info)
}

// readFile reads a file that the operator puts there.
func readFile(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading %s: %w (put it there, or name another file)", name, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("reading %[1]s: %[2]w (the daemon's user must be let in: chgrp homeagent %[1]s && chmod g+r %[1]s)", name, fs.ErrPermission)
	}
	return text, err
}
