package dictionary

import (
	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/fiorix/go-diameter/v4/diam/dict"
)

// EAPPayload is the code of EAP-Payload (RFC 4072 section 4.1.1), for which
// go-diameter has no constant.
const EAPPayload = 462

// Names of the AVP types as both dictionary formats spell them, but for
// Address.
const (
	typeAddress    = "Address"
	typeEnumerated = "Enumerated"
	typeGrouped    = "Grouped"
	typeIdentity   = "DiameterIdentity"
	typeInteger32  = "Integer32"
	typeOctets     = "OctetString"
	typeTime       = "Time"
	typeURI        = "DiameterURI"
	typeUnsigned32 = "Unsigned32"
	typeUTF8       = "UTF8String"
)

// baseAVPs are the AVPs of RFC 6733 section 4.5 that we understand, and
// EAP-Payload (RFC 4072). Those for accounting and for binding a session to
// its server are left out: a request that insists on them with the M bit must
// be told that it will not be obeyed.
func baseAVPs() []*dict.AVP {
	return []*dict.AVP{
		must("User-Name", avp.UserName, typeUTF8),
		must("Class", avp.Class, typeOctets),
		must("Session-Timeout", avp.SessionTimeout, typeUnsigned32),
		must("Proxy-State", avp.ProxyState, typeOctets),
		must("Acct-Multi-Session-Id", avp.AcctMultiSessionID, typeUTF8),
		must("Event-Timestamp", avp.EventTimestamp, typeTime),
		must("Host-IP-Address", avp.HostIPAddress, typeAddress),
		must("Auth-Application-Id", avp.AuthApplicationID, typeUnsigned32),
		must("Acct-Application-Id", avp.AcctApplicationID, typeUnsigned32),
		group("Vendor-Specific-Application-Id", avp.VendorSpecificApplicationID,
			"{Vendor-Id} [Auth-Application-Id] [Acct-Application-Id]"),
		must("Redirect-Host-Usage", avp.RedirectHostUsage, typeEnumerated,
			"DONT_CACHE", "ALL_SESSION", "ALL_REALM", "REALM_AND_APPLICATION", "ALL_APPLICATION", "ALL_HOST", "ALL_USER"),
		must("Redirect-Max-Cache-Time", avp.RedirectMaxCacheTime, typeUnsigned32),
		must("Session-Id", avp.SessionID, typeUTF8),
		must("Origin-Host", avp.OriginHost, typeIdentity),
		must("Supported-Vendor-Id", avp.SupportedVendorID, typeUnsigned32),
		must("Vendor-Id", avp.VendorID, typeUnsigned32),
		mustNot("Firmware-Revision", avp.FirmwareRevision, typeUnsigned32),
		must("Result-Code", avp.ResultCode, typeUnsigned32),
		mustNot("Product-Name", avp.ProductName, typeUTF8),
		must("Multi-Round-Time-Out", avp.MultiRoundTimeOut, typeUnsigned32),
		must("Disconnect-Cause", avp.DisconnectCause, typeEnumerated,
			"REBOOTING", "BUSY", "DO_NOT_WANT_TO_TALK_TO_YOU"),
		from(1, must("Auth-Request-Type", avp.AuthRequestType, typeEnumerated,
			"AUTHENTICATE_ONLY", "AUTHORIZE_ONLY", "AUTHORIZE_AUTHENTICATE")),
		must("Auth-Grace-Period", avp.AuthGracePeriod, typeUnsigned32),
		must("Auth-Session-State", avp.AuthSessionState, typeEnumerated,
			"STATE_MAINTAINED", "NO_STATE_MAINTAINED"),
		must("Origin-State-Id", avp.OriginStateID, typeUnsigned32),
		group("Failed-AVP", avp.FailedAVP, ""),
		must("Proxy-Host", avp.ProxyHost, typeIdentity),
		mustNot("Error-Message", avp.ErrorMessage, typeUTF8),
		must("Route-Record", avp.RouteRecord, typeIdentity),
		must("Destination-Realm", avp.DestinationRealm, typeIdentity),
		group("Proxy-Info", avp.ProxyInfo, "{Proxy-Host} {Proxy-State}"),
		must("Re-Auth-Request-Type", avp.ReAuthRequestType, typeEnumerated,
			"AUTHORIZE_ONLY", "AUTHORIZE_AUTHENTICATE"),
		must("Authorization-Lifetime", avp.AuthorizationLifetime, typeUnsigned32),
		must("Redirect-Host", avp.RedirectHost, typeURI),
		must("Destination-Host", avp.DestinationHost, typeIdentity),
		mustNot("Error-Reporting-Host", avp.ErrorReportingHost, typeIdentity),
		from(1, must("Termination-Cause", avp.TerminationCause, typeEnumerated,
			"DIAMETER_LOGOUT", "DIAMETER_SERVICE_NOT_PROVIDED", "DIAMETER_BAD_ANSWER", "DIAMETER_ADMINISTRATIVE",
			"DIAMETER_LINK_BROKEN", "DIAMETER_AUTH_EXPIRED", "DIAMETER_USER_MOVED", "DIAMETER_SESSION_TIMEOUT")),
		must("Origin-Realm", avp.OriginRealm, typeIdentity),
		group("Experimental-Result", avp.ExperimentalResult, "{Vendor-Id} {Experimental-Result-Code}"),
		must("Experimental-Result-Code", avp.ExperimentalResultCode, typeUnsigned32),
		must("Inband-Security-Id", avp.InbandSecurityID, typeUnsigned32),
		must("EAP-Payload", EAPPayload, typeOctets),
	}
}

