package wire

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"

	"homeagent/xfrm/internal/object"
)

const (
	sizeSelector = 56 // struct xfrm_selector
	sizePolicy   = nl.SizeofXfrmUserpolicyInfo
	sizeTemplate = nl.SizeofXfrmUserTmpl
	sizeLifetime = 64 // struct xfrm_lifetime_cfg
	sizeUsage    = 32 // struct xfrm_lifetime_cur

	offPolicyPriority = sizeSelector + sizeLifetime + sizeUsage
)

// AppendPolicy appends the body of XFRM_MSG_NEWPOLICY and XFRM_MSG_UPDPOLICY. A
// policy without templates is just the struct xfrm_userpolicy_info.
func AppendPolicy(b []byte, p object.Policy) []byte {
	b = appendSelector(b, p.Selector)
	b = appendForever(b)
	b = pad(b, sizeUsage)
	b = native.AppendUint32(b, p.Priority)
	b = native.AppendUint32(b, 0) // index: the kernel's choice
	action := byte(0)
	if p.Block {
		action = 1
	}
	b = append(b, byte(p.Direction), action, 0, 0, 0, 0, 0, 0)
	var templates []byte
	for _, t := range p.Templates {
		if t != (object.Template{}) {
			templates = AppendTemplate(templates, t)
		}
	}
	if len(templates) > 0 {
		b = appendAttr(b, nl.XFRMA_TMPL, templates)
	}
	return appendMark(b, p.Selector)
}

// appendMark appends the struct xfrm_mark of a selector that has one.
func appendMark(b []byte, s object.Selector) []byte {
	if s.Mask == 0 {
		return b
	}
	mark := native.AppendUint32(nil, s.Mark)
	return appendAttr(b, nl.XFRMA_MARK, native.AppendUint32(mark, s.Mask))
}

// AppendPolicyID appends the body of XFRM_MSG_DELPOLICY and
// XFRM_MSG_GETPOLICY.
func AppendPolicyID(b []byte, k object.PolicyKey) []byte {
	b = appendSelector(b, k.Selector)
	b = native.AppendUint32(b, 0)
	b = append(b, byte(k.Direction), 0, 0, 0)
	return appendMark(b, k.Selector)
}

// appendForever appends a lifetime without limits.
func appendForever(b []byte) []byte {
	for range 4 {
		b = native.AppendUint64(b, nl.XFRM_INF)
	}
	return pad(b, sizeLifetime-4*8)
}

// appendSelector appends a struct xfrm_selector. The kernel compares a
// Mobility Header or ICMPv6 message type as if it were a source port.
func appendSelector(b []byte, s object.Selector) []byte {
	b = append(b, as16(s.Dst.Addr())...)
	b = append(b, as16(s.Src.Addr())...)
	b = pad(b, 4) // destination port and its mask
	mask := uint16(0)
	if s.Typed {
		mask = 0xffff
	}
	b = network.AppendUint16(b, uint16(s.Type))
	b = network.AppendUint16(b, mask)
	b = native.AppendUint16(b, familyIPv6)
	b = append(b, byte(s.Dst.Bits()), byte(s.Src.Bits()), s.Protocol, 0, 0, 0)
	return pad(b, 8) // interface, user
}

// AppendTemplate appends a struct xfrm_user_tmpl.
func AppendTemplate(b []byte, t object.Template) []byte {
	b = append(b, as16(t.Dst)...)
	b = pad(b, 4) // SPI
	b = append(b, byte(t.Transform), 0, 0, 0)
	b = native.AppendUint16(b, familyIPv6)
	b = pad(b, 2)
	b = append(b, as16(t.Src)...)
	b = native.AppendUint32(b, t.ReqID)
	optional := byte(0)
	if t.Optional {
		optional = 1
	}
	b = append(b, byte(t.Mode), 0, optional, 0)
	for range 3 { // all algorithms
		b = native.AppendUint32(b, ^uint32(0))
	}
	return b
}

