// Package message is the codec of the ICMPv6 messages by which mobile nodes discover
// home agents and home prefixes (RFC 6275 sections 6.5 to 6.8, RFC 3963 section 7),
// and of what Router Advertisements say about home agents (RFC 6275 section 7).
//
// [Parse] turns the octets of an ICMPv6 message into a [Message], [Append] does the
// reverse. The checksum is left to the kernel. The package must not know sockets,
// nor which agents and prefixes there are.
//
// Router Advertisements and Prefix Information options are read here and not by
// mdlayher/ndp, which drops the Router Address flag and the host part of the
// address, and refuses a whole message for one option that it does not like.
package message

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A Type is an ICMPv6 type.
type Type uint8

// The types of messages (RFC 4861 section 4.2, RFC 6275 sections 6.5 to 6.8).
const (
	TypeRouterAdvertisement Type = 134
	TypeAgentRequest        Type = 144
	TypeAgentReply          Type = 145
	TypePrefixSolicitation  Type = 146
	TypePrefixAdvertisement Type = 147
)

// A Message is one of the messages of this package; the set is closed.
type Message interface {
	// Type is the ICMPv6 type that the message is sent with.
	Type() Type

	appendBody(b []byte) []byte      // all after the checksum
	parseBody(b []byte) (ok bool)    // the same, of at least minimum octets
	minimum() int                    // length of the body without options
	visitOption(kind byte, b []byte) // a whole option, of which there may be any number
}

var (
	_ Message = (*RouterAdvertisement)(nil)
	_ Message = (*AgentRequest)(nil)
	_ Message = (*AgentReply)(nil)
	_ Message = (*PrefixSolicitation)(nil)
	_ Message = (*PrefixAdvertisement)(nil)
)

// headerLength is that of type, code and checksum.
const headerLength = 4

// Append appends a message to b, checksum zero.
func Append(b []byte, m Message) []byte {
	return m.appendBody(append(b, byte(m.Type()), 0, 0, 0))
}

// Parse reads a message. Reserved fields and unknown options are ignored; a code
// other than 0, too few octets, or an option that has length 0 or runs past the end
// is an error (RFC 4861 section 6.1.2).
func Parse(b []byte) (Message, error) {
	if len(b) < headerLength {
		return nil, fmt.Errorf("parsing a discovery message: %d octets (must be at least %d)", len(b), headerLength)
	}
	m := newMessage(Type(b[0]))
	if m == nil {
		return nil, fmt.Errorf("parsing a discovery message: unexpected ICMPv6 type %d", b[0])
	}
	body := b[headerLength:]
	if b[1] != 0 || len(body) < m.minimum() || !m.parseBody(body) || !walk(body[m.minimum():], m) {
		return nil, fmt.Errorf("parsing a discovery message: %d octets of type %d and code %d are not well-formed", len(b), b[0], b[1])
	}
	return m, nil
}

func newMessage(t Type) Message {
	switch t {
	case TypeRouterAdvertisement:
		return new(RouterAdvertisement)
	case TypeAgentRequest:
		return new(AgentRequest)
	case TypeAgentReply:
		return new(AgentReply)
	case TypePrefixSolicitation:
		return new(PrefixSolicitation)
	case TypePrefixAdvertisement:
		return new(PrefixAdvertisement)
	}
	return nil
}

// walk shows each option to m.
func walk(options []byte, m Message) (ok bool) {
	if _, none := m.(*AgentReply); none {
		return true
	}
	for len(options) > 0 {
		if len(options) < 2 || options[1] == 0 || int(options[1])*8 > len(options) {
			return false
		}
		length := int(options[1]) * 8
		m.visitOption(options[0], options[:length])
		options = options[length:]
	}
	return true
}

// AgentRequest is a Home Agent Address Discovery Request (RFC 6275 section 6.5).
type AgentRequest struct {
	ID uint16
	// MobileRouter asks for home agents that support mobile routers (RFC 3963
	// section 7.1).
	MobileRouter bool
}

