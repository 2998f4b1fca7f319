//go:build kerneltest

package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"homeagent/diameter/lab/testbed"
)

// seen are the fields that tshark is asked for, by its names.
var seen = []string{
	"ipv6.src", "ipv6.dst", "ipv6.opt.mipv6.home_address",
	"ipv6.routing.type", "ipv6.routing.segleft", "ipv6.routing.mipv6.home_address", "mip6.proto", "mip6.mhtype",
	"mip6.bu.seqnr", "mip6.bu.a_flag", "mip6.bu.h_flag", "mip6.bu.l_flag", "mip6.bu.k_flag", "mip6.nemo.bu.r_flag", "mip6.bu.lifetime", "mip6.acoa.acoa",
	"mip6.nemo.mnp.pfl", "mip6.nemo.mnp.mnp",
	"mip6.ba.status", "mip6.ba.k_flag", "mip6.nemo.ba.r_flag", "mip6.ba.seqnr", "mip6.ba.lifetime",
	"mip6.be.status", "mip6.be.haddr",
}

// What is on the wire is read by tshark, which gets the keys and knows nothing of
// this project.
func TestH9_H48_H56_OnTheWire(t *testing.T) {
	s := newSystem(t, physicalHomeLink+mobileNetworks)
	node := s.stranger(t, 1)
	node.secure(testbed.CareOfAddressA)
	capture, err := s.Router.Capture(soon(t), s.ForeignA.String(), "ip6")
	node.must(err)
	keys := node.associations() // which the de-registration ends
	away := alternate(testbed.CareOfAddressA)
	node.asks([]habit{
		{"registration", update(0x1234, flagsAHK|flagL|flagR, 11, slices.Concat(away, network("2001:db8:100:7::", 64))...), acknowledgement{Flags: ackK | ackR, Sequence: 0x1234, Lifetime: 11}},
		{"refusal", update(0x1233, flagsAH, 10), acknowledgement{Status: outdated, Sequence: 0x1234}},
	})
	wire := node.wire(s.MobileNode, testbed.Interface)
	node.send([]byte{59, 1, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	node.mobility(wire, 7)
	node.asks([]habit{{"de-registration", update(0x1235, flagsAH, 0, away...), acknowledgement{Sequence: 0x1235}}})
	want := node.wanted()
	var got []map[string]string
	s.await(t, "tshark has read all messages", func() bool {
		got = node.decode(capture, keys)
		return len(got) >= len(want)
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("on the wire (-want +got):\n%s", diff)
	}
}

// wanted are the messages in order, each without the fields that it does not have.
func (s *stranger) wanted() []map[string]string {
	sent := fmt.Sprintf("ipv6.src=%s ipv6.dst=%s ipv6.opt.mipv6.home_address=%s mip6.proto=59 ", testbed.CareOfAddressA, testbed.HomeAgentAddress, s.home)
	told := fmt.Sprintf("ipv6.src=%s ipv6.dst=%s mip6.proto=59 ", testbed.HomeAgentAddress, testbed.CareOfAddressA)
	answer := told + fmt.Sprintf("ipv6.routing.type=2 ipv6.routing.segleft=1 ipv6.routing.mipv6.home_address=%s mip6.mhtype=6 ", s.home)
	const option = " mip6.acoa.acoa=2001:db8:2::100"
	lines := []string{
		sent + "mip6.mhtype=5 mip6.bu.seqnr=4660 mip6.bu.a_flag=1 mip6.bu.h_flag=1 mip6.bu.l_flag=1 mip6.bu.k_flag=1 mip6.nemo.bu.r_flag=1 mip6.bu.lifetime=11" +
			option + " mip6.nemo.mnp.pfl=64 mip6.nemo.mnp.mnp=2001:db8:100:7::",
		answer + "mip6.ba.status=0 mip6.ba.k_flag=1 mip6.nemo.ba.r_flag=1 mip6.ba.seqnr=4660 mip6.ba.lifetime=11",
		sent + "mip6.mhtype=5 mip6.bu.seqnr=4659 mip6.bu.a_flag=1 mip6.bu.h_flag=1 mip6.bu.l_flag=0 mip6.bu.k_flag=0 mip6.nemo.bu.r_flag=0 mip6.bu.lifetime=10",
		answer + "mip6.ba.status=135 mip6.ba.k_flag=0 mip6.nemo.ba.r_flag=0 mip6.ba.seqnr=4660 mip6.ba.lifetime=0",
		sent + "mip6.mhtype=77",
		told + "mip6.mhtype=7 mip6.be.status=2 mip6.be.haddr=" + s.home.String(),
		sent + "mip6.mhtype=5 mip6.bu.seqnr=4661 mip6.bu.a_flag=1 mip6.bu.h_flag=1 mip6.bu.l_flag=0 mip6.bu.k_flag=0 mip6.nemo.bu.r_flag=0 mip6.bu.lifetime=0" + option,
		answer + "mip6.ba.status=0 mip6.ba.k_flag=0 mip6.nemo.ba.r_flag=0 mip6.ba.seqnr=4661 mip6.ba.lifetime=0",
	}
	messages := make([]map[string]string, len(lines))
	for i, line := range lines {
		messages[i] = map[string]string{}
		for _, field := range strings.Fields(line) {
			name, value, _ := strings.Cut(field, "=")
			messages[i][name] = value
		}
	}
	return messages
}

// decode lets tshark read the Mobility Headers that were captured, those in ESP
// included and those that an ICMPv6 error quotes left out.
func (s *stranger) decode(capture *testbed.Capture, keys []string) []map[string]string {
	s.t.Helper()
	arguments := []string{"-n", "-r", capture.Path, "-o", "esp.enable_encryption_decode:TRUE"}
	for _, key := range keys {
		arguments = append(arguments, "-o", key)
	}
	arguments = append(arguments, "-Y", "mipv6 && !icmpv6", "-T", "fields", "-E", "separator=|")
	for _, field := range seen {
		arguments = append(arguments, "-e", field)
	}
	output, err := s.Router.Run(s.t.Context(), "tshark", arguments...)
	s.must(err)
	var messages []map[string]string
	for line := range strings.Lines(output) {
		message := map[string]string{}
		for i, value := range strings.Split(strings.TrimSpace(line), "|") {
			if value != "" {
				message[seen[i]] = value
			}
		}
		messages = append(messages, message)
	}
	return messages
}

// associations are the mobile node's security associations, as tshark's table of
// them is written.
func (s *stranger) associations() []string {
	s.t.Helper()
	states, err := s.MobileNode.Netlink().XfrmStateList(netlink.FAMILY_V6)
	s.must(err)
	var all []string
	for _, state := range states {
		if state.Proto == netlink.XFRM_PROTO_ESP && state.Aead != nil && (state.Src.Equal(net.IP(s.home.AsSlice())) || state.Dst.Equal(net.IP(s.home.AsSlice()))) {
			all = append(all, fmt.Sprintf(`uat:esp_sa:"IPv6","*","*","0x%08x","AES-GCM with 16 octet ICV [RFC4106]","0x%x","NULL",""`, state.Spi, state.Aead.Key))
		}
	}
	return all
}