// ParsePolicy reads the body of an XFRM_MSG_NEWPOLICY.
func ParsePolicy(b []byte) (object.Policy, error) {
	var p object.Policy
	if len(b) < sizePolicy {
		return p, fmt.Errorf("reading a policy of %d octets, expected at least %d: %w", len(b), sizePolicy, errShort)
	}
	sel, err := parseSelector(b)
	if err != nil {
		return p, err
	}
	fixed := b[offPolicyPriority:]
	p.Selector = sel
	p.Priority = native.Uint32(fixed)
	p.Direction = object.Direction(fixed[8])
	p.Block = fixed[9] == 1
	if p.Direction > object.Forward || fixed[9] > 1 || fixed[10] != 0 {
		return p, fmt.Errorf("reading a policy: %w", ErrForeign)
	}
	return p, eachAttr(b[sizePolicy:], func(typ uint16, value []byte) error {
		return parsePolicyAttr(&p, typ, value)
	})
}

func parsePolicyAttr(p *object.Policy, typ uint16, value []byte) error {
	switch typ {
	case nl.XFRMA_TMPL:
		return parseTemplates(p, value)
	case nl.XFRMA_MARK:
		return parseMark(&p.Selector, value)
	case nl.XFRMA_IF_ID, nl.XFRMA_SEC_CTX:
		return fmt.Errorf("reading a policy: %w", ErrForeign)
	case nl.XFRMA_POLICY_TYPE:
		if len(value) > 0 && value[0] != 0 { // 1 is a sub policy
			return fmt.Errorf("reading a policy: %w", ErrForeign)
		}
	}
	return nil
}

// parseMark reads a struct xfrm_mark. One that no packet could have is nobody's.
func parseMark(s *object.Selector, b []byte) error {
	if len(b) != 8 {
		return fmt.Errorf("reading a mark of %d octets, expected 8: %w", len(b), errShort)
	}
	s.Mark, s.Mask = native.Uint32(b), native.Uint32(b[4:])
	if s.Mark&^s.Mask != 0 {
		return fmt.Errorf("reading a mark: %w", ErrForeign)
	}
	return nil
}

// parseSelector reads the struct xfrm_selector that b starts with.
func parseSelector(b []byte) (object.Selector, error) {
	var s object.Selector
	if len(b) < sizeSelector {
		return s, fmt.Errorf("reading a selector of %d octets, expected %d: %w", len(b), sizeSelector, errShort)
	}
	if native.Uint16(b[40:]) != familyIPv6 {
		return s, fmt.Errorf("reading a selector of family %d: %w", native.Uint16(b[40:]), ErrForeign)
	}
	var err error
	if s.Dst, err = prefix(b[0:16], b[42]); err != nil {
		return s, err
	}
	if s.Src, err = prefix(b[16:32], b[43]); err != nil {
		return s, err
	}
	s.Protocol = b[44]
	typ, mask := network.Uint16(b[36:]), network.Uint16(b[38:])
	foreign := network.Uint32(b[32:]) != 0 || // a destination port
		typ > 0xff || mask != 0 && mask != 0xffff || mask == 0 && typ != 0 ||
		native.Uint64(b[48:]) != 0 // an interface or a user
	if foreign {
		return s, fmt.Errorf("reading a selector: %w", ErrForeign)
	}
	s.Type, s.Typed = uint8(typ), mask != 0
	return s, nil
}

func parseTemplates(p *object.Policy, b []byte) error {
	if len(b)%sizeTemplate != 0 || len(b) > object.MaxTemplates*sizeTemplate {
		return fmt.Errorf("reading %d octets of templates: %w", len(b), ErrForeign)
	}
	for i := range len(b) / sizeTemplate {
		t, err := parseTemplate(b[i*sizeTemplate:])
		if err != nil {
			return err
		}
		p.Templates[i] = t
	}
	return nil
}

// parseTemplate reads a struct xfrm_user_tmpl of full length.
func parseTemplate(b []byte) (object.Template, error) {
	t := object.Template{
		Transform: object.Transform(b[20]),
		Mode:      object.Mode(b[48]),
		ReqID:     native.Uint32(b[44:]),
		Optional:  b[50] != 0,
	}
	if native.Uint32(b[16:]) != 0 || native.Uint16(b[24:]) != familyIPv6 || b[50] > 1 || t.Transform == 0 {
		return t, fmt.Errorf("reading a template: %w", ErrForeign)
	}
	dst, src := netip.AddrFrom16([16]byte(b[0:16])), netip.AddrFrom16([16]byte(b[28:44]))
	if t.Mode == object.TunnelMode {
		t.Dst, t.Src = dst, src
	} else if !dst.IsUnspecified() || !src.IsUnspecified() {
		return t, fmt.Errorf("reading a template: %w", ErrForeign)
	}
	return t, nil
}
