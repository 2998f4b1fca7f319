package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
)

// A Reason says why a connection came to nothing before it was open.
type Reason int

// The reasons, whoever connected. "Certificate" is that of the other end.
const (
	ReasonSilent        Reason = iota // the other end left, or did not say in time who it is
	ReasonNoRoom                      // it had not said who it is when others came
	ReasonUnreachable                 // nobody answers where we connect to
	ReasonProtection                  // TLS where none is expected, none where it is, or not from loopback
	ReasonTLSFailed                   // TLS came to nothing in another way than those below
	ReasonTLSRefused                  // the other end broke TLS off, most often for our certificate
	ReasonUntrusted                   // the certificate is of no authority that we believe, or for another use
	ReasonExpired                     // the certificate is not valid now
	ReasonWrongName                   // the certificate does not name the Origin-Host
	ReasonMalformed                   // the first message is no CER or CEA, or not a right one
	ReasonUnknownPeer                 // the Origin-Host is not listed
	ReasonWrongRealm                  // the Origin-Realm is not that of the peer
	ReasonWrongIdentity               // the Origin-Host is not that of the peer we connected to
	ReasonNoApplication               // there is no application in common
	ReasonRefused                     // the peer answered our CER with a refusal
	reasonEnd
)

// Reasons is the number of reasons.
const Reasons = int(reasonEnd)

// reasonTexts are a word for each reason, and what it means to who has to mend it.
var reasonTexts = [reasonEnd][2]string{
	ReasonSilent:        {"silent", "The other end closed the connection, or did not say in time who it is. Checks of load balancers look like that, too"},
	ReasonNoRoom:        {"no_room", "It had not said who it is when too many others came"},
	ReasonUnreachable:   {"unreachable", "Nobody answers at diameter.peer.connect: address, port, firewall, or the peer is down"},
	ReasonProtection:    {"wrong_protection", "TLS where none is expected, none where it is, or a connection of a loopback peer from elsewhere: diameter.peer.secured or diameter.listen.tls here, or the port at the other end"},
	ReasonTLSFailed:     {"tls_failed", "TLS failed in another way than those below, as where the other end shows no certificate or knows only old versions"},
	ReasonTLSRefused:    {"tls_refused", "The other end broke TLS off, most often as it does not believe our certificate: diameter.certificate here, or its authorities there"},
	ReasonUntrusted:     {"certificate_untrusted", "The other end's certificate is of no authority in diameter.ca, or for another use"},
	ReasonExpired:       {"certificate_expired", "The other end's certificate is not valid now: its days, or the clock of this box"},
	ReasonWrongName:     {"certificate_name", "The other end's certificate does not have its Origin-Host as a DNS name"},
	ReasonMalformed:     {"malformed", "The first message is no CER or CEA, or not a right one"},
	ReasonUnknownPeer:   {"unknown_peer", "The Origin-Host is of no diameter.peer.identity"},
	ReasonWrongRealm:    {"wrong_realm", "The Origin-Realm is another than diameter.peer.realm"},
	ReasonWrongIdentity: {"wrong_identity", "Where we connect to answers another Origin-Host than diameter.peer.identity"},
	ReasonNoApplication: {"no_common_application", "The other end does not announce the application: diameter.codes here, or its configuration"},
	ReasonRefused:       {"refused_by_peer", "The peer answered our CER with a refusal: its list of peers, most often"},
}

// String is the reason as a word for labels and JSON.
func (r Reason) String() string {
	if r < 0 || r >= reasonEnd {
		return name(nil, int(r))
	}
	return reasonTexts[r][0]
}

// Meaning says what the reason means and where to look, without a full stop.
func (r Reason) Meaning() string { return reasonTexts[r][1] }

// mute reports whether the other end was gone before it said anything.
func (r Reason) mute() bool { return r == ReasonSilent || r == ReasonNoRoom }

// A refused is the error of a connection that came to nothing, where more is
// known than the error tells.
type refused struct {
	reason Reason
	host   string // the Origin-Host that was claimed
	err    error
}

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

func refuse(reason Reason, format string, args ...any) error {
	return &refused{reason: reason, err: fmt.Errorf(format, args...)}
}

// unlessKnown gives an error a reason if it has none of its own.
func unlessKnown(reason Reason, err error) error {
	if reasonOf(err) != ReasonSilent {
		return err
	}
	return &refused{reason: reason, err: err}
}

// reasonOf finds the reason in an error. What says nothing in particular is the
// end of a connection without a word.
func reasonOf(err error) Reason {
	if r, ok := errors.AsType[*refused](err); ok {
		return r.reason
	}
	if v, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return reasonOfCertificate(v.Err)
	}
	// An alert's type is not exported, but this is where it comes in, with TLS
	// 1.3 even after the handshake.
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return ReasonTLSRefused
	}
	switch {
	case is[*base.AnswerError](err):
		return ReasonRefused
	case is[tls.RecordHeaderError](err):
		return ReasonProtection
	case is[*diameter.FrameError](err), is[*diameter.Failure](err):
		return ReasonMalformed
	case errors.Is(err, net.ErrClosed):
		return ReasonNoRoom // we closed it ourselves
	}
	return ReasonSilent
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func reasonOfCertificate(err error) Reason {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case ok && invalid.Reason == x509.Expired:
		return ReasonExpired
	case is[x509.HostnameError](err):
		return ReasonWrongName
	}
	return ReasonUntrusted
}

// handshakeFailed is the error of a handshake of TLS. Of its certificate, which
// proves nothing now, we take who the other end wants to be: one that is
// listed here, if it names one.
func handshakeFailed(err error, listed func(host string) bool) error {
	r := &refused{reason: reasonOf(err), err: fmt.Errorf("setting up TLS: %w", err)}
	if r.reason == ReasonSilent && !gone(err) {
		r.reason = ReasonTLSFailed
	}
	if v, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(v.UnverifiedCertificates) > 0 {
		for i, host := range v.UnverifiedCertificates[0].DNSNames {
			if i == 0 || listed(host) {
				r.host = host
			}
		}
	}
	return r
}

// gone reports whether the other end went away, or said nothing in time.
func gone(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
