package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
)

// Whoever reloads learns what became of mobile nodes, and what a restart would do.
func TestReloadLines(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		done control.Reload
		want []string
	}{
		"nothing": {control.Reload{}, []string{"no option has changed; files of certificates and keys were read again"}},
		"another key in a file": {
			control.Reload{MobileNodes: control.NodeChanges{Rekeyed: []string{"mn1"}}}, []string{"mobile nodes with another key: mn1"},
		},
		"everything": {
			control.Reload{
				TakenOver: []string{"mobile_node", "log.level"}, Restart: []string{"home_prefix"},
				MobileNodes: control.NodeChanges{Added: []string{"mn1", "mn2"}, Changed: []string{"mn3"}, Ended: []string{"mn4"}},
				Unplaced:    &control.Unplaced{Sessions: 1, Text: "the home address of 1, such as 2001:db8::5 of mn5, is not in home_prefix"},
			},
			[]string{
				"in force: mobile_node, log.level", "mobile nodes added: mn1, mn2", "mobile nodes changed, sessions made anew: mn3",
				"mobile nodes gone, sessions ended: mn4", "takes effect at a restart (systemctl restart homeagent): home_prefix",
				"NOT SERVED after the restart: 1 session, as the home address of 1, such as 2001:db8::5 of mn5, is not in home_prefix " +
					"(they would be kept until the configuration has a place for them again)",
			},
		},
	} {
		if diff := cmp.Diff(tt.want, reloadLines(&tt.done)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
