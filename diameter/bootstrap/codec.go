package bootstrap

import (
	"slices"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/diameter/dictionary"
)

// A Codec encodes and decodes the application's messages with one dictionary.
// It is immutable and safe for concurrent use.
type Codec struct {
	dictionary         *dictionary.Dictionary
	hmr, hma, amr, ama grammar
}

// NewCodec makes a Codec for a loaded dictionary.
func NewCodec(d *dictionary.Dictionary) *Codec {
	codes := d.Codes()
	hm, _ := d.Command(codes.Application, codes.HMR)
	am, _ := d.Command(codes.Application, codes.AMR)
	return &Codec{
		dictionary: d,
		hmr:        newGrammar(hm.Request),
		hma:        newGrammar(hm.Answer),
		amr:        newGrammar(am.Request),
		ama:        newGrammar(am.Answer),
	}
}

// EncodeHMR makes the request; its identifiers are left to whoever sends it.
func (c *Codec) EncodeHMR(h *HMR) *diameter.Message {
	return c.request(c.dictionary.Codes().HMR, h)
}

// EncodeAMR makes the request; its identifiers are left to whoever sends it.
func (c *Codec) EncodeAMR(a *AMR) *diameter.Message {
	return c.request(c.dictionary.Codes().AMR, a)
}

// EncodeHMA makes the answer to req with h.Result; the rest of h.Reply comes
// from req and id.
func (c *Codec) EncodeHMA(req *diameter.Message, id diameter.Identity, h *HMA) *diameter.Message {
	return c.answer(req, id, h.Result, h)
}

// EncodeAMA makes the answer to req with a.Result; the rest of a.Reply comes
// from req and id.
func (c *Codec) EncodeAMA(req *diameter.Message, id diameter.Identity, a *AMA) *diameter.Message {
	return c.answer(req, id, a.Result, a)
}

// Refuse makes the HMA that reports f. A protocol error follows the grammar of
// RFC 6733 section 7.2; any other keeps to the grammar of HMA, whose required
// home address is then the one asked for, or :: .
func (c *Codec) Refuse(req *diameter.Message, id diameter.Identity, f *diameter.Failure) *diameter.Message {
	m := diameter.NewFailure(req, id, f)
	if f.Code.Protocol() {
		return m
	}
	var h HMA
	if a, ok := req.Find(avp.UserName, 0); ok && checkUserName(string(a.Data)) == nil {
		h.UserName = string(a.Data)
	}
	codes := c.dictionary.Codes()
	if a, ok := req.Find(codes.MobileNodeAddress, codes.Vendor); ok {
		h.HomeAddress, _ = mobileAddress(a, false)
	}
	c.append(m, &h)
	return m
}

func (c *Codec) request(command uint32, b body) *diameter.Message {
	codes := c.dictionary.Codes()
	m := &diameter.Message{Header: diameter.Header{
		Flags: diameter.FlagRequest | diameter.FlagProxiable, Command: command, Application: codes.Application}}
	c.append(m, b)
	return m
}

func (c *Codec) answer(req *diameter.Message, id diameter.Identity, code diameter.ResultCode, b body) *diameter.Message {
	m := diameter.NewAnswer(req, id, code)
	c.append(m, b)
	return m
}

// append writes Auth-Application-Id and the body's AVPs. Session-Id, if the
// body has one, comes before all (RFC 6733 section 8.8).
func (c *Codec) append(m *diameter.Message, b body) {
	at := len(m.AVPs)
	b.visit(c.dictionary.Codes(), writer{c.dictionary, m})
	if at < len(m.AVPs) && m.AVPs[at].Is(avp.SessionID, 0) {
		at++
	}
	m.AVPs = slices.Insert(m.AVPs, at, diameter.NewUnsigned32(avp.AuthApplicationID, 0,
		diameter.AVPMandatory, c.dictionary.Codes().Application))
}

// DecodeAMR reads the request of an access network's client. The failure is
// ready to be answered.
func (c *Codec) DecodeAMR(m *diameter.Message) (*AMR, *diameter.Failure) {
	if f := c.checkRequest(m, c.dictionary.Codes().AMR, c.amr, HMROptions{}, name{}); f != nil {
		return nil, f
	}
	a := new(AMR)
	return a, c.read(m, a, false)
}

// DecodeHMA reads the answer to an HMR. What a refusal may lack is not missed.
func (c *Codec) DecodeHMA(m *diameter.Message) (*HMA, *diameter.Failure) {
	h := new(HMA)
	return h, c.readAnswer(m, c.hma, &h.Reply, h)
}

// DecodeAMA reads the answer to an AMR. What a refusal may lack is not missed.
// The message's keys are overwritten, as in DecodeHMR.
func (c *Codec) DecodeAMA(m *diameter.Message) (*AMA, *diameter.Failure) {
	defer c.wipe(m)
	a := new(AMA)
	return a, c.readAnswer(m, c.ama, &a.Reply, a)
}

func (c *Codec) readAnswer(m *diameter.Message, g grammar, r *Reply, b body) *diameter.Failure {
	if f := c.checkAVPs(m, g, false); f != nil {
		return f
	}
	in := &reader{message: m}
	r.visit(in)
	if !r.Result.Success() {
		g = refusal(g)
	}
	if f := c.checkPresence(m, g, name{}); f != nil {
		return f
	}
	if a, ok := m.Find(avp.FailedAVP, 0); ok {
		r.Failed, _ = a.Group()
	}
	b.visit(c.dictionary.Codes(), in)
	return in.fault
}

// refusal is the part of an answer's grammar that every answer must have
// (RFC 6733 section 7.2).
func refusal(g grammar) grammar {
	var always []dictionary.Rule
	for _, code := range []uint32{avp.ResultCode, avp.OriginHost, avp.OriginRealm} {
		always = append(always, g.rules[g.index[base(code)]])
	}
	return grammar{rules: always}
}

func (c *Codec) read(m *diameter.Message, b body, legacy bool) *diameter.Failure {
	in := &reader{message: m, legacy: legacy}
	b.visit(c.dictionary.Codes(), in)
	return in.fault
}

// secret reports whether an AVP holds a key.
func (c *Codec) secret(a diameter.AVP) bool {
	codes := c.dictionary.Codes()
	return a.Is(codes.AAAKey, codes.Vendor) || a.Is(codes.PANAAAAKey, codes.Vendor)
}

// redact returns an AVP for Failed-AVP. Zeros stand for a key: the answer is
// kept for retransmissions and passes through others' hands.
func (c *Codec) redact(a diameter.AVP) diameter.AVP {
	if c.secret(a) {
		a.Data = make([]byte, len(a.Data))
	}
	return a
}

// wipe overwrites the keys in a message.
func (c *Codec) wipe(m *diameter.Message) {
	for _, a := range m.AVPs {
		if c.secret(a) {
			clear(a.Data)
		}
	}
}
