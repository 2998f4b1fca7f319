package doctor_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
)

func TestConfiguration(t *testing.T) {
	t.Parallel()
	at := config.Position{File: "homeagent.toml", Line: 3}
	try(t, "configuration", []row{
		{"right", nil, "ok /etc/homeagent/homeagent.toml is complete and right"},
		{"nobody bootstraps", func(s *scene) { s.cfg.Diameter.Peers[0].Bootstrapper = false },
			"ok /etc/homeagent/homeagent.toml is complete and right\nwarn diameter.peer.bootstrapper: no peer may bootstrap mobile nodes, so every HMR is refused (write bootstrapper = true in the [[diameter.peer]] of the AAA server)"},
		{"everybody's IKE identity", func(s *scene) { s.cfg.IKE.Identity = "*@example.com" },
			"fail ike.identity: it cannot be the home agent's IKE identity: the user name \"*@example.com\" has an asterisk, which charon reads as a wildcard"},
		{"closed to the daemon", func(s *scene) { s.put("/etc/homeagent/homeagent.toml", "", 0o600, root, root) },
			"fail /etc/homeagent/homeagent.toml cannot be read by the user homeagent, as whom the daemon runs -> systemd-tmpfiles --create homeagent.conf"},
		{"its folder is closed to the daemon", func(s *scene) { s.put("/etc/homeagent", "", fs.ModeDir|0o700, root, root) },
			"fail /etc/homeagent cannot be read by the user homeagent, as whom the daemon runs -> systemd-tmpfiles --create homeagent.conf"},
		{"closed to us", func(s *scene) { s.err = fs.ErrPermission },
			"warn the configuration /etc/homeagent/homeagent.toml cannot be checked without root -> sudo homeagentctl doctor"},
		{"wrong", func(s *scene) {
			s.err = config.Problems{{At: at, Key: "diameter.realm", Text: "this must be set"}, {At: at, Key: "x", Text: "y"}}
		}, "fail homeagent.toml:3: diameter.realm: this must be set, and 1 more that the daemon's --check tells -> homeagentctl init"},
		{"wrong otherwise", func(s *scene) { s.err = config.Problems{{At: at, Key: "x", Text: "there is no such section"}} },
			"fail homeagent.toml:3: x: there is no such section -> homeagentd --check --config /etc/homeagent/homeagent.toml"},
		{"another error", func(s *scene) { s.err = errors.New("it is a folder") },
			"fail it is a folder -> homeagentd --check --config /etc/homeagent/homeagent.toml"},
	})
}

func TestAccount(t *testing.T) {
	t.Parallel()
	try(t, "account", []row{
		{"there", nil, "ok [homeagent] user and group homeagent exist\nok [adm] the group adm of control.group exists"},
		{"no user", func(s *scene) { s.box.Users = nil; s.cfg.Control.Group = "" },
			"fail [homeagent] the user or group homeagent does not exist, as whom the daemon runs -> systemd-sysusers homeagent.conf"},
		{"no user, and no unit", func(s *scene) {
			s.box.Users = nil
			s.remove("/lib/systemd/system/homeagent.service")
			s.cfg.Control.Group = "nobodys"
		}, "ok [homeagent] no unit of systemd is installed that would need the user homeagent\n" +
			"fail [nobodys] control.group: the group nobodys does not exist -> groupadd --system nobodys"},
	})
}

func TestModule(t *testing.T) {
	t.Parallel()
	try(t, "module", []row{
		{"loaded or built in", nil, "ok the kernel has mip6, esp6, xfrm_user, ip6_tunnel, cls_flower, sch_ingress, act_gact"},
		{"can be loaded", func(s *scene) { s.remove("/sys/module/mip6"); s.remove("/sys/module/esp6") },
			"warn not loaded: mip6, esp6 -> modprobe -a mip6 esp6"},
		{"cannot be loaded", func(s *scene) { s.remove("/sys/module/ip6_tunnel"); s.remove("/sys/module/mip6") },
			"fail this kernel lacks ip6_tunnel (the tunnel to mobile nodes) -> apt-get install linux-image-$(dpkg --print-architecture) && reboot\n" +
				"warn not loaded: mip6 -> modprobe -a mip6"},
		{"nothing known", func(s *scene) {
			s.remove("/sys/module/ip6_tunnel")
			s.remove("/lib/modules/6.1.0-1-amd64/modules.builtin")
			s.remove("/lib/modules/6.1.0-1-amd64/modules.dep")
		}, "warn not loaded: ip6_tunnel, act_gact -> modprobe -a ip6_tunnel act_gact"},
		{"no package loads them", func(s *scene) {
			s.remove("/sys/module/mip6")
			s.remove("/lib/systemd/system/homeagent.service")
		}, `warn not loaded: mip6 -> modprobe -a mip6 => printf '%s\n' mip6 >>/etc/modules-load.d/mobile-ipv6.conf`},
	})
}

