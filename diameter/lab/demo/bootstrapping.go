package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"homeagent/diameter/lab/aaahome"
	"homeagent/diameter/lab/mobilenode"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike/charontest"
	"homeagent/ike/vici"
)

func (s *scene) buildLaboratory(ctx context.Context) ([]string, error) {
	lab, err := testbed.NewMobile(s.config.Folder)
	if err != nil {
		return nil, err
	}
	s.lab = lab
	if err := lab.MoveTo(lab.AtForeignA()); err != nil {
		return nil, err
	}
	rtt, err := lab.MobileNode.Ping(ctx, testbed.HomeAgentAddress)
	return []string{
		fmt.Sprintf("home link %s with the home agent %s", testbed.HomePrefix, testbed.HomeAgentAddress),
		fmt.Sprintf("foreign links A %s and B %s; the mobile node is on A, at %s", testbed.ForeignAPrefix, testbed.ForeignBPrefix, testbed.CareOfAddressA),
		fmt.Sprintf("remote link %s with AAA server and correspondent; a router joins all", testbed.RemotePrefix),
		fmt.Sprintf("the mobile node pings the home agent: %v", rtt.Round(10*time.Microsecond)),
	}, err
}

func (s *scene) startStrongswan(ctx context.Context) (seen []string, err error) {
	if s.agentIKE, err = s.lab.HomeAgent.StartCharon(charontest.Config{}); err != nil {
		return nil, err
	}
	if s.nodeIKE, err = s.lab.MobileNode.StartCharon(charontest.Config{}); err != nil {
		return nil, err
	}
	for _, charon := range []*testbed.Charon{s.agentIKE, s.nodeIKE} {
		err := strongswan.Ask(ctx, charon.Socket(), func(_ context.Context, link *vici.Link) error {
			seen = append(seen, fmt.Sprintf("%s: strongSwan %s, process %d", charon, link.Version, charon.Pid()))
			return nil
		})
		if err != nil {
			return seen, err
		}
	}
	return seen, nil
}

func (s *scene) startDaemon(ctx context.Context) ([]string, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	socket := s.file("notify")
	service, err := listen(socket)
	if err != nil {
		return nil, err
	}
	s.service = service
	s.daemon, err = s.lab.HomeAgent.Start(testbed.Program{
		Name: "homeagentd", Path: s.binary("homeagentd"),
		Arguments: []string{"--config", s.file("homeagentd.toml")}, Environment: []string{"NOTIFY_SOCKET=" + socket},
	})
	if err != nil {
		return nil, err
	}
	if err := s.daemon.Await(ctx, "ready", service.isReady); err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("process %d is ready: %s", s.daemon.ID(), service.status()),
		"its store is " + filepath.Base(s.file("state.db")) + ", embedded, and empty",
	}, nil
}

func (s *scene) sendHMR(ctx context.Context) ([]string, error) {
	output, err := s.lab.AAA.Run(ctx, s.binary("homeagent-lab"), "aaa-home",
		"--connect", "["+testbed.HomeAgentAddress.String()+"]:5868", "--ha-host", agentIdentity, "--host", aaaIdentity,
		"--tls-cert", s.file("aaa.pem"), "--tls-key", s.file("aaa-key.pem"), "--tls-ca", s.file("ca.pem"),
		"--users", userName, "--key-file", s.file("mn1.key"), "--key-id", fmt.Sprint(keyID), "--json")
	record, decodeErr := firstRecord(output)
	if err := errors.Join(err, decodeErr); err != nil {
		return nil, err
	}
	s.home, err = netip.ParseAddr(record.HomeAddress)
	if err != nil {
		return nil, fmt.Errorf("reading the home address in the HMA: %w", err)
	}
	return []string{
		fmt.Sprintf("HMR: User-Name %s, MIPv6-AAA-Key of 64 octets, fingerprint %s, key id %d", record.UserName, record.KeyFingerprint, record.KeyID),
		fmt.Sprintf("HMA: Result-Code %d %s after %.1f ms", record.ResultCode, record.Result, 1000*record.Seconds),
		fmt.Sprintf("home address %s, home agent %s", record.HomeAddress, record.HomeAgent),
	}, nil
}

// firstRecord reads the first answer of aaa-home's JSON.
func firstRecord(output string) (aaahome.Record, error) {
	var record aaahome.Record
	if err := json.NewDecoder(strings.NewReader(output)).Decode(&record); err != nil {
		return record, fmt.Errorf("reading what homeagent-lab aaa-home wrote: %w: %q", err, output)
	}
	if !record.Expected {
		return record, fmt.Errorf("the HMR was answered with %d %s: %s", record.ResultCode, record.Result, record.ErrorMessage)
	}
	return record, nil
}

