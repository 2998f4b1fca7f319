package diameter

import (
	"fmt"

	"github.com/fiorix/go-diameter/v4/diam/avp"
)

// A Failure is the reason why a request is not granted, in the terms of its
// answer. Failed are the AVPs for Failed-AVP; Text is one sentence for people,
// sent as Error-Message. Neither may hold a key.
type Failure struct {
	Code   ResultCode
	Failed []AVP
	Text   string
}

// Error is the Result-Code's name and the text.
func (f *Failure) Error() string {
	if f.Text == "" {
		return f.Code.String()
	}
	return fmt.Sprintf("%v: %s", f.Code, f.Text)
}

// An Identity is who we are in the messages we originate. An OriginStateID of
// 0 is not sent.
type Identity struct {
	Host, Realm   string
	OriginStateID uint32
}

// AVPs returns Origin-Host, Origin-Realm and Origin-State-Id.
func (id Identity) AVPs() []AVP {
	avps := []AVP{
		NewUTF8(avp.OriginHost, 0, AVPMandatory, id.Host),
		NewUTF8(avp.OriginRealm, 0, AVPMandatory, id.Realm),
	}
	if id.OriginStateID != 0 {
		avps = append(avps, NewUnsigned32(avp.OriginStateID, 0, AVPMandatory, id.OriginStateID))
	}
	return avps
}

// NewAnswer begins the answer to req as RFC 6733 sections 6.2 and 3 have it:
// the request's identifiers and P bit, T clear, E set for protocol errors only;
// Session-Id first, Proxy-Info unchanged and in order, and our identity. The
// AVPs copied are parts of the request's frame.
func NewAnswer(req *Message, id Identity, code ResultCode) *Message {
	m := &Message{Header: req.Header}
	m.Flags = req.Flags & FlagProxiable
	if code.Protocol() {
		m.Flags |= FlagError
	}
	if a, ok := req.Find(avp.SessionID, 0); ok {
		m.Add(a)
	}
	m.Add(NewUnsigned32(avp.ResultCode, 0, AVPMandatory, uint32(code)))
	m.Add(id.AVPs()...)
	for a := range req.All(avp.ProxyInfo, 0) {
		m.Add(a)
	}
	return m
}

// NewFailure is the whole answer for f: NewAnswer with Failed-AVP and
// Error-Message. Error-Reporting-Host is left out, as the reporting host is the
// Origin-Host (RFC 6733 section 7.1).
func NewFailure(req *Message, id Identity, f *Failure) *Message {
	m := NewAnswer(req, id, f.Code)
	if f.Text != "" {
		m.Add(NewUTF8(avp.ErrorMessage, 0, 0, f.Text))
	}
	if len(f.Failed) > 0 {
		m.Add(NewGroup(avp.FailedAVP, 0, AVPMandatory, f.Failed...))
	}
	return m
}
