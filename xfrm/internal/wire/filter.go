package wire

import (
	"fmt"
	"math/bits"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
)

const (
	sizeFilter  = nl.SizeofTcMsg
	tunnelGate  = 0xfffffff2 // TC_H_CLSACT with TC_H_MIN_INGRESS
	offFilterID = 8          // handle, after family and interface

	actionPass = 0 // TC_ACT_OK
	actionDrop = 2 // TC_ACT_SHOT

	// firstAction is the index of the first filter's action. An action with an
	// index outlives the replacement of its filter, and its counters with it.
	// The kernel numbers others' actions from 1.
	firstAction = 0x62750000

	attrActionFlags    = 7 // TCA_ACT_FLAGS
	noPerCPUStatistics = 1 // TCA_ACT_FLAGS_NO_PERCPU_STATS

	attrActionStatistics = 4 // TCA_ACT_STATS
	attrBasicStatistics  = 1 // TCA_STATS_BASIC
	attrQueueStatistics  = 3 // TCA_STATS_QUEUE

	skipHardware = 1 // TCA_CLS_FLAGS_SKIP_HW
)

// AppendFilter appends the body of RTM_NEWTFILTER for the filter that lets one
// mobile node's packets in.
func AppendFilter(b []byte, f object.Filter) []byte {
	b = appendFilterHeader(b, f.Index, f.Handle, object.PassPreference, unix.ETH_P_IPV6)
	b = appendAttr(b, nl.TCA_KIND, []byte("flower\x00"))
	o := appendAttr(nil, nl.TCA_FLOWER_KEY_ETH_TYPE, network.AppendUint16(nil, unix.ETH_P_IPV6))
	o = appendMasked(o, nl.TCA_FLOWER_KEY_IPV6_SRC, nl.TCA_FLOWER_KEY_IPV6_SRC_MASK, f.Source)
	o = appendMasked(o, nl.TCA_FLOWER_KEY_ENC_IPV6_SRC, nl.TCA_FLOWER_KEY_ENC_IPV6_SRC_MASK, object.Host(f.CareOf))
	o = appendMasked(o, nl.TCA_FLOWER_KEY_ENC_IPV6_DST, nl.TCA_FLOWER_KEY_ENC_IPV6_DST_MASK, object.Host(f.HomeAgent))
	o = appendUint32(o, nl.TCA_FLOWER_FLAGS, skipHardware)
	o = appendAttr(o, nl.TCA_FLOWER_ACT|nested, appendAction(nil, actionPass, firstAction+f.Handle))
	return appendAttr(b, nl.TCA_OPTIONS|nested, o)
}

// AppendFilterID appends the body of RTM_DELTFILTER and RTM_GETTFILTER.
func AppendFilterID(b []byte, f object.Filter) []byte {
	b = appendFilterHeader(b, f.Index, f.Handle, object.PassPreference, unix.ETH_P_IPV6)
	return appendAttr(b, nl.TCA_KIND, []byte("flower\x00"))
}

// AppendDrop appends the body of RTM_NEWTFILTER for the filter that drops what
// no other lets in.
func AppendDrop(b []byte, index int) []byte {
	b = appendFilterHeader(b, index, 1, object.DropPreference, unix.ETH_P_ALL)
	b = appendAttr(b, nl.TCA_KIND, []byte("matchall\x00"))
	o := appendUint32(nil, nl.TCA_MATCHALL_FLAGS, skipHardware)
	o = appendAttr(o, nl.TCA_MATCHALL_ACT|nested, appendAction(nil, actionDrop, 0))
	return appendAttr(b, nl.TCA_OPTIONS|nested, o)
}

// AppendDropID appends the body of RTM_DELTFILTER for all filters of
// DropPreference.
func AppendDropID(b []byte, index int) []byte {
	return appendFilterHeader(b, index, 0, object.DropPreference, unix.ETH_P_ALL)
}

// AppendFilterDump appends the body of a dump of the filters of one preference
// at a device's ingress.
func AppendFilterDump(b []byte, index, preference int) []byte {
	return appendFilterHeader(b, index, 0, preference, 0)
}

