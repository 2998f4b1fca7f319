package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"homeagent/diameter"
)

// credentials are our certificate and whom we believe: as given, and as used for
// connections we accept.
type credentials struct{ own, server *tls.Config }

// newCredentials makes credentials; without a configuration there are none.
func newCredentials(c *tls.Config) *credentials {
	if c == nil {
		return &credentials{}
	}
	return &credentials{own: c, server: serverTLS(c)}
}

// serverTLS is the configuration for connections we accept: the other end has
// to show a certificate (RFC 6733 section 13.1). Whose it is can be judged when
// the CER has come. Sessions are not resumed: each connection shows anew that
// the other end holds its key, and a certificate that ran out opens nothing.
func serverTLS(c *tls.Config) *tls.Config {
	s := secureTLS(c)
	s.ClientAuth = tls.RequireAndVerifyClientCert
	if s.ClientCAs == nil {
		s.ClientCAs = s.RootCAs
	}
	s.SessionTicketsDisabled = true
	s.GetConfigForClient = nil
	return s
}

// clientTLS is the configuration for a connection to host.
func clientTLS(c *tls.Config, host string) *tls.Config {
	s := secureTLS(c)
	if s.RootCAs == nil {
		s.RootCAs = s.ClientCAs
	}
	s.ServerName, s.InsecureSkipVerify, s.ClientSessionCache = host, false, nil
	s.VerifyConnection = func(state tls.ConnectionState) error { return checkName(state, host) }
	return s
}

// secureTLS leaves the choice of ciphers to Go, which lacks those that RFC 6733
// section 13.1 requires: RC4 is forbidden since RFC 7465, 3DES is weak.
func secureTLS(c *tls.Config) *tls.Config {
	s := c.Clone()
	s.MinVersion = max(s.MinVersion, tls.VersionTLS12)
	return s
}

// checkName demands that the other end's certificate names host as a DNS name,
// letter by letter: a wildcard would name hosts that nobody listed.
func checkName(state tls.ConnectionState, host string) error {
	if len(state.PeerCertificates) == 0 {
		return refuse(ReasonTLSFailed, "the peer showed no certificate")
	}
	names := state.PeerCertificates[0].DNSNames
	if !namesHost(names, host) {
		return refuse(ReasonWrongName, "the certificate names %s, not %q", quoted(names), host)
	}
	return nil
}

func namesHost(names []string, host string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) })
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "no DNS name"
	}
	return fmt.Sprintf("%q", names)
}

// checkOwn refuses a TLS configuration with which no peer would accept us, or
// we would accept anybody.
func checkOwn(c *tls.Config, host string) error {
	switch {
	case c == nil:
		return errors.New("a certificate and authorities are needed for TLS, and none are given")
	case c.RootCAs == nil && c.ClientCAs == nil:
		return errors.New("no certificate authorities are given to verify peers with")
	case len(c.Certificates) == 0 && c.GetCertificate == nil:
		return errors.New("our own certificate is missing")
	case len(c.Certificates) == 0:
		return nil
	}
	leaf := c.Certificates[0].Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(c.Certificates[0].Certificate[0]); err != nil {
			return fmt.Errorf("reading our own certificate: %w", err)
		}
	}
	if !namesHost(leaf.DNSNames, host) {
		return fmt.Errorf("our own certificate names %s, not %q as peers will expect", quoted(leaf.DNSNames), host)
	}
	return nil
}

// checkSecurity demands that a connection is protected as configured for the
// peer at its other end.
func checkSecurity(p PeerConfig, c *conn) (Reason, *diameter.Failure) {
	want := p.Secured.Transport()
	switch {
	case c.transport != want:
		return ReasonProtection, &diameter.Failure{Code: diameter.NoCommonSecurity,
			Text: fmt.Sprintf("connections of this peer must be over %v, this one is over %v", want, c.transport)}
	case p.Secured == SecuredLoopback && !isLoopback(c.remote):
		return ReasonProtection, &diameter.Failure{Code: diameter.NoCommonSecurity, Text: "connections of this peer must come from a loopback address"}
	}
	if want == TLS {
		if err := checkName(c.tls, p.Host); err != nil {
			return reasonOf(err), &diameter.Failure{Code: diameter.UnknownPeer, Text: err.Error()}
		}
	}
	return 0, nil
}

func isLoopback(a netip.AddrPort) bool { return a.Addr().IsLoopback() }
