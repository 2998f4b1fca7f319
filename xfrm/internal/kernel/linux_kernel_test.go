//go:build kerneltest

package kernel

import (
	"context"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"homeagent/xfrm/internal/object"
)

// open returns the kernel of a new network namespace, which the test's
// goroutine is in from then on.
func open(t *testing.T) *Linux {
	t.Helper()
	runtime.LockOSThread() // and never unlock: the thread ends with the test
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	l, err := OpenLinux()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestLinuxBehavesAsFake(t *testing.T) {
	// Subtests run on goroutines of their own; the sockets stay where they were
	// opened.
	contract(t, open(t))
}

func TestLinuxCountsIPsec(t *testing.T) {
	counters, err := open(t).IPsecCounters()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"XfrmInTmplMismatch", "XfrmInStateMismatch", "XfrmInNoPols"} {
		if _, counted := counters[name]; !counted {
			t.Errorf("%s is not counted: %v", name, counters)
		}
	}
}

func TestLinuxRefusesAForeignDevice(t *testing.T) {
	l := open(t)
	if err := netlink.LinkAdd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "mip6"}}); err != nil {
		t.Fatal(err)
	}
	_, _, err := l.Tunnel("mip6")
	if err == nil || !strings.Contains(err.Error(), "it is no ip6tnl in external mode") {
		t.Errorf("got error %v", err)
	}
}

func TestLinuxExplainsErrors(t *testing.T) {
	l := open(t)
	p := tunnelPolicy()
	p.Direction = 7
	err := l.Apply(object.Add, p)
	if err == nil || !strings.Contains(err.Error(), syscall.EINVAL.Error()+": ") {
		t.Errorf("got error %v, want the kernel's own words, too", err)
	}
}

func TestLinuxWatch(t *testing.T) {
	l := open(t)
	others, err := OpenLinux()
	if err != nil {
		t.Fatal(err)
	}
	defer others.Close()
	ctx, cancel := context.WithCancel(t.Context())
	events, ended := make(chan object.Event, 100), make(chan error)
	go func() { ended <- l.Watch(ctx, func(e object.Event) { events <- e }) }()
	next := func(want object.EventKind) object.Event {
		t.Helper()
		for {
			select {
			case e := <-events:
				if e.Kind == want {
					return e
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("no event of kind %d", want)
			}
		}
	}
	p, s := tunnelPolicy(), keylessState()
	// Watch begins to listen some time after it was called.
	for listening := false; !listening; {
		apply(t, others, object.Replace, p, nil)
		select {
		case <-events:
			listening = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	apply(t, l, object.Delete, p, nil) // our own doing: no event
	apply(t, others, object.Add, s, nil)
	apply(t, others, object.Add, p, nil)
	if got := next(object.PolicyChanged).Policy; got != p {
		t.Errorf("added %q, want %q", got.Command(object.Add), p.Command(object.Add))
	}
	apply(t, others, object.Delete, p, nil)
	if got := next(object.PolicyChanged).Policy; got.Key() != p.Key() || got.Priority != p.Priority {
		t.Errorf("deleted %q", got.Command(object.Add))
	}
	apply(t, others, object.Delete, s, nil)
	if got := next(object.StateDeleted).State; got != s.Key() {
		t.Errorf("deleted %v", got)
	}
	apply(t, others, object.Add, object.Tunnel{Name: "mip6", MTU: 1400}, nil)
	device := next(object.DeviceChanged).Device
	if device.MTU != 1400 || device.Up || device.Index == 0 {
		t.Errorf("added %v", device)
	}
	apply(t, others, object.Delete, object.Tunnel{Name: "mip6", Index: device.Index}, nil)
	if got := next(object.DeviceDeleted).Device; got.Index != device.Index {
		t.Errorf("deleted %v", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Watch ended with %v", err)
	}
}

// The commands that objects print do what they say: the system's own tools
// understand them, and the kernel then holds the object.
func TestPrintedCommandsWork(t *testing.T) {
	l := open(t)
	tunnel := object.Tunnel{Name: "mip6", MTU: 1400, Up: true}
	shell(t, tunnel.Command(object.Add))
	shell(t, tunnel.Command(object.Replace))
	got, found, err := l.Tunnel("mip6")
	tunnel.Index = got.Index
	if err != nil || !found || got != tunnel {
		t.Fatalf("got %v, %t, %v, want %v", got, found, err, tunnel)
	}
	gate := object.Gate{Device: "mip6", Index: tunnel.Index, Classifier: true, Drop: true}
	shell(t, gate.Command(object.Add))
	if g, err := l.Gate(tunnel); err != nil || g != gate {
		t.Errorf("got %v, %v, want %v", g, err, gate)
	}
	policy, state := tunnelPolicy(), keylessState()
	signalling := object.Policy{
		Selector: object.Selector{
			Src: object.Host(agent), Dst: netip.MustParsePrefix("2001:db8:1::/64"),
			Protocol: object.MobilityHeader, Type: 6, Typed: true,
		},
		Direction: object.Out, Block: true,
	}
	route := object.Route{Device: "mip6", Index: tunnel.Index, Dst: object.Host(home), HomeAgent: agent, CareOf: careOf, HopLimit: 64}
	filter := object.Filter{Device: "mip6", Index: tunnel.Index, Handle: 1, CareOf: careOf, HomeAgent: agent, Source: object.Host(home)}
	objects := []object.Object{policy, signalling, state, route, filter}
	for _, o := range objects {
		shell(t, o.Command(object.Add))
		shell(t, o.Command(object.Replace))
	}
	if list, err := l.Policies(); err != nil || len(list) != 2 || !slices.Contains(list, policy) || !slices.Contains(list, signalling) {
		t.Errorf("got policies %v, error %v", list, err)
	}
	checkList(t, l.States, state)
	checkList(t, func() ([]object.Route, error) { return l.Routes(tunnel) }, route)
	// The command leaves the action's number to the kernel, so it is not quite
	// one of ours.
	checkList(t, func() ([]object.Filter, error) { return l.Filters(tunnel) },
		object.Filter{Device: "mip6", Index: tunnel.Index, Handle: 1})
	for _, o := range append(objects, gate, tunnel) {
		shell(t, o.Command(object.Delete))
	}
	checkList(t, l.Policies)
	checkList(t, l.States)
}

func shell(t *testing.T, command string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, output)
	}
}