func TestForwarding(t *testing.T) {
	t.Parallel()
	try(t, "forwarding", []row{
		{"on", nil, "ok the kernel forwards IPv6 packets"},
		{"off", func(s *scene) { s.box.Net.Forwarding = false },
			"fail the kernel does not forward IPv6 packets, so mobile nodes get none -> sysctl -w net.ipv6.conf.all.forwarding=1 => echo net.ipv6.conf.all.forwarding=1 >>/etc/sysctl.d/90-homeagent.conf"},
		{"off at an interface", func(s *scene) { s.box.Net.Interfaces[1].Forwarding = false },
			"warn [eth0] packets that come in at eth0 are not forwarded -> sysctl -w net.ipv6.conf.eth0.forwarding=1 => echo net.ipv6.conf.eth0.forwarding=1 >>/etc/sysctl.d/90-homeagent.conf"},
		{"not known", func(s *scene) { s.box.NetErr = errors.New("no netlink") }, "warn forwarding cannot be checked: no netlink"},
	})
}

func TestRouterAdvertisements(t *testing.T) {
	t.Parallel()
	advertised := func(accept string) func(*scene) {
		return func(s *scene) {
			s.box.RouteList[0].Advertised, s.box.RouteList[0].Interface = true, "eth0.7"
			s.put("/proc/sys/net/ipv6/conf/eth0.7/accept_ra", accept, 0o644, root, root)
		}
	}
	try(t, "router_advertisements", []row{
		{"none needed", nil, "ok no default route depends on router advertisements that are ignored"},
		{"taken", advertised("2\n"), "ok no default route depends on router advertisements that are ignored"},
		{"ignored", advertised("1\n"), "warn [eth0.7] the default route comes from router advertisements at eth0.7, which a box that forwards ignores: it goes away when it expires -> sysctl -w net/ipv6/conf/eth0.7/accept_ra=2 => echo net/ipv6/conf/eth0.7/accept_ra=2 >>/etc/sysctl.d/90-homeagent.conf"},
		{"not known", func(s *scene) { s.box.NetErr = errors.New("no netlink") }, "warn the default route cannot be checked: no netlink"},
	})
}

