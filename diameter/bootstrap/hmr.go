package bootstrap

import (
	"fmt"
	"strings"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/ike/psk"
)

// HMROptions are the circumstances under which an HMR is judged.
type HMROptions struct {
	// Host and Realm are ours: what Destination-Host and Destination-Realm
	// are compared with.
	Host, Realm string
	// FixedKeyID stands in for MIPv6-AAA-Key-Id if the server sends none.
	// The draft's grammar lacks that AVP; nil requires it.
	FixedKeyID *int32
	// LegacyIPAddress accepts addresses of 16 bare octets as well.
	LegacyIPAddress bool
	// StrictVector refuses vectors with contradictory flags.
	StrictVector bool
	// Authorize, if set, decides whether the origin and the path of a request
	// are acceptable for its user. It is asked when the request is complete
	// and consistent, before the key's quality is judged.
	Authorize func(*HMR) *diameter.Failure
}

// DecodeHMR reads and judges an HMR. The first fault is the failure, ready to
// be answered; the order is: application, destination, AVPs (framing, flags,
// unknown, too many, malformed), missing AVPs, vector, forbidden AVPs and
// lifetimes, authorization, key length.
//
// In either case the keys in m are overwritten, and thus in the frame m was
// parsed from: m can be answered afterwards, but not decoded again.
func (c *Codec) DecodeHMR(m *diameter.Message, opt HMROptions) (*HMR, *diameter.Failure) {
	defer c.wipe(m)
	codes := c.dictionary.Codes()
	var exempt name
	if opt.FixedKeyID != nil {
		exempt = name{codes.AAAKeyID, codes.Vendor}
	}
	if f := c.checkRequest(m, codes.HMR, c.hmr, opt, exempt); f != nil {
		return nil, f
	}
	h := new(HMR)
	if opt.FixedKeyID != nil {
		h.KeyID = *opt.FixedKeyID
	}
	if f := c.read(m, h, opt.LegacyIPAddress); f != nil {
		return nil, f
	}
	if f := c.checkHMR(m, h, opt); f != nil {
		h.Key.Wipe()
		return nil, f
	}
	return h, nil
}

// checkRequest makes the checks that do not depend on what is asked for. Empty
// Host and Realm leave out the destination.
func (c *Codec) checkRequest(m *diameter.Message, command uint32, g grammar, opt HMROptions, exempt name) *diameter.Failure {
	if m.Application != c.dictionary.Codes().Application {
		return &diameter.Failure{Code: diameter.ApplicationUnsupported, Text: fmt.Sprintf("application %d is not expected here", m.Application)}
	}
	if !m.Request() || m.Command != command {
		return &diameter.Failure{Code: diameter.CommandUnsupported, Text: fmt.Sprintf("%v is not expected here", m.Header)}
	}
	if f := c.checkApplication(m); f != nil {
		return f
	}
	if f := opt.checkDestination(m); f != nil {
		return f
	}
	if f := c.checkAVPs(m, g, opt.LegacyIPAddress); f != nil {
		return f
	}
	return c.checkPresence(m, g, exempt)
}

// checkApplication compares Auth-Application-Id with the header (RFC 6733
// section 6.8). A missing or unreadable one is for later checks.
func (c *Codec) checkApplication(m *diameter.Message) *diameter.Failure {
	a, ok := m.Find(avp.AuthApplicationID, 0)
	if !ok {
		return nil
	}
	value, err := a.Unsigned32()
	if err != nil || value == m.Application {
		return nil
	}
	return &diameter.Failure{Code: diameter.InvalidAVPValue, Failed: []diameter.AVP{a},
		Text: fmt.Sprintf("Auth-Application-Id is %d, but the header says %d", value, m.Application)}
}

// checkDestination decides whether a request is for us (RFC 6733 sections
// 6.1.4 and 7.1.3). We relay nothing.
func (opt HMROptions) checkDestination(m *diameter.Message) *diameter.Failure {
	if opt.Host == "" && opt.Realm == "" {
		return nil
	}
	host, hasHost := m.Find(avp.DestinationHost, 0)
	realm, hasRealm := m.Find(avp.DestinationRealm, 0)
	switch {
	case hasHost && !hasRealm:
		return &diameter.Failure{Code: diameter.UnableToDeliver, Text: "Destination-Host is given without Destination-Realm"}
	case hasHost && !strings.EqualFold(string(host.Data), opt.Host):
		return &diameter.Failure{Code: diameter.UnableToDeliver, Text: "Destination-Host is another node"}
	case !hasHost && hasRealm && !strings.EqualFold(string(realm.Data), opt.Realm):
		return &diameter.Failure{Code: diameter.RealmNotServed, Text: "Destination-Realm is not served here"}
	}
	for a := range m.All(avp.RouteRecord, 0) {
		if strings.EqualFold(string(a.Data), opt.Host) {
			return &diameter.Failure{Code: diameter.LoopDetected, Text: "Route-Record names this node"}
		}
	}
	return nil
}