// baseAVPCodes are all AVP codes above the RADIUS range that the application
// must not take without a vendor: those above and those left out there.
func baseAVPCodes() []uint32 {
	codes := []uint32{
		avp.AccountingRealtimeRequired, avp.AccountingRecordNumber, avp.AccountingRecordType,
		avp.AccountingSubSessionID, avp.SessionBinding, avp.SessionServerFailover,
	}
	for _, a := range baseAVPs() {
		codes = append(codes, a.Code)
	}
	return codes
}

// ownAVPs are the AVPs of the draft's section 5.1, with the types it leaves
// open: the vector is Unsigned32 like MIP-Feature-Vector (RFC 4004 section
// 7.5), the addresses are of the type Address.
func ownAVPs(c Codes) []*dict.AVP {
	own := func(name string, code uint32, typ string) *dict.AVP {
		a := must(name, code, typ)
		if c.Vendor != 0 {
			a.VendorID, a.Must, a.MustNot = c.Vendor, "M,V", "-"
		}
		return a
	}
	return []*dict.AVP{
		own("MIPv6-Bootstrap-Vector", c.BootstrapVector, typeUnsigned32),
		own("MIPv6-Mobile-Node-Address", c.MobileNodeAddress, typeAddress),
		own("MIPv6-Home-Agent-Address", c.HomeAgentAddress, typeAddress),
		own("MIPv6-AAA-Key", c.AAAKey, typeOctets),
		own("PANA-AAA-Key", c.PANAAAAKey, typeOctets),
		own("MIPv6-AAA-Key-Id", c.AAAKeyID, typeInteger32),
		own("PANA-AAA-Key-Id", c.PANAAAAKeyID, typeInteger32),
		own("MAC", c.MAC, typeOctets),
		own("PANA-Session-Id", c.PANASessionID, typeUTF8),
	}
}

// A command is a row of the command table; the grammars are in the notation of
// RFC 6733 section 3.2.
type command struct {
	Name, Short     string
	Code            uint32
	Request, Answer string
}

// baseCommands are the peer commands and the session commands that an
// authorization session needs; accounting is not among them.
func baseCommands() []command {
	const (
		failure = " [Error-Message] [Failed-AVP]"
		peer    = "{Origin-Host} {Origin-Realm} [Origin-State-Id]"
		exTail  = " *[Supported-Vendor-Id] *[Auth-Application-Id] *[Inband-Security-Id] *[Acct-Application-Id]" +
			" *[Vendor-Specific-Application-Id] [Firmware-Revision]"
		target  = "<Session-Id> {Origin-Host} {Origin-Realm} {Destination-Realm} {Destination-Host} {Auth-Application-Id}"
		request = " [User-Name] [Origin-State-Id] *[Proxy-Info] *[Route-Record]"
		answer  = "<Session-Id> {Result-Code} {Origin-Host} {Origin-Realm} [User-Name] [Origin-State-Id] [Error-Message]" +
			" [Error-Reporting-Host] [Failed-AVP] *[Redirect-Host] [Redirect-Host-Usage] [Redirect-Max-Cache-Time] *[Proxy-Info]"
	)
	exchange := "{Origin-Host} {Origin-Realm} 1*{Host-IP-Address} {Vendor-Id} {Product-Name} [Origin-State-Id]"
	return []command{
		{"Capabilities-Exchange", "CE", diam.CapabilitiesExchange, exchange + exTail, "{Result-Code} " + exchange + failure + exTail},
		{"Device-Watchdog", "DW", diam.DeviceWatchdog, peer, "{Result-Code} " + peer + failure},
		{"Disconnect-Peer", "DP", diam.DisconnectPeer, peer + " {Disconnect-Cause}", "{Result-Code} " + peer + failure},
		{"Re-Auth", "RA", diam.ReAuth, target + " {Re-Auth-Request-Type}" + request, answer},
		{"Abort-Session", "AS", diam.AbortSession, target + request, answer},
		{"Session-Termination", "ST", diam.SessionTermination,
			"<Session-Id> {Origin-Host} {Origin-Realm} {Destination-Realm} [Destination-Host] {Auth-Application-Id} {Termination-Cause} *[Class]" + request,
			answer + " *[Class]"},
	}
}

