package certificates_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"homeagent/diameter/lab/certificates"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCertificates has both peers meet as Diameter peers do: each checks the other.
func TestCertificates(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ca, err := certificates.New(folder)
	must(t, err)
	must(t, ca.Certify("ha", "ha.example.com"))
	must(t, ca.Certify("aaa", "aaah.example.com"))
	pem, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	must(t, err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("ca.pem holds no certificate")
	}
	client, server := net.Pipe()
	failed := make(chan error, 1)
	go func() {
		conn := tls.Server(server, &tls.Config{
			Certificates: []tls.Certificate{load(t, folder, "ha")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots,
		})
		failed <- errors.Join(conn.Handshake(), conn.ConnectionState().PeerCertificates[0].VerifyHostname("aaah.example.com"))
		io.Copy(io.Discard, conn)
	}()
	conn := tls.Client(client, &tls.Config{
		Certificates: []tls.Certificate{load(t, folder, "aaa")}, RootCAs: roots, ServerName: "ha.example.com",
	})
	must(t, conn.Handshake())
	must(t, <-failed)
	must(t, client.Close())
}

func load(t *testing.T, folder, name string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, name+".pem"), filepath.Join(folder, name+"-key.pem"))
	if err != nil {
		t.Error(err)
	}
	return pair
}

func TestPrivateKeysArePrivate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ca, err := certificates.New(folder)
	must(t, err)
	must(t, ca.Certify("ha", "ha.example.com"))
	info, err := os.Stat(filepath.Join(folder, "ha-key.pem"))
	must(t, err)
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %v, want 0600", got)
	}
}

func TestWhereFilesCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := certificates.New(filepath.Join(folder, "absent")); err == nil {
		t.Error("an authority without a folder")
	}
	ca, err := certificates.New(folder)
	must(t, err)
	must(t, os.RemoveAll(folder))
	if err := ca.Certify("ha", "ha.example.com"); err == nil {
		t.Error("a certificate without a folder")
	}
}
