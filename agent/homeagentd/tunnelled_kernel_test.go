//go:build kerneltest

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/mobilenode"
	"homeagent/diameter/lab/testbed"
)

// A mobile node with one security association for all its packets, Binding Updates
// included, registers inside that tunnel, from a new care-of address too: its binding
// update there is not dropped for the outer source that nobody knows yet.
func TestH52_InsideTheTunnel(t *testing.T) {
	v := newTraveller(t, "", func(c *mobilenode.Config) {
		c.KeyManagement, c.Tunnelled, c.Protect = true, true, mobilenode.Protect{Payload: true}
	})
	v.register(testbed.CareOfAddressA)
	v.policies(3)
	v.pinged()
	before := v.ids(testbed.CareOfAddressA)
	if states, err := v.HomeAgent.Run(soon(t), "ip", "xfrm", "state", "list", "proto", "esp"); err != nil || strings.Contains(states, "mode transport") {
		t.Errorf("security associations besides the tunnel's: %v\n%s", err, states)
	}

	capture := v.capture("foreign-b")
	traffic, err := v.Correspondent.SendTraffic(v.home, 10*time.Millisecond)
	v.must(err)
	v.must(v.MoveTo(v.AtForeignB()))
	moved := v.register(testbed.CareOfAddressB)
	if moved.Security != mobilenode.Followed {
		t.Errorf("after the move: %v", moved.Security)
	}
	v.pinged()
	t.Logf("a move inside the tunnel, under traffic: %v; %v", moved, traffic.Stop())
	v.concealed(capture)
	if after := v.ids(testbed.CareOfAddressB); len(before) != 1 || !slices.Equal(before, after) {
		t.Errorf("IKE_SAs before the move %v, after it %v", before, after)
	}
	v.rekeyed("payload")
	if again := v.register(testbed.CareOfAddressB); again.Updates != 1 {
		t.Errorf("a refresh after rekeying took %d Binding Updates", again.Updates)
	}

	v.stealsInside(v.bootstrap(t, 2))

	v.daemon.Kill()
	v.startDaemon(t)
	v.register(testbed.CareOfAddressB)
	_, err = v.node.Leave(soon(t))
	v.must(err)
	if all := v.bindings(t).Bindings; len(all) != 1 || all[0].State != "lingering" {
		t.Errorf("bindings after leaving: %+v", all)
	}
}

// rekeyed has the mobile node rekey a CHILD_SA and waits until the home agent sends
// under the new one only.
func (v *traveller) rekeyed(child string) {
	v.t.Helper()
	before := v.outbound()
	if out, err := v.mnCharon.Swanctl("--rekey", "--child", child, "--ike", "home-"+v.home.String()); err != nil {
		v.t.Fatalf("rekeying %s: %v: %s", child, err, out)
	}
	v.await(v.t, "the other security association", func() bool {
		now := v.outbound()
		return len(now) == 1 && !slices.Equal(before, now)
	})
}

// outbound are the SPIs of the home agent's security associations to the mobile node at
// foreign link B.
func (v *traveller) outbound() []string {
	v.t.Helper()
	text, err := v.HomeAgent.Run(soon(v.t), "ip", "xfrm", "state", "list", "dst", testbed.CareOfAddressB.String(), "proto", "esp")
	v.must(err)
	return spis.FindAllString(text, -1)
}

var spis = regexp.MustCompile(`spi 0x[0-9a-f]+`)

// stealsInside sends a Binding Update for another's home address inside the mobile
// node's own tunnel, which takes whatever its sender's policies give it.
func (v *traveller) stealsInside(other netip.Addr) {
	v.t.Helper()
	before := v.bindings(v.t)
	commands := fmt.Sprintf(`ip -6 addr add %[1]s/128 dev lo nodad
ip xfrm policy add src %[1]s/128 dst %[2]s/128 proto 135 dir out priority 5 tmpl src %[3]s dst %[2]s proto esp mode tunnel reqid 1003`,
		other, testbed.HomeAgentAddress, testbed.CareOfAddressB)
	if out, err := v.MobileNode.Run(soon(v.t), "sh", "-e", "-c", commands); err != nil {
		v.t.Fatalf("%v: %s", err, out)
	}
	update, err := mobility.Append(nil, &mobility.BindingUpdate{
		Sequence: 1, Lifetime: 100, Flags: mobility.FlagAcknowledge | mobility.FlagHomeRegistration,
		Options: mobility.Options{AlternateCareOf: testbed.CareOfAddressB},
	})
	v.must(err)
	v.must(v.MobileNode.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, mobilityHeader)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return errors.Join(unix.Bind(fd, &unix.SockaddrInet6{Addr: other.As16()}),
			unix.Sendto(fd, update, 0, &unix.SockaddrInet6{Addr: testbed.HomeAgentAddress.As16()}))
	}))
	v.counted(v.t, "not_protected", before, 1)
	if all := v.bindings(v.t).Bindings; len(all) != 1 {
		v.t.Errorf("bindings after the theft: %+v", all)
	}
}