// baseCommandCodes are the command codes of RFC 6733 section 3.1, accounting
// included.
func baseCommandCodes() []uint32 {
	codes := []uint32{diam.Accounting}
	for _, c := range baseCommands() {
		codes = append(codes, c.Code)
	}
	return codes
}

// ownCommands are the commands of the draft's section 6.2, with two changes.
// HMR requires MIPv6-AAA-Key-Id, without which neither side could compute the
// key of section 5.3.8; and it must not carry PANA-AAA-Key, which protects the
// access link and is no business of the home agent.
func ownCommands(c Codes) []command {
	return []command{
		{"AAA-MIPv6-Bootstrap", "AM", c.AMR,
			"<Session-Id> {Auth-Application-Id} {User-Name} {Destination-Realm} {Origin-Host} {Origin-Realm}" +
				" [Acct-Multi-Session-Id] [Authorization-Lifetime] [Auth-Session-State] [Auth-Grace-Period] [Destination-Host]" +
				" [Origin-State-Id] {EAP-Payload} {MIPv6-Bootstrap-Vector} *[Proxy-Info] *[Route-Record]",
			"<Session-Id> {Auth-Application-Id} {Result-Code} {Origin-Host} {Origin-Realm} [Acct-Multi-Session-Id] [User-Name]" +
				" [Authorization-Lifetime] [Auth-Grace-Period] [Auth-Session-State] [Error-Message] [Error-Reporting-Host]" +
				" [Re-Auth-Request-Type] {EAP-Payload} {MIPv6-Bootstrap-Vector} [PANA-AAA-Key] [PANA-AAA-Key-Id]" +
				" [MIPv6-AAA-Key] [MIPv6-AAA-Key-Id] [MIPv6-Home-Agent-Address] [MIPv6-Mobile-Node-Address]" +
				" [Origin-State-Id] *[Proxy-Info]"},
		{"HA-MIPv6-Bootstrap", "HM", c.HMR,
			"<Session-Id> {Auth-Application-Id} {Authorization-Lifetime} {Auth-Session-State} {Origin-Host} {Origin-Realm}" +
				" {User-Name} {Destination-Realm} [Destination-Host] [Auth-Grace-Period] [Session-Timeout] {MIPv6-Bootstrap-Vector}" +
				" {MIPv6-AAA-Key} {MIPv6-AAA-Key-Id} [MIPv6-Mobile-Node-Address] [MIPv6-Home-Agent-Address]" +
				" [Acct-Multi-Session-Id] [Origin-State-Id] *0[PANA-AAA-Key] *[Proxy-Info] *[Route-Record]",
			"<Session-Id> {Auth-Application-Id} {Result-Code} {Origin-Host} {Origin-Realm} [Acct-Multi-Session-Id] [User-Name]" +
				" [Error-Reporting-Host] [Error-Message] [Failed-AVP] [MIPv6-Home-Agent-Address] {MIPv6-Mobile-Node-Address}" +
				" [Origin-State-Id] *[Proxy-Info]"},
	}
}

// must defines an AVP that is sent with the M bit and without a vendor. The
// values of an Enumerated are named from 0 on.
func must(name string, code uint32, typ string, values ...string) *dict.AVP {
	a := &dict.AVP{Name: name, Code: code, Must: "M", MustNot: "V", MayEncrypt: "-", Data: dict.Data{TypeName: typ}}
	for i, value := range values {
		a.Data.Enum = append(a.Data.Enum, &dict.Enum{Code: int32(i), Name: value})
	}
	return a
}

// mustNot defines an AVP that is sent without the M bit and without a vendor.
func mustNot(name string, code uint32, typ string) *dict.AVP {
	a := must(name, code, typ)
	a.Must, a.MustNot = "-", "V,M"
	return a
}

// from shifts the values of an Enumerated, so that they begin at first.
func from(first int32, a *dict.AVP) *dict.AVP {
	for _, item := range a.Data.Enum {
		item.Code += first
	}
	return a
}

// group defines a Grouped AVP with the members of a grammar.
func group(name string, code uint32, members string) *dict.AVP {
	a := must(name, code, typeGrouped)
	for _, e := range mustParseGrammar(members) {
		a.Data.Rule = append(a.Data.Rule, e.rule())
	}
	return a
}
