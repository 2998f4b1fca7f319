//go:build kerneltest

package testbed_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/diameter/lab/testbed"
	"homeagent/ike/charontest"
)

func newMobile(t *testing.T) *testbed.Mobile {
	t.Helper()
	lab, err := testbed.NewMobile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ping(t *testing.T, from *testbed.Host, to netip.Addr) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := from.Ping(ctx, to); err != nil {
		t.Error(err)
	}
}

func TestEveryHostReachesEveryOther(t *testing.T) {
	lab := newMobile(t)
	must(t, lab.MoveTo(lab.AtForeignA()))
	addresses := []netip.Addr{
		testbed.HomeAgentAddress, testbed.AAAAddress, testbed.CorrespondentAddress, testbed.CareOfAddressA,
	}
	for _, host := range []*testbed.Host{lab.HomeAgent, lab.Router, lab.MobileNode, lab.Correspondent, lab.AAA} {
		for _, address := range addresses {
			ping(t, host, address)
		}
	}
}

func TestMoveTo(t *testing.T) {
	lab := newMobile(t)
	home := netip.MustParseAddr("2001:db8:1::1234")
	places := []testbed.Place{lab.AtForeignA(), lab.AtForeignB(), lab.AtHome(home), lab.AtForeignA(), lab.AtHome(home)}
	for _, place := range places {
		must(t, lab.MoveTo(place))
		ping(t, lab.Correspondent, place.Address.Addr())
		ping(t, lab.MobileNode, testbed.CorrespondentAddress)
	}
	silence(t, lab.Correspondent, testbed.CareOfAddressA)
}

// TestNewAddressesAreInUse makes sure that nothing sent to an address is lost from
// the moment on when it was given.
func TestNewAddressesAreInUse(t *testing.T) {
	lab := newMobile(t)
	address := netip.MustParseAddr("2001:db8:3::1000")
	for range 50 {
		address = address.Next()
		must(t, lab.Correspondent.AddAddress(testbed.Interface, netip.PrefixFrom(address, 64)))
		routes, err := lab.Correspondent.Netlink().RouteGet(address.AsSlice())
		if err != nil || len(routes) != 1 || routes[0].Type != unix.RTN_LOCAL {
			t.Fatalf("%s leads to %v, %v", address, routes, err)
		}
	}
}

func TestDetach(t *testing.T) {
	lab := newMobile(t)
	must(t, lab.MoveTo(lab.AtForeignA()))
	ping(t, lab.Correspondent, testbed.CareOfAddressA)
	must(t, lab.Detach(lab.MobileNode, testbed.Interface))
	silence(t, lab.Correspondent, testbed.CareOfAddressA)
}

func silence(t *testing.T, from *testbed.Host, to netip.Addr) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := from.Ping(ctx, to); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("pinging %s: got %v, want no answer", to, err)
	}
}

func TestTrafficCountsLosses(t *testing.T) {
	lab := newMobile(t)
	must(t, lab.MoveTo(lab.AtForeignA()))
	ping(t, lab.Correspondent, testbed.CareOfAddressA)
	traffic, err := lab.Correspondent.SendTraffic(testbed.CareOfAddressA, 10*time.Millisecond)
	must(t, err)
	for traffic.Report().Received < 10 {
		time.Sleep(time.Millisecond)
	}
	must(t, lab.Detach(lab.MobileNode, testbed.Interface))
	time.Sleep(200 * time.Millisecond)
	must(t, lab.MoveTo(lab.AtForeignA()))
	got := traffic.Report().Received
	for traffic.Report().Received < got+10 {
		time.Sleep(time.Millisecond)
	}
	if report := traffic.Stop(); report.Lost() == 0 || report.Gap < 200*time.Millisecond {
		t.Errorf("with the cable out for 200 ms: %v", report)
	}
}

func TestHostsAreApart(t *testing.T) {
	lab := newMobile(t)
	before, err := os.ReadFile("/proc/sys/net/ipv6/conf/all/forwarding")
	must(t, err)
	if got := string(before); got != "0\n" {
		t.Errorf("forwarding outside of the bed is %q", got)
	}
	got, err := lab.Router.Run(t.Context(), "cat", "/proc/sys/net/ipv6/conf/all/forwarding")
	must(t, err)
	if got != "1\n" {
		t.Errorf("forwarding on the router is %q", got)
	}
}