// appendFilterHeader appends a struct tcmsg.
func appendFilterHeader(b []byte, index int, handle uint32, preference int, protocol uint16) []byte {
	b = pad(b, 4)
	b = native.AppendUint32(b, uint32(index))
	b = native.AppendUint32(b, handle)
	b = native.AppendUint32(b, tunnelGate)
	info := network.AppendUint16(nil, protocol)
	return native.AppendUint32(b, uint32(preference)<<16|uint32(native.Uint16(info)))
}

func appendMasked(b []byte, key, mask uint16, p netip.Prefix) []byte {
	b = appendAddr(b, key, p.Addr())
	return appendAttr(b, mask, maskOf(p.Bits()))
}

func maskOf(length int) []byte {
	m := make([]byte, 16)
	for i := range length {
		m[i/8] |= 0x80 >> (i % 8)
	}
	return m
}

// appendAction appends a list of one gact action. It counts in one place and
// not per CPU, which would cost more memory than all the rest of a binding on
// a machine of many CPUs. Index 0 is the kernel's choice.
func appendAction(b []byte, verdict, index uint32) []byte {
	parameters := native.AppendUint32(nil, index)
	parameters = native.AppendUint32(parameters, 0)
	parameters = native.AppendUint32(parameters, verdict)
	parameters = pad(parameters, 8)
	a := appendAttr(nil, nl.TCA_ACT_KIND, []byte("gact\x00"))
	flags := native.AppendUint32(nil, noPerCPUStatistics) // value
	flags = native.AppendUint32(flags, noPerCPUStatistics)
	a = appendAttr(a, attrActionFlags, flags)
	a = appendAttr(a, nl.TCA_ACT_OPTIONS|nested, appendAttr(nil, nl.TCA_GACT_PARMS, parameters))
	return appendAttr(b, 1|nested, a)
}

// ParseFilter reads the body of an RTM_NEWTFILTER of PassPreference. Device
// is left empty. Of a filter that AppendFilter cannot have made, only Index and
// Handle are returned.
func ParseFilter(b []byte) (object.Filter, object.Statistics, error) {
	p, err := parseFilter(b, "flower\x00")
	if err != nil {
		return object.Filter{}, object.Statistics{}, err
	}
	f := &p.filter
	whole := p.odd == 0 && p.verdict == actionPass && p.actions == 1 && p.index == firstAction+f.Handle &&
		f.CareOf.IsValid() && f.HomeAgent.IsValid() && f.Source.IsValid()
	if f.Handle == 0 { // the head of a list, not a filter
		return object.Filter{}, object.Statistics{}, fmt.Errorf("reading a filter without handle: %w", ErrForeign)
	}
	if !whole {
		return object.Filter{Index: f.Index, Handle: f.Handle}, p.statistics, nil
	}
	return *f, p.statistics, nil
}

// ParseDrop reads the body of an RTM_NEWTFILTER of DropPreference.
func ParseDrop(b []byte) (object.Statistics, error) {
	p, err := parseFilter(b, "matchall\x00")
	if err == nil && (p.verdict != actionDrop || p.actions != 1) {
		err = fmt.Errorf("reading a filter: %w", ErrForeign)
	}
	return p.statistics, err
}

