//go:build kerneltest

package testbed_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"homeagent/diameter/lab/testbed"
)

func TestTrafficIsAnswered(t *testing.T) {
	lab := newMobile(t)
	ping(t, lab.Correspondent, testbed.HomeAgentAddress)
	traffic, err := lab.Correspondent.SendTraffic(testbed.HomeAgentAddress, 5*time.Millisecond)
	must(t, err)
	for traffic.Report().Received < 50 {
		time.Sleep(time.Millisecond)
	}
	report := traffic.Stop()
	if report.Lost() != 0 || report.Gap != 0 || report.First <= 0 {
		t.Errorf("on an idle way: %v, first reply after %v", report, report.First)
	}
	if again := traffic.Stop(); again != report {
		t.Errorf("a second Stop reports %v, the first %v", again, report)
	}
}

// TestTwoStreams makes sure that streams do not count each other's replies: both
// number their requests alike, and each host sees those of both.
func TestTwoStreams(t *testing.T) {
	lab := newMobile(t)
	near, err := lab.Correspondent.SendTraffic(testbed.AAAAddress, 5*time.Millisecond)
	must(t, err)
	once, err := lab.Correspondent.SendTraffic(testbed.AAAAddress, time.Hour)
	must(t, err)
	void, err := lab.Correspondent.SendTraffic(netip.MustParseAddr("2001:db8:3::dead"), 5*time.Millisecond)
	must(t, err)
	for near.Report().Received < 20 {
		time.Sleep(time.Millisecond)
	}
	near.Stop()
	if report := once.Stop(); report.Sent != 1 || report.Received != 1 {
		t.Errorf("one request: %v", report)
	}
	if report := void.Stop(); report.Received != 0 || report.Sent == 0 {
		t.Errorf("to nobody: %v", report)
	}
}

func TestPingGivesUpWithItsContext(t *testing.T) {
	lab := newMobile(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := lab.AAA.Ping(ctx, netip.MustParseAddr("2001:db8:3::dead"))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "pinging 2001:db8:3::dead from aaa") {
		t.Errorf("got %v", err)
	}
}

// TestCaptureFilter takes only what the filter says, and Decode only what its own does.
func TestCaptureFilter(t *testing.T) {
	lab := newMobile(t)
	capture, err := lab.Router.Capture(t.Context(), "remote", "udp")
	must(t, err)
	ping(t, lab.Correspondent, testbed.HomeAgentAddress)
	time.Sleep(100 * time.Millisecond)
	must(t, capture.Stop())
	lines, err := capture.Decode(t.Context(), "ipv6", "ipv6.src")
	if err != nil || len(lines) != 0 {
		t.Errorf("captured %q, %v", lines, err)
	}
	if _, err := capture.Decode(t.Context(), "no such field", "ipv6.src"); err == nil {
		t.Error("a filter that means nothing is no error")
	}
}

func TestCaptureOfNoInterface(t *testing.T) {
	lab := newMobile(t)
	_, err := lab.Router.Capture(t.Context(), "eth9", "")
	if err == nil || !strings.Contains(err.Error(), "eth9") {
		t.Errorf("got %v", err)
	}
}

func TestLinkNames(t *testing.T) {
	lab := newMobile(t)
	if _, err := lab.Link("home"); err == nil || !strings.Contains(err.Error(), "making link home") {
		t.Errorf("a second link of one name: %v", err)
	}
	if _, err := lab.Link("much-too-long-a-name"); err == nil {
		t.Error("a name that the kernel cannot hold is no error")
	}
	if got := lab.Home.String() + " " + lab.AAA.String(); got != "home aaa" {
		t.Errorf("names %q", got)
	}
}

// TestAttachKeepsTheInterface moves one and finds it the same, with its old addresses.
func TestAttachKeepsTheInterface(t *testing.T) {
	lab := newMobile(t)
	index := func() string {
		t.Helper()
		got, err := lab.MobileNode.Run(t.Context(), "cat", "/proc/net/if_inet6")
		must(t, err)
		for line := range strings.Lines(got) {
			if fields := strings.Fields(line); fields[5] == testbed.Interface && fields[3] == "00" {
				return fields[0] + " on " + fields[1]
			}
		}
		return "none"
	}
	must(t, lab.ForeignA.Attach(lab.MobileNode, testbed.Interface, netip.MustParsePrefix("2001:db8:2::7/64")))
	before := index()
	must(t, lab.ForeignB.Attach(lab.MobileNode, testbed.Interface))
	if after := index(); after != before || before == "none" {
		t.Errorf("before %s, after %s", before, after)
	}
}

func TestRemoveAddress(t *testing.T) {
	lab := newMobile(t)
	address := netip.PrefixFrom(testbed.CorrespondentAddress, 64)
	ping(t, lab.AAA, testbed.CorrespondentAddress)
	must(t, lab.Correspondent.RemoveAddress(testbed.Interface, address))
	silence(t, lab.AAA, testbed.CorrespondentAddress)
	must(t, lab.Correspondent.RemoveAddress(testbed.Interface, address)) // gone is gone
	if err := lab.Correspondent.RemoveAddress("eth9", address); err == nil {
		t.Error("no interface is no error")
	}
}

// TestDoReturnsItsError and runs in the host.
func TestDo(t *testing.T) {
	lab := newMobile(t)
	broken := errors.New("broken")
	if err := lab.AAA.Do(func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestBedInAFolderThatCannotBe(t *testing.T) {
	if _, err := testbed.NewMobile("/proc/no/such/folder"); err == nil {
		t.Error("no error")
	}
}