func (s *scene) lookIntoStrongswan(ctx context.Context) (seen []string, err error) {
	err = strongswan.Ask(ctx, s.agentIKE.Socket(), func(ctx context.Context, link *vici.Link) error {
		keys, err := link.SharedIDs(ctx)
		conns, connsErr := link.ConnNames(ctx)
		if err := errors.Join(err, connsErr); err != nil {
			return err
		}
		if len(keys) != 1 || len(conns) != 1 {
			return fmt.Errorf("strongSwan holds keys %q and connections %q, expected one of each", keys, conns)
		}
		seen = append(seen, "shared key "+keys[0], "connection "+conns[0])
		return nil
	})
	return seen, err
}

func (s *scene) secure(ctx context.Context) ([]string, error) {
	err := s.lab.MobileNode.Do(func() (err error) {
		s.node, err = mobilenode.Open(mobilenode.Config{
			UserName: userName, HomeAddress: s.home, HomeAgent: testbed.HomeAgentAddress,
			HomeAgentIdentity: agentIdentity, Key: s.key, KeyID: keyID,
			Socket: s.nodeIKE.Socket(), Interface: testbed.Interface, KeyManagement: true,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	association, err := s.node.Secure(ctx, testbed.CareOfAddressA)
	if err != nil {
		return nil, err
	}
	ike := association.IKE
	seen := []string{
		fmt.Sprintf("IKE_SA %s: %s[%s] - %s[%s], by pre-shared key", ike.State, ike.Local, userName, ike.Remote, ike.RemoteID),
	}
	for _, child := range ike.Children {
		seen = append(seen, fmt.Sprintf("CHILD_SA %s: transport mode, Mobility Headers between %s and %s", child.State, s.home, testbed.HomeAgentAddress))
	}
	seen = append(seen, fmt.Sprintf("after %s", seconds(association.Took)))
	if !ike.IsEstablished() || len(ike.Children) != 1 {
		return seen, fmt.Errorf("IKE_SA with %d children is %s", len(ike.Children), ike.State)
	}
	return seen, nil
}

func (s *scene) lookIntoKernels(context.Context) (seen []string, err error) {
	for _, host := range []*testbed.Host{s.lab.HomeAgent, s.lab.MobileNode} {
		states, err := host.Netlink().XfrmStateList(unix.AF_INET6)
		if err != nil {
			return seen, fmt.Errorf("listing the security associations of %s: %w", host, err)
		}
		lines := espStates(states, s.home, testbed.HomeAgentAddress)
		if len(lines) != 2 {
			return seen, fmt.Errorf("%s has %d ESP states between %s and %s, expected 2", host, len(lines), s.home, testbed.HomeAgentAddress)
		}
		for _, line := range lines {
			seen = append(seen, fmt.Sprintf("%-2s: %s", host, line))
		}
	}
	return seen, nil
}

// espStates describes those between two addresses, either way.
func espStates(states []netlink.XfrmState, a, b netip.Addr) []string {
	var lines []string
	for _, state := range states {
		from, _ := netip.AddrFromSlice(state.Src)
		to, _ := netip.AddrFromSlice(state.Dst)
		ours := from == a && to == b || from == b && to == a
		if !ours || state.Proto != netlink.XFRM_PROTO_ESP || state.Mode != netlink.XFRM_MODE_TRANSPORT {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s > %s esp spi 0x%08x mode %s", from, to, uint32(state.Spi), state.Mode))
	}
	return lines
}

// lookAtSessions runs the operator's tool.
func (s *scene) lookAtSessions(ctx context.Context) ([]string, error) {
	output, err := s.control(ctx, "sessions")
	if err == nil && !strings.Contains(output, userName) {
		err = fmt.Errorf("homeagentctl sessions does not show %s:\n%s", userName, output)
	}
	return prompt("homeagentctl sessions", output), err
}

func (s *scene) control(ctx context.Context, command ...string) (string, error) {
	return s.lab.HomeAgent.Run(ctx, s.binary("homeagentctl"), append([]string{"--socket", s.file("control.sock")}, command...)...)
}

// prompt shows a command and its output as a terminal would.
func prompt(command, output string) []string {
	return append([]string{"$ " + command}, strings.Split(strings.TrimRight(output, "\n"), "\n")...)
}
