package agent

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/bindingcache"
	"homeagent/agent/discovery"
)

// told writes down what discovery is told.
type told struct {
	Discovery
	log []string
}

func (d *told) Bound(home netip.Addr)              { d.log = append(d.log, "bound "+home.String()) }
func (d *told) Unbound(home netip.Addr)            { d.log = append(d.log, "unbound "+home.String()) }
func (d *told) Reconfigure([]discovery.Link) error { return nil }

// Discovery knows who has a binding, and is not bothered with what changes none.
func TestH43_DiscoveryIsToldOfBindings(t *testing.T) {
	t.Parallel()
	home := netip.MustParseAddr("2001:db8:1::5")
	want := map[bindingcache.Reason]string{
		bindingcache.Registered: "bound 2001:db8:1::5", bindingcache.Refreshed: "bound 2001:db8:1::5", bindingcache.Moved: "bound 2001:db8:1::5",
		bindingcache.Deregistered: "unbound 2001:db8:1::5", bindingcache.Expired: "unbound 2001:db8:1::5",
		bindingcache.PrefixInvalid: "unbound 2001:db8:1::5", bindingcache.Removed: "unbound 2001:db8:1::5",
	}
	for reason := range bindingcache.Reasons {
		d := &told{}
		a := &Agent{discovery: d}
		outcome := &bindingcache.Outcome{HomeAddress: home, Reason: bindingcache.Reason(reason)}
		a.tellDiscovery(outcome)
		var lines []string
		if line := want[outcome.Reason]; line != "" {
			lines = []string{line}
		}
		if diff := cmp.Diff(lines, d.log); diff != "" {
			t.Errorf("%s (-want +got):\n%s", outcome.Reason, diff)
		}
		(&Agent{}).tellDiscovery(outcome) // nobody to tell
	}
}