func TestAddress(t *testing.T) {
	t.Parallel()
	add := func(a string) func(*scene) {
		return func(s *scene) {
			s.cfg.HomeAgent.Addresses = append(s.cfg.HomeAgent.Addresses, netip.MustParseAddr(a))
		}
	}
	flag := func(change func(*doctor.Interface)) func(*scene) {
		return func(s *scene) { change(&s.box.Net.Interfaces[1]) }
	}
	try(t, "address", []row{
		{"there", nil, "ok the home agent's address is on an interface that is up"},
		{"missing, of a link", add("2001:db8:f::2"), "ok 1 of 2 home agent addresses are on an interface that is up\n" +
			"fail [2001:db8:f::2] the home agent's address 2001:db8:f::2 is on no interface -> ip address add 2001:db8:f::2/64 dev eth0 => \"up ip address add 2001:db8:f::2/64 dev eth0\" below \"iface eth0\" in /etc/network/interfaces, or \"Address=2001:db8:f::2/64\" below \"[Network]\" in the interface's file of /etc/systemd/network"},
		{"missing, of no link", add("2001:db8:9::2"), "ok 1 of 2 home agent addresses are on an interface that is up\n" +
			"fail [2001:db8:9::2] the home agent's address 2001:db8:9::2 is on no interface -> ip address add 2001:db8:9::2/128 dev lo => \"up ip address add 2001:db8:9::2/128 dev lo\" below \"iface lo\" in /etc/network/interfaces, or \"Address=2001:db8:9::2/128\" below \"[Network]\" in the interface's file of /etc/systemd/network"},
		{"missing, of the home link", func(s *scene) {
			s.cfg.Mobility.HomeLink, s.cfg.Mobility.Interface = config.Physical, "eth1"
			s.cfg.HomeAgent.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8:1::1")}
		}, "fail [2001:db8:1::1] the home agent's address 2001:db8:1::1 is on no interface -> ip address add 2001:db8:1::1/64 dev eth1 => \"up ip address add 2001:db8:1::1/64 dev eth1\" below \"iface eth1\" in /etc/network/interfaces, or \"Address=2001:db8:1::1/64\" below \"[Network]\" in the interface's file of /etc/systemd/network"},
		{"several", func(s *scene) {
			add("2001:db8:f::2")(s)
			s.box.Net.Interfaces[0].Addresses = append(s.box.Net.Interfaces[0].Addresses, address("2001:db8:f::2/128"))
		}, "ok 2 home agent addresses are on an interface that is up"},
		{"down", flag(func(i *doctor.Interface) { i.Up = false }),
			"fail [2001:db8:f::1] the interface eth0 with the home agent's address 2001:db8:f::1 is down -> ip link set eth0 up => \"auto eth0\" in /etc/network/interfaces, or a file for it in /etc/systemd/network"},
		{"duplicate", flag(func(i *doctor.Interface) { i.Addresses[0].Duplicate = true }),
			"fail [2001:db8:f::1] another node on the link of eth0 has the home agent's address 2001:db8:f::1 -> ip -6 address show dev eth0"},
		{"tentative", flag(func(i *doctor.Interface) { i.Addresses[0].Tentative = true }),
			"warn [2001:db8:f::1] the home agent's address 2001:db8:f::1 is still probed for duplicates on eth0"},
		{"not known", func(s *scene) { s.box.NetErr = errors.New("no netlink") }, "warn the home agent's addresses cannot be checked: no netlink"},
	})
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	route := func(r doctor.Route) func(*scene) {
		return func(s *scene) { s.box.RouteList = append(s.box.RouteList[:2], r) }
	}
	physical := func(interfaceOfRoute string) func(*scene) {
		return func(s *scene) {
			s.cfg.Mobility.HomeLink, s.cfg.Mobility.Interface = config.Physical, "eth1"
			route(doctor.Route{To: netip.MustParsePrefix("2001:db8:1::/64"), Interface: interfaceOfRoute})(s)
		}
	}
	try(t, "prefix", []row{
		{"ends here", nil, "ok [2001:db8:1::/64] packets to home addresses of 2001:db8:1::/64 that nobody registered end here"},
		{"no route at all", func(s *scene) { s.box.RouteList = nil },
			"ok [2001:db8:1::/64] packets to home addresses of 2001:db8:1::/64 that nobody registered end here"},
		{"goes back", func(s *scene) { s.box.RouteList = s.box.RouteList[:2] },
			"warn [2001:db8:1::/64] packets to home addresses of 2001:db8:1::/64 that nobody registered are sent on to fe80::1, which sends them back -> ip -6 route add unreachable 2001:db8:1::/64 => \"up ip -6 route add unreachable 2001:db8:1::/64\" below \"iface lo\" in /etc/network/interfaces, or \"Destination=2001:db8:1::/64\" and \"Type=unreachable\" below \"[Route]\" in the interface's file of /etc/systemd/network"},
		{"all local", route(doctor.Route{To: netip.MustParsePrefix("2001:db8:1::/64"), Interface: "lo"}),
			"warn [2001:db8:1::/64] every address of 2001:db8:1::/64 is taken for one of this box, registered or not -> ip -6 route replace unreachable 2001:db8:1::/64 => \"up ip -6 route replace unreachable 2001:db8:1::/64\" below \"iface lo\" in /etc/network/interfaces, or \"Destination=2001:db8:1::/64\" and \"Type=unreachable\" below \"[Route]\" in the interface's file of /etc/systemd/network"},
		{"on a link", route(doctor.Route{To: netip.MustParsePrefix("2001:db8:1::/64"), Interface: "eth0"}),
			"ok [2001:db8:1::/64] 2001:db8:1::/64 is on the link of eth0"},
		{"on the home link", physical("eth1"), "ok [2001:db8:1::/64] 2001:db8:1::/64 is on the home link at eth1"},
		{"on another link", physical("eth0"), "fail [2001:db8:1::/64] the home prefix 2001:db8:1::/64 is not on the link of eth1 -> ip -6 route add 2001:db8:1::/64 dev eth1 => \"up ip -6 route add 2001:db8:1::/64 dev eth1\" below \"iface eth1\" in /etc/network/interfaces, or \"Destination=2001:db8:1::/64\" below \"[Route]\" in the interface's file of /etc/systemd/network"},
		{"not known", func(s *scene) { s.box.NetErr = errors.New("no netlink") }, "warn the routes of the home prefixes cannot be checked: no netlink"},
	})
}