func TestProcess(t *testing.T) {
	bed, err := testbed.New(t.TempDir())
	must(t, err)
	host, err := bed.Host("host")
	must(t, err)
	start := func(name, script string) *testbed.Process {
		p, err := host.Start(testbed.Program{
			Name: name, Path: "sh", Arguments: []string{"-c", script}, Environment: []string{"WORD=hello"},
		})
		must(t, err)
		return p
	}

	short := start("short", "echo $WORD; exit 3")
	if err := short.Err(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("Err() = %v, want exit status 3", err)
	}
	if got := short.Output(); got != "hello\n" {
		t.Errorf("Output() = %q", got)
	}
	err = short.Await(t.Context(), "long", func() bool { return false })
	if err == nil || !strings.Contains(err.Error(), "exit status 3:\nhello") {
		t.Errorf("Await() = %v, want how it ended and what it printed", err)
	}

	long := start("long", "sleep 1000 & wait")
	killed := start("killed", "sleep 1000")
	killed.Kill()
	must(t, bed.Close())
	for _, p := range []*testbed.Process{long, killed} {
		if !gone(p.ID()) {
			t.Errorf("%s lives on", p)
		}
	}
}

// gone reports whether a process group ends within two seconds.
func gone(group int) bool {
	for range 200 {
		if err := syscall.Kill(-group, 0); errors.Is(err, syscall.ESRCH) {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestRunReportsWhatWentWrong(t *testing.T) {
	lab := newMobile(t)
	_, err := lab.AAA.Run(t.Context(), "sh", "-c", "echo trouble >&2; exit 2")
	if err == nil || err.Error() != "running sh on aaa: exit status 2: trouble" {
		t.Errorf("got %v", err)
	}
	if _, err := lab.AAA.Run(t.Context(), "/no/such/program"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsNameHostAndInterface(t *testing.T) {
	lab := newMobile(t)
	prefix := netip.MustParsePrefix("2001:db8:9::1/64")
	for name, err := range map[string]error{
		"finding interface eth7 of aaa":    lab.AAA.AddAddress("eth7", prefix),
		"setting net.no.such on cn":        lab.Correspondent.Sysctl("net.no.such", "1"),
		"adding a route to 2001:db8:9::":   lab.Correspondent.AddRoute(prefix, netip.MustParseAddr("2001:db8:77::1")),
		"unplugging eth7 of cn":            lab.Detach(lab.Correspondent, "eth7"),
		"finding interface eth8 of router": lab.Router.Up("eth8"),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %q in it", err, name)
		}
	}
}

func TestCaptureAndDecode(t *testing.T) {
	lab := newMobile(t)
	capture, err := lab.Router.Capture(t.Context(), "remote", "icmp6")
	must(t, err)
	ping(t, lab.Correspondent, testbed.HomeAgentAddress)
	time.Sleep(100 * time.Millisecond)
	must(t, capture.Stop())
	lines, err := capture.Decode(t.Context(), "icmpv6.type == 129", "ipv6.src", "ipv6.dst")
	must(t, err)
	want := testbed.HomeAgentAddress.String() + "\t" + testbed.CorrespondentAddress.String()
	if len(lines) == 0 || lines[0] != want {
		t.Errorf("decoded %q, want %q first", lines, want)
	}
}

func TestTwoCharons(t *testing.T) {
	lab := newMobile(t)
	ha, err := lab.HomeAgent.StartCharon(charontest.Config{})
	must(t, err)
	mn, err := lab.MobileNode.StartCharon(charontest.Config{})
	must(t, err)
	for _, charon := range []*testbed.Charon{ha, mn} {
		got, err := charon.Swanctl("--stats")
		if err != nil || !strings.Contains(got, "worker threads") {
			t.Errorf("%s: %q, %v", charon, got, err)
		}
	}
	must(t, ha.Kill())
	must(t, ha.Start())
	here, err := lab.HomeAgent.Run(t.Context(), "readlink", "-n", "/proc/self/ns/net")
	must(t, err)
	if there, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", ha.Pid())); err != nil || there != here {
		t.Errorf("after its second start charon runs in %s, want %s: %v", there, here, err)
	}
}

func TestCharonWithBadSettings(t *testing.T) {
	lab := newMobile(t)
	_, err := lab.HomeAgent.StartCharon(charontest.Config{Plugins: "none"})
	if err == nil || !strings.Contains(err.Error(), "starting charon on ha") {
		t.Errorf("got %v", err)
	}
}
