package base

import (
	"fmt"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
)

// A rule says how often an AVP without a vendor occurs in a request, and what
// an example of it looks like.
type rule struct {
	name   string
	code   uint32
	min    int
	max    int // 0: any number
	length int // octets of the least value
	noMBit bool
}

// A grammar is the rules of one request. Other AVPs are allowed, but not those
// that we would have to understand (RFC 6733 section 4.1).
type grammar []rule

const once = 1

var (
	originHost  = rule{name: "Origin-Host", code: avp.OriginHost, min: 1, max: once, length: 1}
	originRealm = rule{name: "Origin-Realm", code: avp.OriginRealm, min: 1, max: once, length: 1}
	originState = rule{name: "Origin-State-Id", code: avp.OriginStateID, max: once, length: 4}

	// RFC 6733 section 5.3.1
	cerGrammar = grammar{
		originHost, originRealm,
		{name: "Host-IP-Address", code: avp.HostIPAddress, min: 1, length: 6},
		{name: "Vendor-Id", code: avp.VendorID, min: 1, max: once, length: 4},
		{name: "Product-Name", code: avp.ProductName, min: 1, max: once, noMBit: true},
		originState,
		{name: "Supported-Vendor-Id", code: avp.SupportedVendorID},
		{name: "Auth-Application-Id", code: avp.AuthApplicationID},
		{name: "Inband-Security-Id", code: avp.InbandSecurityID},
		{name: "Acct-Application-Id", code: avp.AcctApplicationID},
		{name: "Vendor-Specific-Application-Id", code: avp.VendorSpecificApplicationID},
		{name: "Firmware-Revision", code: avp.FirmwareRevision, max: once, noMBit: true},
	}
	// RFC 6733 section 5.5.1
	dwrGrammar = grammar{originHost, originRealm, originState}
	// RFC 6733 section 5.4.1
	dprGrammar = grammar{originHost, originRealm, originState,
		{name: "Disconnect-Cause", code: avp.DisconnectCause, min: 1, max: once, length: 4}}
)

// judge returns the first fault of a request, by header, framing, AVPs in
// excess or not known, and AVPs missing. Flags of AVPs we know are not judged:
// peers differ there, and nothing depends on them.
func (g grammar) judge(m *diameter.Message) *diameter.Failure {
	if f := m.CheckBits(); f != nil {
		return f
	}
	if m.Flags&diameter.FlagProxiable != 0 {
		return &diameter.Failure{Code: diameter.InvalidHeaderBits, Text: "the P bit is set in a request between peers"}
	}
	if m.Fault != nil {
		return m.Fault
	}
	counts := make([]int, len(g))
	for _, a := range m.AVPs {
		if f := g.judgeAVP(a, counts); f != nil {
			return f
		}
	}
	return g.missing(counts)
}

func (g grammar) judgeAVP(a diameter.AVP, counts []int) *diameter.Failure {
	for i, r := range g {
		if !a.Is(r.code, 0) {
			continue
		}
		counts[i]++
		if r.max > 0 && counts[i] > r.max {
			return &diameter.Failure{Code: diameter.AVPOccursTooManyTimes, Failed: []diameter.AVP{a},
				Text: fmt.Sprintf("%s occurs more than %d times", r.name, r.max)}
		}
		return nil
	}
	if a.Flags&diameter.AVPMandatory == 0 {
		return nil
	}
	return &diameter.Failure{Code: diameter.AVPUnsupported, Failed: []diameter.AVP{a},
		Text: fmt.Sprintf("%v is not known here and has the M bit", a)}
}

func (g grammar) missing(counts []int) *diameter.Failure {
	for i, r := range g {
		if counts[i] < r.min {
			return &diameter.Failure{Code: diameter.MissingAVP, Failed: []diameter.AVP{r.example()}, Text: r.name + " is missing"}
		}
	}
	return nil
}

// example is the AVP with a value of zeros of the least length, as Failed-AVP
// must hold (RFC 6733 section 7.1.5).
func (r rule) example() diameter.AVP {
	flags := diameter.AVPMandatory
	if r.noMBit {
		flags = 0
	}
	return diameter.AVP{Code: r.code, Flags: flags, Data: make([]byte, r.length)}
}
