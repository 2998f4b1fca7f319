package testbed

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTally(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	type reply struct {
		sequence uint16
		ms       int
	}
	tests := []struct {
		name     string
		requests int // one each 10 ms
		replies  []reply
		want     Report
	}{
		{name: "nothing sent", want: Report{}},
		{name: "nothing answered", requests: 3, want: Report{Sent: 3}},
		{
			name: "all answered", requests: 3, replies: []reply{{0, 2}, {1, 12}, {2, 22}},
			want: Report{Sent: 3, Received: 3, First: 2 * time.Millisecond},
		},
		{
			name: "two lost in a row", requests: 5, replies: []reply{{0, 1}, {1, 11}, {4, 41}},
			want: Report{Sent: 5, Received: 3, Gap: 30 * time.Millisecond, First: time.Millisecond},
		},
		{
			name: "losses before and after", requests: 6, replies: []reply{{1, 11}, {3, 39}},
			want: Report{Sent: 6, Received: 2, Gap: 20 * time.Millisecond, First: time.Millisecond},
		},
		{
			name: "duplicates and strangers do not count", requests: 2, replies: []reply{{0, 1}, {0, 2}, {7, 3}, {65535, 4}, {1, 11}},
			want: Report{Sent: 2, Received: 2, First: time.Millisecond},
		},
		{
			name: "overtaken", requests: 2, replies: []reply{{1, 12}, {0, 15}},
			want: Report{Sent: 2, Received: 2, First: 2 * time.Millisecond},
		},
		{
			name: "sequence numbers wrap", requests: 65538, replies: []reply{{0, 655365}, {1, 655375}},
			want: Report{Sent: 65538, Received: 2, First: 5 * time.Millisecond},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tally tally
			for i := range tt.requests {
				tally.sent(at(10 * i))
			}
			for _, r := range tt.replies {
				tally.received(r.sequence, at(r.ms))
			}
			if diff := cmp.Diff(tt.want, tally.report()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReportString(t *testing.T) {
	t.Parallel()
	report := Report{Sent: 100, Received: 97, Gap: 38*time.Millisecond + 400*time.Microsecond}
	if got, want := report.String(), "100 sent, 3 lost, longest gap 38ms"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestTsharkArguments(t *testing.T) {
	t.Parallel()
	got := tsharkArguments("/bed/eth0.pcap", "mipv6", []string{"ipv6.src", "mip6.mhtype"})
	want := []string{"-n", "-r", "/bed/eth0.pcap", "-Y", "mipv6", "-T", "fields", "-e", "ipv6.src", "-e", "mip6.mhtype"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
}

func TestRouterAddress(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"2001:db8:1::/64":    "2001:db8:1::2",
		"2001:db8:4::100/64": "2001:db8:4::2",
	} {
		if got := RouterAddress(netip.MustParsePrefix(prefix)); got != netip.MustParseAddr(want) {
			t.Errorf("RouterAddress(%s) = %s, want %s", prefix, got, want)
		}
	}
}
