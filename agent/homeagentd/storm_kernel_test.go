//go:build kerneltest

package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/bench/crowd"
	"homeagent/diameter/lab/testbed"
)

// stormSize is how many mobile nodes there are in a storm.
const stormSize = 64

// A storm is many mobile nodes behind one of the laboratory's links. They were
// bootstrapped by HMRs; their security associations are made by hand.
type storm struct {
	*system
	nodes *crowd.Crowd
	homes []netip.Addr
}

func newStorm(t *testing.T) *storm {
	s := &storm{system: newSystem(t, "")}
	link, err := s.Router.Netlink().LinkByName(s.ForeignA.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Router.AddRoute(netip.MustParsePrefix("2001:db8:dd::/48"), testbed.CareOfAddressA); err != nil {
		t.Fatal(err)
	}
	nodes := make([]crowd.Node, stormSize)
	for i := range nodes {
		nodes[i] = crowd.Node{
			HomeAddress: s.bootstrap(t, i), HomeAgent: testbed.HomeAgentAddress, Gateway: link.Attrs().HardwareAddr,
			ReqID: 1_000_001 + uint32(i), // the home agent numbers its sessions in their order
			SPI:   0x10000 + 2*uint32(i),
		}
		s.homes = append(s.homes, nodes[i].HomeAddress)
		if err := nodes[i].Associate(s.HomeAgent.Netlink()); err != nil {
			t.Fatal(err)
		}
	}
	err = s.MobileNode.Do(func() (err error) {
		s.nodes, err = crowd.Open(testbed.Interface, nodes)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	go func() { running <- s.nodes.Run() }()
	t.Cleanup(func() {
		if err := s.nodes.Close(); err != nil {
			t.Error(err)
		}
		if err := <-running; err != nil {
			t.Error(err)
		}
	})
	return s
}

// stormPlace is the care-of address of node i at a place.
func stormPlace(i, place int) netip.Addr {
	octets := netip.MustParseAddr("2001:db8:dd::").As16()
	octets[7], octets[15] = byte(place), byte(i+1)
	return netip.AddrFrom16(octets)
}

// update registers node i at a place and looks at the acknowledgement.
func (s *storm) update(ctx context.Context, i, place int, lifetime time.Duration) error {
	answer, err := s.nodes.Update(ctx, i, crowd.Update{CareOf: stormPlace(i, place), Lifetime: lifetime})
	if err == nil && (answer.Status != mobility.StatusAccepted || answer.Lifetime != lifetime) {
		err = fmt.Errorf("node %d at place %d: %v for %v, want accepted for %v", i, place, answer.Status, answer.Lifetime, lifetime)
	}
	return err
}

// stormMoves is how often each node moves.
const stormMoves = 5

// leaves says who deregisters at the end.
func leaves(i int) bool { return i%8 == 7 }

// live is the life of node i: it registers, moves again and again, refreshes what
// it has, and some leave.
func (s *storm) live(ctx context.Context, i int) error {
	for place := range stormMoves + 1 {
		for range 1 + (i+place)%3 {
			if err := s.update(ctx, i, place, 10*time.Minute); err != nil {
				return err
			}
		}
	}
	if leaves(i) {
		return s.update(ctx, i, stormMoves, 0)
	}
	return nil
}

// wanted lists the bindings that are left, "home address care-of address".
func (s *storm) wanted() []string {
	var list []string
	for i, home := range s.homes {
		if !leaves(i) {
			list = append(list, fmt.Sprint(home, " ", stormPlace(i, stormMoves)))
		}
	}
	slices.Sort(list)
	return list
}

// Sixty-four mobile nodes register, move and refresh at the same time. Each
// update is answered as it should be, and in the end the daemon and the kernel
// have exactly what the last updates said.
func TestStorm(t *testing.T) {
	s := newStorm(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var all errgroup.Group
	for i := range stormSize {
		all.Go(func() error { return s.live(ctx, i) })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, held := range []struct {
		where string
		list  []string
	}{
		{"the daemon", s.registered(t)},
		{"routes", pairs(s.shows(t, "ip", "-6", "route", "show", "dev", "mip6"), "dst")},
		{"source checks", pairs(s.shows(t, "tc", "filter", "show", "dev", "mip6", "ingress"), "enc_src_ip")},
	} {
		if diff := cmp.Diff(s.wanted(), held.list); diff != "" {
			t.Errorf("in %s (-want +got):\n%s", held.where, diff)
		}
	}
	if n, err := s.nodes.Strange(); n > 0 {
		t.Errorf("%d packets were no acknowledgement that a node waited for, the last one: %v", n, err)
	}
	status, err := s.ctl.Status(t.Context())
	if err != nil || !status.Kernel.InSync || status.Kernel.Repairs != 0 {
		t.Errorf("the kernel had to be repaired: %+v, %v", status.Kernel, err)
	}
}

// registered lists the bindings in force that the daemon knows.
func (s *storm) registered(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, b := range s.bindings(t).Bindings {
		if b.State == "bound" {
			list = append(list, fmt.Sprint(b.HomeAddress, " ", b.CareOf))
		}
	}
	slices.Sort(list)
	return list
}

// shows is what a command prints on the home agent.
func (s *storm) shows(t *testing.T, command string, arguments ...string) string {
	t.Helper()
	text, err := s.HomeAgent.Run(t.Context(), command, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// pairs finds in what ip or tc prints of each home address the care-of address
// that it stands with: a route begins with the former, a filter has it as src_ip
// behind the latter.
func pairs(text, careOfKey string) []string {
	var (
		list         []string
		home, careOf string
	)
	words := strings.Fields(text)
	for i, word := range words {
		if a, err := netip.ParseAddr(word); err == nil && testbed.HomePrefix.Contains(a) && a != testbed.HomeAgentAddress {
			home = word
		}
		if word == careOfKey && i+1 < len(words) {
			careOf = words[i+1]
		}
		if home != "" && careOf != "" {
			list = append(list, home+" "+careOf)
			home, careOf = "", ""
		}
	}
	slices.Sort(list)
	return list
}
