package bootstrap

import (
	"net/netip"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter/dictionary"
	"homeagent/ike/psk"
)

// A name is the identity of an AVP.
type name struct{ code, vendor uint32 }

// base names an AVP of the base protocol.
func base(code uint32) name { return name{code: code} }

// Presence of an AVP: a required one is written even when its value is zero.
type presence int

const (
	optional presence = iota
	required
)

// A visitor is shown a message's AVPs in the order of the grammar. The writer
// appends them to a Diameter message, the reader fills them from one.
type visitor interface {
	text(n name, p *string, need presence)
	texts(n name, p *[]string)
	unsigned(n name, p *uint32, need presence)
	unsignedPointer(n name, p **uint32)
	integer(n name, p *int32, need presence)
	integerPointer(n name, p **int32)
	address(n name, p *netip.Addr, need presence)
	octets(n name, p *[]byte, need presence)
	key(n name, p *psk.AAAKey, need presence)
}

// A body is a message that can show its AVPs. Auth-Application-Id and those of
// a Reply are the codec's.
type body interface {
	visit(c dictionary.Codes, v visitor)
}

var _, _, _, _ body = (*HMR)(nil), (*HMA)(nil), (*AMR)(nil), (*AMA)(nil)

func (h *HMR) visit(c dictionary.Codes, v visitor) {
	v.text(base(avp.SessionID), &h.SessionID, required)
	v.unsigned(base(avp.AuthorizationLifetime), &h.AuthorizationLifetime, required)
	v.integer(base(avp.AuthSessionState), (*int32)(&h.SessionState), required)
	v.text(base(avp.OriginHost), &h.OriginHost, required)
	v.text(base(avp.OriginRealm), &h.OriginRealm, required)
	v.text(base(avp.UserName), &h.UserName, required)
	v.text(base(avp.DestinationRealm), &h.DestinationRealm, required)
	v.text(base(avp.DestinationHost), &h.DestinationHost, optional)
	v.unsigned(base(avp.AuthGracePeriod), &h.GracePeriod, optional)
	v.unsignedPointer(base(avp.SessionTimeout), &h.SessionTimeout)
	v.unsigned(name{c.BootstrapVector, c.Vendor}, (*uint32)(&h.Vector), required)
	v.key(name{c.AAAKey, c.Vendor}, &h.Key, required)
	v.integer(name{c.AAAKeyID, c.Vendor}, &h.KeyID, required)
	v.address(name{c.MobileNodeAddress, c.Vendor}, &h.HomeAddress, optional)
	v.address(name{c.HomeAgentAddress, c.Vendor}, &h.HomeAgent, optional)
	v.text(base(avp.AcctMultiSessionID), &h.AcctMultiSessionID, optional)
	v.unsigned(base(avp.OriginStateID), &h.OriginStateID, optional)
	v.texts(base(avp.RouteRecord), &h.RouteRecords)
}

func (h *HMA) visit(c dictionary.Codes, v visitor) {
	v.text(base(avp.AcctMultiSessionID), &h.AcctMultiSessionID, optional)
	v.text(base(avp.UserName), &h.UserName, optional)
	v.address(name{c.HomeAgentAddress, c.Vendor}, &h.HomeAgent, optional)
	v.address(name{c.MobileNodeAddress, c.Vendor}, &h.HomeAddress, required)
}

func (a *AMR) visit(c dictionary.Codes, v visitor) {
	v.text(base(avp.SessionID), &a.SessionID, required)
	v.text(base(avp.UserName), &a.UserName, required)
	v.text(base(avp.DestinationRealm), &a.DestinationRealm, required)
	v.text(base(avp.OriginHost), &a.OriginHost, required)
	v.text(base(avp.OriginRealm), &a.OriginRealm, required)
	v.text(base(avp.AcctMultiSessionID), &a.AcctMultiSessionID, optional)
	v.unsigned(base(avp.AuthorizationLifetime), &a.AuthorizationLifetime, optional)
	v.integer(base(avp.AuthSessionState), (*int32)(&a.SessionState), optional)
	v.unsigned(base(avp.AuthGracePeriod), &a.GracePeriod, optional)
	v.text(base(avp.DestinationHost), &a.DestinationHost, optional)
	v.unsigned(base(avp.OriginStateID), &a.OriginStateID, optional)
	v.octets(base(dictionary.EAPPayload), &a.EAPPayload, required)
	v.unsigned(name{c.BootstrapVector, c.Vendor}, (*uint32)(&a.Vector), required)
	v.texts(base(avp.RouteRecord), &a.RouteRecords)
}

func (a *AMA) visit(c dictionary.Codes, v visitor) {
	v.text(base(avp.AcctMultiSessionID), &a.AcctMultiSessionID, optional)
	v.text(base(avp.UserName), &a.UserName, optional)
	v.unsigned(base(avp.AuthorizationLifetime), &a.AuthorizationLifetime, optional)
	v.unsigned(base(avp.AuthGracePeriod), &a.GracePeriod, optional)
	v.integer(base(avp.AuthSessionState), (*int32)(&a.SessionState), optional)
	v.octets(base(dictionary.EAPPayload), &a.EAPPayload, required)
	v.unsigned(name{c.BootstrapVector, c.Vendor}, (*uint32)(&a.Vector), required)
	v.key(name{c.PANAAAAKey, c.Vendor}, &a.PANAKey, optional)
	v.integerPointer(name{c.PANAAAAKeyID, c.Vendor}, &a.PANAKeyID)
	v.key(name{c.AAAKey, c.Vendor}, &a.Key, optional)
	v.integerPointer(name{c.AAAKeyID, c.Vendor}, &a.KeyID)
	v.address(name{c.HomeAgentAddress, c.Vendor}, &a.HomeAgent, optional)
	v.address(name{c.MobileNodeAddress, c.Vendor}, &a.HomeAddress, optional)
}

// visit reads the part of an answer that diameter.NewAnswer writes.
func (r *Reply) visit(v visitor) {
	v.text(base(avp.SessionID), &r.SessionID, optional)
	v.unsigned(base(avp.ResultCode), (*uint32)(&r.Result), required)
	v.text(base(avp.OriginHost), &r.OriginHost, required)
	v.text(base(avp.OriginRealm), &r.OriginRealm, required)
	v.unsigned(base(avp.OriginStateID), &r.OriginStateID, optional)
	v.text(base(avp.ErrorMessage), &r.ErrorMessage, optional)
}