func TestHomeLink(t *testing.T) {
	t.Parallel()
	physical := func(up, running bool) func(*scene) {
		return func(s *scene) {
			s.cfg.Mobility.HomeLink, s.cfg.Mobility.Interface = config.Physical, "eth1"
			s.box.Net.Interfaces = append(s.box.Net.Interfaces, doctor.Interface{Name: "eth1", Up: up, Running: running, Forwarding: true})
		}
	}
	try(t, "home_link", []row{
		{"virtual", nil, ""},
		{"up", physical(true, true), "ok [eth1] the interface eth1 of the home link is up"},
		{"down", physical(false, false), "fail [eth1] the interface eth1 of the home link is down -> ip link set eth1 up => \"auto eth1\" in /etc/network/interfaces, or a file for it in /etc/systemd/network"},
		{"unplugged", physical(true, false), "fail [eth1] the interface eth1 of the home link has no carrier (is its cable plugged in?)"},
		{"missing", func(s *scene) { s.cfg.Mobility.HomeLink, s.cfg.Mobility.Interface = config.Physical, "eth9" },
			"fail [eth9] mobility.interface: there is no interface eth9 -> ip link show"},
		{"not known", func(s *scene) {
			s.cfg.Mobility.HomeLink, s.box.NetErr = config.Physical, errors.New("no netlink")
		}, "warn the home link cannot be checked: no netlink"},
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	try(t, "clock", []row{
		{"right", nil, "ok the clock is synchronised"},
		{"free", func(s *scene) { s.box.Time.Synchronised = false }, "warn the clock is not synchronised -> timedatectl set-ntp true"},
		{"past", func(s *scene) { s.box.Time.Now = time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC) },
			"fail the clock says 1970-01-01 00:01:00, which is past -> timedatectl set-ntp true"},
	})
}

func TestConflict(t *testing.T) {
	t.Parallel()
	process := func(namespace string) func(*scene) {
		return func(s *scene) {
			s.put("/proc/77/comm", "mip6d\n", 0o444, root, root)
			s.disk["proc/self/ns/net"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("net:[1]")}
			s.disk["proc/77/ns/net"] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(namespace)}
		}
	}
	policy := func(source, destination string, protocol uint8, block, first bool) func(*scene) {
		return func(s *scene) {
			s.box.Foreign = []doctor.Policy{{
				Source: netip.MustParsePrefix(source), Destination: netip.MustParsePrefix(destination), Protocol: protocol,
				Direction: "in", Priority: 5, Block: block, First: first, Delete: "ip xfrm policy delete X",
			}}
		}
	}
	const ok = "ok nothing here gets into the home agent's way"
	before := "fail [ipsec_policy] an IPsec policy of somebody else (%s, in, priority 5) is looked at before the home agent's for the signalling of mobile nodes -> ip xfrm policy delete X"
	try(t, "conflict", []row{
		{"none", nil, ok},
		{"UMIP", process("net:[1]"), "fail [mip6d] mip6d runs as process 77: UMIP's daemon programs the same headers, policies and tunnels -> kill 77"},
		{"UMIP elsewhere", process("net:[2]"), ok},
		{"policy first", policy("2001:db8:1::/64", "2001:db8:f::1/128", 135, false, true), fmt.Sprintf(before, "2001:db8:1::/64 to 2001:db8:f::1/128, protocol 135")},
		{"policy for everything first", policy("::/0", "::/0", 0, false, true), fmt.Sprintf(before, "::/0 to ::/0")},
		{"policy later", policy("::/0", "::/0", 0, false, false), ok},
		{"policy of another protocol", policy("2001:db8:1::/64", "2001:db8:f::1/128", 6, true, true), ok},
		{"policy of others", policy("2001:db8:77::/64", "2001:db8:78::/64", 0, true, true), ok},
		{"policy blocks", policy("2001:db8::/32", "2001:db8:78::/64", 0, true, false),
			"fail [ipsec_policy] an IPsec policy of somebody else (2001:db8::/32 to 2001:db8:78::/64, in, priority 5) drops packets of mobile nodes -> ip xfrm policy delete X"},
		{"no rights", func(s *scene) { s.box.PoliciesErr = doctor.ErrDenied }, "warn IPsec policies cannot be checked without root -> sudo homeagentctl doctor"},
	})
}