// Type implements [Message].
func (*AgentRequest) Type() Type { return TypeAgentRequest }

func (m *AgentRequest) appendBody(b []byte) []byte {
	return appendFlags(b, m.ID, m.MobileRouter, false)
}

func (m *AgentRequest) parseBody(b []byte) bool {
	m.ID, m.MobileRouter, _ = parseFlags(b)
	return true
}

func (*AgentRequest) minimum() int             { return 4 }
func (*AgentRequest) visitOption(byte, []byte) {}

// AgentReply is a Home Agent Address Discovery Reply (RFC 6275 section 6.6).
type AgentReply struct {
	ID uint16
	// MobileRouter says that all Agents support mobile routers (RFC 3963
	// section 7.2).
	MobileRouter bool
	Agents       []netip.Addr // in order of preference
}

// MaxAgents is how many addresses fit into a reply of 1280 octets, which nothing on
// the way fragments or refuses (RFC 6275 section 10.5.1).
const MaxAgents = (1280 - 40 - 8) / 16

// Type implements [Message].
func (*AgentReply) Type() Type { return TypeAgentReply }

func (m *AgentReply) appendBody(b []byte) []byte {
	b = appendFlags(b, m.ID, m.MobileRouter, false)
	for _, a := range m.Agents {
		b = append(b, a.AsSlice()...)
	}
	return b
}

func (m *AgentReply) parseBody(b []byte) bool {
	m.ID, m.MobileRouter, _ = parseFlags(b)
	list := b[4:]
	for ; len(list) >= 16; list = list[16:] {
		m.Agents = append(m.Agents, netip.AddrFrom16([16]byte(list)))
	}
	return len(list) == 0
}

func (*AgentReply) minimum() int             { return 4 }
func (*AgentReply) visitOption(byte, []byte) {}

// PrefixSolicitation is a Mobile Prefix Solicitation (RFC 6275 section 6.7).
type PrefixSolicitation struct{ ID uint16 }

// Type implements [Message].
func (*PrefixSolicitation) Type() Type { return TypePrefixSolicitation }

func (m *PrefixSolicitation) appendBody(b []byte) []byte {
	return appendFlags(b, m.ID, false, false)
}

func (m *PrefixSolicitation) parseBody(b []byte) bool {
	m.ID, _, _ = parseFlags(b)
	return true
}

func (*PrefixSolicitation) minimum() int             { return 4 }
func (*PrefixSolicitation) visitOption(byte, []byte) {}

// PrefixAdvertisement is a Mobile Prefix Advertisement (RFC 6275 section 6.8).
type PrefixAdvertisement struct {
	ID uint16
	// Managed and Other are the M and O flags.
	Managed, Other bool
	Prefixes       []Prefix
}

// Type implements [Message].
func (*PrefixAdvertisement) Type() Type { return TypePrefixAdvertisement }

func (m *PrefixAdvertisement) appendBody(b []byte) []byte {
	b = appendFlags(b, m.ID, m.Managed, m.Other)
	for _, p := range m.Prefixes {
		b = p.append(b)
	}
	return b
}

func (m *PrefixAdvertisement) parseBody(b []byte) bool {
	m.ID, m.Managed, m.Other = parseFlags(b)
	return true
}

func (*PrefixAdvertisement) minimum() int { return 4 }

func (m *PrefixAdvertisement) visitOption(kind byte, b []byte) {
	if p, ok := parsePrefix(kind, b); ok {
		m.Prefixes = append(m.Prefixes, p)
	}
}

// appendFlags appends identifier and flags, which all four messages begin with.
func appendFlags(b []byte, id uint16, first, second bool) []byte {
	var flags byte
	if first {
		flags |= 0x80
	}
	if second {
		flags |= 0x40
	}
	return append(binary.BigEndian.AppendUint16(b, id), flags, 0)
}

func parseFlags(b []byte) (id uint16, first, second bool) {
	return binary.BigEndian.Uint16(b), b[2]&0x80 != 0, b[2]&0x40 != 0
}
