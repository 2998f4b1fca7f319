package agent

import (
	"homeagent/agent/bindingcache"
	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/mobilitysocket/ancillary"
)

// counters say what became of Binding Updates and bindings, under the names of
// their reasons, and of what never got as far as that, by who discarded it:
// message_ is what could not be understood, packet_ what was not a message to us,
// tunnel_ what came through the tunnel, ipsec_ the kernel's own counters of IPsec.
// What has not happened is not in it.
func (a *Agent) counters() map[string]uint64 {
	all := tally{}
	for reason, n := range a.registrar.Counters() {
		all.add(bindingcache.Reason(reason).String(), n)
	}
	for fault := range a.signals.discarded {
		all.add("message_"+mobility.Fault(fault).Key(), a.signals.discarded[fault].Load())
	}
	all.addSocket(a.deps.Mobility.Counters())
	all.addKernel(a)
	return all
}

// A tally leaves out what has not happened.
type tally map[string]uint64

func (t tally) add(name string, n uint64) {
	if n > 0 {
		t[name] = n
	}
}

func (t tally) addSocket(c mobilitysocket.Counters) {
	for discard, n := range c.Discarded {
		t.add("packet_"+mobilitysocket.Discard(discard).String(), n)
	}
	for flaw, n := range c.Socket.Flawed {
		t.add("packet_"+ancillary.Flaw(flaw).String(), n)
	}
	t.add("packet_truncated", c.Socket.Truncated)
	t.add("packet_overflowed", c.Socket.Overflowed)
	t.add("packet_error_limited", c.ErrorsLimited)
}

// addKernel leaves the kernel out if it does not answer: the rest is still worth
// reading.
func (t tally) addKernel(a *Agent) {
	c, err := a.deps.Kernel.Counters()
	if err != nil {
		a.deps.Log.Warn("the kernel's counters could not be read", "error", err)
		return
	}
	t.add("tunnel_spoofed", c.Spoofed)
	for name, n := range c.IPsec {
		t.add("ipsec_"+name, n)
	}
}