// checkHMR judges a complete request by its contents.
func (c *Codec) checkHMR(m *diameter.Message, h *HMR, opt HMROptions) *diameter.Failure {
	if f := c.checkVector(m, h.Vector, opt.StrictVector); f != nil {
		return f
	}
	if f := c.checkForbidden(m); f != nil {
		return f
	}
	if f := checkLifetimes(m, h); f != nil {
		return f
	}
	if opt.Authorize != nil {
		if f := opt.Authorize(h); f != nil {
			return f
		}
	}
	return c.checkKey(m, h.Key)
}

func (c *Codec) checkVector(m *diameter.Message, v Vector, strict bool) *diameter.Failure {
	codes := c.dictionary.Codes()
	a, _ := m.Find(codes.BootstrapVector, codes.Vendor)
	failed := []diameter.AVP{a}
	if v&Requested == 0 {
		return &diameter.Failure{Code: diameter.InvalidAVPValue, Failed: failed,
			Text: "MIPv6-Bootstrap-Vector says that no bootstrapping was requested"}
	}
	if strict && v.Contradictory() {
		return &diameter.Failure{Code: diameter.ContradictingAVPs, Failed: failed,
			Text: fmt.Sprintf("MIPv6-Bootstrap-Vector has contradictory flags: %v", v)}
	}
	return nil
}

// checkForbidden refuses AVPs that the grammar excludes. PANA-AAA-Key protects
// the access link; a home agent must never hold it.
func (c *Codec) checkForbidden(m *diameter.Message) *diameter.Failure {
	for _, a := range m.AVPs {
		if i, ok := c.hmr.index[name{a.Code, a.Vendor}]; ok && c.hmr.rules[i].Max == 0 {
			return &diameter.Failure{Code: diameter.AVPNotAllowed, Failed: []diameter.AVP{c.redact(a)},
				Text: c.hmr.rules[i].Name + " must not be sent to a home agent"}
		}
	}
	return nil
}

// checkLifetimes refuses an Authorization-Lifetime that is over at once, which
// a home agent cannot renew, and a session that ends before its authorization
// (RFC 6733 sections 8.9 and 8.13).
func checkLifetimes(m *diameter.Message, h *HMR) *diameter.Failure {
	lifetime, _ := m.Find(avp.AuthorizationLifetime, 0)
	if h.AuthorizationLifetime == 0 {
		return &diameter.Failure{Code: diameter.InvalidAVPValue, Failed: []diameter.AVP{lifetime},
			Text: "Authorization-Lifetime is 0 (must be at least 1 second)"}
	}
	if h.SessionTimeout == nil || h.AuthorizationLifetime == UnlimitedLifetime || *h.SessionTimeout >= h.AuthorizationLifetime {
		return nil
	}
	timeout, _ := m.Find(avp.SessionTimeout, 0)
	return &diameter.Failure{Code: diameter.ContradictingAVPs, Failed: []diameter.AVP{timeout, lifetime},
		Text: fmt.Sprintf("Session-Timeout %d is less than Authorization-Lifetime %d", *h.SessionTimeout, h.AuthorizationLifetime)}
}

func (c *Codec) checkKey(m *diameter.Message, key psk.AAAKey) *diameter.Failure {
	if n := key.Len(); n >= psk.MinAAAKey && n <= psk.MaxAAAKey {
		return nil
	}
	codes := c.dictionary.Codes()
	a, _ := m.Find(codes.AAAKey, codes.Vendor)
	return &diameter.Failure{Code: diameter.InvalidAVPValue, Failed: []diameter.AVP{c.redact(a)},
		Text: fmt.Sprintf("MIPv6-AAA-Key has %d octets (must be %d to %d)", key.Len(), psk.MinAAAKey, psk.MaxAAAKey)}
}
