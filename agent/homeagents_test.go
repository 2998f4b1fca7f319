package agent_test

import (
	"net/netip"
	"testing"

	"homeagent/agent/control"
)

// Another order of the home agent addresses moves nobody: not by a reload, which
// leaves the order for a restart, and not by the restart.
func TestConfiguredMobileNodesStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.configure(t, handKeys, byHand...)
	h.reload(t, control.Reload{TakenOver: []string{"mobile_node"}, MobileNodes: control.NodeChanges{Added: mn9}})
	before := h.associated()
	if len(before) != 2 || before[0].Dst != netip.MustParseAddr("2001:db8:1::1") || before[1].Src != before[0].Dst {
		t.Fatalf("the kernel holds %v", before)
	}
	stays := func(what string) {
		t.Helper()
		if now := h.associated(); len(now) != 2 || !now[0].Equal(before[0]) || !now[1].Equal(before[1]) {
			t.Errorf("%s the kernel holds %v, before %v", what, now, before)
		}
	}
	h.edit(t, `["2001:db8:1::1"]`, `["2001:db8:1::2", "2001:db8:1::1"]`)
	h.reload(t, control.Reload{Restart: []string{"home_agent.addresses"}})
	stays("after a reload")
	h.stop()
	h.start(t)
	stays("after a restart")
}
