package message

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"time"
)

// RouterAdvertisement is what a Router Advertisement says about the router as a home
// agent (RFC 6275 section 7). Other fields and options are zero when it is encoded
// and ignored when it is parsed.
type RouterAdvertisement struct {
	HomeAgent      bool          // the H flag
	RouterLifetime time.Duration // in seconds, at most 65535 of them
	// LinkLayer is the address in the Source Link-Layer Address option, 6 octets
	// or 8 more, nil if there is none.
	LinkLayer []byte
	// Information is the Home Agent Information option, nil if there is none.
	Information *Information
	Prefixes    []Prefix
}

// Information is a Home Agent Information option (RFC 6275 section 7.4).
type Information struct {
	MobileRouter bool          // mobile routers are supported (RFC 3963 section 7.3)
	Preference   uint16        // higher is better
	Lifetime     time.Duration // in seconds, at most 65535 of them
}

// Type implements [Message].
func (*RouterAdvertisement) Type() Type { return TypeRouterAdvertisement }

func (m *RouterAdvertisement) appendBody(b []byte) []byte {
	var flags byte
	if m.HomeAgent {
		flags = flagHomeAgent
	}
	b = append(b, 0, flags)
	b = binary.BigEndian.AppendUint16(b, uint16(m.RouterLifetime/time.Second))
	b = append(b, make([]byte, 8)...) // Reachable Time, Retrans Timer
	if len(m.LinkLayer) > 0 {
		b = append(b, optionLinkLayer, uint8((2+len(m.LinkLayer))/8))
		b = append(b, m.LinkLayer...)
	}
	if i := m.Information; i != nil {
		b = i.append(b)
	}
	for _, p := range m.Prefixes {
		b = p.append(b)
	}
	return b
}

func (m *RouterAdvertisement) parseBody(b []byte) bool {
	m.HomeAgent = b[1]&flagHomeAgent != 0
	m.RouterLifetime = time.Duration(binary.BigEndian.Uint16(b[2:])) * time.Second
	return true
}

func (*RouterAdvertisement) minimum() int { return 12 }

func (m *RouterAdvertisement) visitOption(kind byte, b []byte) {
	if p, ok := parsePrefix(kind, b); ok {
		m.Prefixes = append(m.Prefixes, p)
	}
	if kind == optionLinkLayer && len(b) >= 8 {
		m.LinkLayer = slices.Clone(b[2:])
	}
	if kind == optionInformation && len(b) == 8 {
		m.Information = &Information{
			MobileRouter: b[2]&0x80 != 0,
			Preference:   binary.BigEndian.Uint16(b[4:]),
			Lifetime:     time.Duration(binary.BigEndian.Uint16(b[6:])) * time.Second,
		}
	}
}

func (i *Information) append(b []byte) []byte {
	var flags byte
	if i.MobileRouter {
		flags = 0x80
	}
	b = append(b, optionInformation, 1, flags, 0)
	b = binary.BigEndian.AppendUint16(b, i.Preference)
	return binary.BigEndian.AppendUint16(b, uint16(i.Lifetime/time.Second))
}

// Numbers of RFC 4861 sections 4.6.1 and 4.6.2 and RFC 6275 sections 7.1 to 7.4.
const (
	flagHomeAgent     = 0x20
	optionLinkLayer   = 1
	optionPrefix      = 3
	optionInformation = 8
	prefixLength      = 32 // of the option, in octets
)

// Infinite is the lifetime of a prefix that does not end.
const Infinite = math.MaxUint32 * time.Second

// A Prefix is a Prefix Information option (RFC 4861 section 4.6.2, RFC 6275 section
// 7.2).
type Prefix struct {
	// Address is the prefix with zeros behind it or, with Router, an address of
	// the router that has the prefix.
	Address            netip.Addr
	Bits               uint8 // length of the prefix, 0 to 128
	OnLink, Autonomous bool  // the L and A flags
	Router             bool  // the R flag
	// Valid and Preferred are lifetimes in seconds, or Infinite.
	Valid, Preferred time.Duration
}

func (p *Prefix) append(b []byte) []byte {
	var flags byte
	for i, set := range []bool{p.OnLink, p.Autonomous, p.Router} {
		if set {
			flags |= 0x80 >> i
		}
	}
	b = append(b, optionPrefix, prefixLength/8, p.Bits, flags)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Valid/time.Second))
	b = binary.BigEndian.AppendUint32(b, uint32(p.Preferred/time.Second))
	b = append(b, 0, 0, 0, 0)
	return append(b, p.Address.AsSlice()...)
}

// parsePrefix returns false for another option and for one that makes no sense.
func parsePrefix(kind byte, b []byte) (Prefix, bool) {
	if kind != optionPrefix || len(b) != prefixLength || b[2] > 128 {
		return Prefix{}, false
	}
	return Prefix{
		Address:    netip.AddrFrom16([16]byte(b[16:])),
		Bits:       b[2],
		OnLink:     b[3]&0x80 != 0,
		Autonomous: b[3]&0x40 != 0,
		Router:     b[3]&0x20 != 0,
		Valid:      time.Duration(binary.BigEndian.Uint32(b[4:])) * time.Second,
		Preferred:  time.Duration(binary.BigEndian.Uint32(b[8:])) * time.Second,
	}, true
}