func parseFilter(b []byte, kind string) (filterParser, error) {
	var p filterParser
	if len(b) < sizeFilter {
		return p, fmt.Errorf("reading a filter of %d octets, expected at least %d: %w", len(b), sizeFilter, errShort)
	}
	p.filter.Index = int(int32(native.Uint32(b[4:])))
	p.filter.Handle = native.Uint32(b[offFilterID:])
	var options []byte
	err := eachAttr(b[sizeFilter:], func(typ uint16, value []byte) error {
		switch {
		case typ == nl.TCA_KIND && string(value) != kind:
			return fmt.Errorf("reading a filter of kind %q: %w", value, ErrForeign)
		case typ == nl.TCA_OPTIONS:
			options = value
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	if kind == "flower\x00" {
		err = eachAttr(options, p.flowerAttr)
	} else {
		err = eachAttr(options, p.matchallAttr)
	}
	if err == nil {
		p.filter.Source, err = p.source.prefix()
	}
	return p, err
}

// filterParser gathers a filter's attributes, which come in any order.
type filterParser struct {
	filter     object.Filter
	source     masked
	verdict    uint32 // of the action
	index      uint32 // of the action
	actions    int
	odd        int // attributes a filter of ours does not have
	statistics object.Statistics
}

// masked is an address to compare with and which bits of it.
type masked struct {
	key  netip.Addr
	bits int
}

func (m masked) prefix() (netip.Prefix, error) {
	if !m.key.IsValid() {
		return netip.Prefix{}, nil
	}
	return m.key.Prefix(m.bits)
}

func (p *filterParser) flowerAttr(typ uint16, value []byte) (err error) {
	switch typ {
	case nl.TCA_FLOWER_KEY_ETH_TYPE:
		p.unless(len(value) == 2 && network.Uint16(value) == unix.ETH_P_IPV6)
	case nl.TCA_FLOWER_KEY_IPV6_SRC:
		p.source.key, err = addr(value)
	case nl.TCA_FLOWER_KEY_IPV6_SRC_MASK:
		length, contiguous := maskLength(value)
		p.unless(contiguous)
		p.source.bits = length
	case nl.TCA_FLOWER_KEY_ENC_IPV6_SRC:
		p.filter.CareOf, err = addr(value)
	case nl.TCA_FLOWER_KEY_ENC_IPV6_DST:
		p.filter.HomeAgent, err = addr(value)
	case nl.TCA_FLOWER_KEY_ENC_IPV6_SRC_MASK, nl.TCA_FLOWER_KEY_ENC_IPV6_DST_MASK:
		length, contiguous := maskLength(value)
		p.unless(contiguous && length == 128)
	case nl.TCA_FLOWER_ACT:
		err = eachAttr(value, p.action)
	case nl.TCA_FLOWER_FLAGS, nl.TCA_FLOWER_IN_HW_COUNT:
	default:
		p.odd++
	}
	return err
}

func (p *filterParser) matchallAttr(typ uint16, value []byte) error {
	if typ == nl.TCA_MATCHALL_ACT {
		return eachAttr(value, p.action)
	}
	return nil
}

func (p *filterParser) unless(asOurs bool) {
	if !asOurs {
		p.odd++
	}
}

// maskLength returns how many leading bits a mask has, and whether it has no
// others.
func maskLength(mask []byte) (length int, contiguous bool) {
	if len(mask) != 16 {
		return 0, false
	}
	high, low := network.Uint64(mask), network.Uint64(mask[8:])
	length = bits.LeadingZeros64(^high)
	if length == 64 {
		length += bits.LeadingZeros64(^low)
	}
	return length, [16]byte(maskOf(length)) == [16]byte(mask)
}

func (p *filterParser) action(_ uint16, value []byte) error {
	p.actions++
	return eachAttr(value, func(typ uint16, value []byte) error {
		switch typ {
		case nl.TCA_ACT_KIND:
			p.unless(string(value) == "gact\x00")
		case nl.TCA_ACT_OPTIONS:
			return eachAttr(value, p.gactAttr)
		case attrActionStatistics:
			return eachAttr(value, p.statisticsAttr)
		}
		return nil
	})
}

func (p *filterParser) gactAttr(typ uint16, value []byte) error {
	if typ != nl.TCA_GACT_PARMS {
		return nil
	}
	if len(value) < 12 {
		return fmt.Errorf("reading an action of %d octets: %w", len(value), errShort)
	}
	p.index = native.Uint32(value)
	p.verdict = native.Uint32(value[8:])
	return nil
}

func (p *filterParser) statisticsAttr(typ uint16, value []byte) error {
	switch {
	case typ == attrBasicStatistics && len(value) >= 12: // struct gnet_stats_basic
		p.statistics.Octets = native.Uint64(value)
		p.statistics.Packets = uint64(native.Uint32(value[8:]))
	case typ == attrQueueStatistics && len(value) >= 12: // struct gnet_stats_queue
		p.statistics.Dropped = uint64(native.Uint32(value[8:]))
	}
	return nil
}
