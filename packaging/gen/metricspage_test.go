package main

import (
	"strings"
	"testing"

	"homeagent/agent/metrics"
)

// Every metric is in the manual, with its labels.
func TestMetricsAreInTheManual(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"homeagentd.8.metrics"}, epoch, &out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	all := metrics.Describe()
	if got := strings.Count(page, "\n.It Li "); got != len(all) || got < 40 {
		t.Errorf("%d metrics are in the page, want %d", got, len(all))
	}
	for _, line := range []string{".Sh METRICS\n", "\n.It Li homeagent_sessions{state}\n", "\n.It Li homeagent_ready\n", "\n.It Va unreachable\nNobody answers at diameter.peer.connect", "\n.Sh PROFILES\n"} {
		if !strings.Contains(page, line) {
			t.Errorf("the page lacks %q", line)
		}
	}
}
