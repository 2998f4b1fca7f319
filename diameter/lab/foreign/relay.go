package foreign

import (
	_ "embed"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"homeagent/diameter/lab/testbed"
)

//go:embed relay.conf
var relayConfiguration string

// A Relay is a freeDiameter daemon that passes on what it is sent. It takes
// connections from anybody in the domain "example" without TLS.
type Relay struct {
	// Name is for files; NAME.pem and NAME-key.pem in Folder certify Identity, and
	// ca.pem is the authority, as package certificates writes them.
	Name, Folder    string
	Identity, Realm string
	// Address is where it listens.
	Address netip.AddrPort
	// Next is where it connects to.
	Next Hop
}

// A Hop is a Diameter node to connect to.
type Hop struct {
	Identity string
	Address  netip.AddrPort
	TLS      bool
}

// Start runs the relay on a host.
func (r Relay) Start(host *testbed.Host) (*testbed.Process, error) {
	path, err := r.configure()
	if err != nil {
		return nil, fmt.Errorf("configuring the relay %s: %w", r.Identity, err)
	}
	return host.Start(testbed.Program{Name: r.Name, Path: "freeDiameterd", Arguments: []string{"-c", path}})
}

// configure writes what the relay reads.
func (r Relay) configure() (path string, err error) {
	blank, err := template.New("relay.conf").Parse(relayConfiguration)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	if err := blank.Execute(&text, r); err != nil {
		return "", err
	}
	group, err := diffieHellman()
	if err != nil {
		return "", err
	}
	file := func(name string) string { return filepath.Join(r.Folder, name) }
	return file(r.Name + ".conf"), errors.Join(
		os.WriteFile(file(r.Name+".conf"), []byte(text.String()), 0o644),
		os.WriteFile(file("acl.conf"), []byte("ALLOW_IPSEC *.example\nALLOW_IPSEC *.home.example\nALLOW_IPSEC *.example.com\n"), 0o644),
		os.WriteFile(file("dh.pem"), group, 0o644),
	)
}

// ffdhe2048 is the prime of RFC 7919 appendix A.1. freeDiameter wants a group, and
// takes long to make one.
const ffdhe2048 = `
	FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8
	F681B202AEC4617AD3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935984F0C70E0E68B77E2A689DAF3EFE872
	1DF158A136ADE73530ACCA4F483A797ABC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4AE56EDE76372BB19
	0B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F619172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005
	C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF`

// diffieHellman is that group in the form of PKCS #3.
func diffieHellman() ([]byte, error) {
	prime, ok := new(big.Int).SetString(strings.Join(strings.Fields(ffdhe2048), ""), 16)
	if !ok {
		return nil, errors.New("the prime of ffdhe2048 is no number")
	}
	octets, err := asn1.Marshal(struct{ P, G *big.Int }{prime, big.NewInt(2)})
	if err != nil {
		return nil, fmt.Errorf("encoding ffdhe2048: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: octets}), nil
}
