package mobility

import "net/netip"

// A HomeAgentSwitch asks a mobile node to go to another home agent (RFC 5142
// section 4). Its RefreshAdvice, if set, is the time until the binding goes.
type HomeAgentSwitch struct {
	// HomeAgents are the alternatives, best first, at most 255; with none
	// the mobile node does a home agent discovery.
	HomeAgents []netip.Addr
	Options
}

// maxHomeAgents is what fits into a Mobility Header of full length.
const maxHomeAgents = (MaxLength - prologue - 2) / addressLength

// Type implements [Message].
func (*HomeAgentSwitch) Type() Type { return TypeHomeAgentSwitch }

func (m *HomeAgentSwitch) options() *Options { return &m.Options }

// appendFixed writes at most what a Mobility Header holds: [Append] refuses the
// message then, and the count cannot wrap.
func (m *HomeAgentSwitch) appendFixed(b []byte) []byte {
	agents := m.HomeAgents[:min(len(m.HomeAgents), maxHomeAgents+1)]
	b = append(b, byte(len(agents)), 0)
	for _, a := range agents {
		b = appendAddress(b, a)
	}
	return b
}

func (m *HomeAgentSwitch) parseFixed(data []byte) ([]byte, Fault) {
	n, data := int(data[0]), data[2:]
	if len(data) < n*addressLength {
		return nil, FaultHeaderLength
	}
	if n > 0 {
		m.HomeAgents = make([]netip.Addr, n)
	}
	for i := range m.HomeAgents {
		m.HomeAgents[i] = address(data[i*addressLength:])
	}
	return data[n*addressLength:], 0
}
