package doctor_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
	"homeagent/diameter/lab/certificates"
)

// Users and groups of the scene.
const (
	root  = 0
	agent = 990 // user and group homeagent
	other = 1000
)

// A scene is a box on which all is well, until a test changes it.
type scene struct {
	cfg  *config.Config
	err  error // of loading it
	box  *machine.Fake
	disk fstest.MapFS
}

const charonSettings = `
charon {
  load_modular = yes
}
include strongswan.d/*.conf
`

const ourSettings = `
charon-systemd { # ours
  install_routes = no
  install_virtual_ip = "no"
  plugins {
    kernel-netlink {
      roam_events = 0
    }
  }
}
`

func address(s string) doctor.Address { return doctor.Address{Prefix: netip.MustParsePrefix(s)} }

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{cfg: config.Defaults(), disk: fstest.MapFS{}}
	s.cfg.Diameter = config.Diameter{
		Identity: "ha.example.com", Realm: "example.com",
		Certificate: "/etc/homeagent/tls/certificate.pem", Key: "/etc/homeagent/tls/key.pem", CA: "/etc/homeagent/tls/ca.pem",
		Listen: []config.Listen{{Address: "2001:db8:f::1", TLS: true}},
		Peers:  []config.Peer{{Identity: "aaah.example.com", Secured: config.TLS, Bootstrapper: true, Connect: "[2001:db8:3::a]"}},
	}
	s.cfg.Control.Group, s.cfg.IKE.Identity = "adm", "ha.example.com"
	s.cfg.HomeAgent.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8:f::1")}
	s.cfg.Prefixes = []config.HomePrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}}
	s.fillDisk(t)
	s.box = &machine.Fake{
		Disk: s.disk, Users: map[string]int{"homeagent": agent}, Groups: map[string]int{"homeagent": agent, "adm": 4},
		Net: doctor.Network{
			Forwarding: true,
			Interfaces: []doctor.Interface{
				{Name: "lo", Up: true, Running: true, Forwarding: true, Addresses: []doctor.Address{address("::1/128")}},
				{Name: "eth0", Up: true, Running: true, Forwarding: true, Addresses: []doctor.Address{address("2001:db8:f::1/64")}},
			},
		},
		RouteList: []doctor.Route{
			{To: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1"), Interface: "eth0"},
			{To: netip.MustParsePrefix("2001:db8:f::/64"), Interface: "eth0"},
			{To: netip.MustParsePrefix("2001:db8:1::/64"), Interface: "lo", Reject: true},
		},
		Bound:   map[string]error{"[2001:db8:f::1]:5868": syscall.EADDRINUSE},
		Free:    1 << 30,
		Time:    doctor.Clock{Now: time.Now(), Synchronised: true},
		Charons: map[string]doctor.Charon{"/run/charon.vici": {Version: "5.9.8", Since: time.Now(), Plugins: []string{"nonce", "openssl", "kdf", "kernel-netlink", "socket-default", "vici"}}},
		Status: &control.Status{
			Version: "1.0", State: "ready", IKE: control.IKEStatus{Connected: true}, Kernel: control.KernelStatus{InSync: true},
			Peers: []control.Peer{{Host: "aaah.example.com", State: "I-Open", Address: "[2001:db8:3::a]:5868", Secured: "tls"}},
		},
		PID:   4711,
		Peers: map[string]doctor.Acquaintance{"aaah.example.com": {Remote: "[2001:db8:3::a]:5868", Product: "aaa", TLS: "TLS 1.3"}},
	}
	return s
}

// put makes a file, and the folders above it.
func (s *scene) put(name, text string, mode fs.FileMode, uid, gid int) {
	s.disk[strings.TrimPrefix(name, "/")] = &fstest.MapFile{
		Data: []byte(text), Mode: mode, ModTime: time.Now().Add(-time.Hour), Sys: &syscall.Stat_t{Uid: uint32(uid), Gid: uint32(gid)},
	}
}

func (s *scene) fillDisk(t *testing.T) {
	t.Helper()
	for _, m := range []string{"mip6", "esp6", "xfrm_user", "ip6_tunnel", "cls_flower", "sch_ingress"} {
		s.put("/sys/module/"+m, "", fs.ModeDir|0o755, root, root)
	}
	s.put("/proc/sys/kernel/osrelease", "6.1.0-1-amd64\n", 0o444, root, root)
	s.put("/lib/modules/6.1.0-1-amd64/modules.builtin", "kernel/net/sched/act_gact.ko\n", 0o644, root, root)
	s.put("/lib/modules/6.1.0-1-amd64/modules.dep", "kernel/net/ipv6/esp6.ko.xz: kernel/net/xfrm/x.ko.xz\nkernel/net/ipv6/mip6.ko.xz:\n", 0o644, root, root)
	s.put("/lib/systemd/system/homeagent.service", "", 0o644, root, root)
	s.put("/etc/systemd/system/multi-user.target.wants/homeagent.service", "", 0o644, root, root)
	s.put("/etc/homeagent", "", fs.ModeDir|0o750, root, agent)
	s.put("/etc/homeagent/homeagent.toml", "", 0o640, root, agent)
	s.put("/etc/homeagent/tls", "", fs.ModeDir|0o750, root, agent)
	s.put("/usr/sbin/charon-systemd", "", 0o755, root, root)
	s.put("/run/charon.vici", "", fs.ModeSocket|0o770, root, agent)
	s.put("/etc/strongswan.conf", charonSettings, 0o644, root, root)
	s.put("/etc/strongswan.d/homeagent.conf", ourSettings, 0o644, root, root)
	s.put("/var/lib/homeagent", "", fs.ModeDir|0o700, agent, agent)
	s.put("/var/lib/homeagent/state.db", "", 0o600, agent, agent)
	folder := t.TempDir()
	ca, err := certificates.New(folder)
	if err := errors.Join(err, ca.Certify("ha", "ha.example.com"), ca.Certify("aaa", "aaah.example.com")); err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]string{"certificate": "ha", "key": "ha-key", "ca": "ca", "others": "aaa", "others-key": "aaa-key"} {
		text, err := os.ReadFile(filepath.Join(folder, from+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		s.put("/etc/homeagent/tls/"+name+".pem", string(text), 0o640, root, agent)
	}
}

func (s *scene) copyFile(to, from string) {
	s.disk[strings.TrimPrefix(to, "/")] = s.disk[strings.TrimPrefix(from, "/")]
}

func (s *scene) remove(name string) { delete(s.disk, strings.TrimPrefix(name, "/")) }

func (s *scene) examine(t *testing.T) doctor.Report {
	t.Helper()
	return doctor.Examine(t.Context(), doctor.Subject{
		File: "/etc/homeagent/homeagent.toml", Config: s.cfg, ConfigError: s.err, System: s.box,
	}, doctor.Checks(), nil)
}

// A row changes a scene and says what one check finds then, a line each.
type row struct {
	name   string
	change func(*scene)
	want   string
}

// shown is a finding as one line; the repair is behind an arrow, how it
// lasts behind another one.
func shown(f doctor.Finding) string {
	line := f.Status.String() + " " + f.Text
	if f.Subject != "" {
		line = f.Status.String() + " [" + f.Subject + "] " + f.Text
	}
	if f.Repair != "" {
		line += " -> " + f.Repair
	}
	if f.Lasting != "" {
		line += " => " + f.Lasting
	}
	return line
}

// try runs the rows of a check.
func try(t *testing.T, check string, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			if r.change != nil {
				r.change(s)
			}
			var got []string
			for _, f := range s.examine(t).Findings {
				if f.Check == check {
					got = append(got, shown(f))
				}
			}
			if diff := cmp.Diff(strings.Split(strings.Trim(r.want, "\n"), "\n"), got); diff != "" && (r.want != "" || len(got) > 0) {
				t.Errorf("unexpected findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllIsWell(t *testing.T) {
	t.Parallel()
	report := newScene(t).examine(t)
	for _, f := range report.Findings {
		if f.Status != doctor.OK || f.Repair != "" || f.Check == "" || f.Text == "" || strings.HasSuffix(f.Text, ".") {
			t.Errorf("%s: %s", f.Check, shown(f))
		}
	}
	want := doctor.Summary{OK: len(report.Findings)}
	if diff := cmp.Diff(want, report.Summary); diff != "" || want.OK < len(doctor.Checks())-1 || report.Schema != doctor.Schema {
		t.Errorf("unexpected summary of %d findings (-want +got):\n%s", want.OK, diff)
	}
}

// Before the box is configured the doctor says what is missing, and nothing that
// follows from it.
func TestNotConfigured(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.cfg, s.err = nil, fs.ErrNotExist
	s.box.Status, s.box.PID = nil, 0
	s.remove("/etc/homeagent/homeagent.toml")
	var got []string
	for _, f := range s.examine(t).Findings {
		if f.Status != doctor.OK {
			got = append(got, f.Check+": "+shown(f))
		}
	}
	want := []string{
		"configuration: fail there is no configuration /etc/homeagent/homeagent.toml -> homeagentctl init",
		"daemon: warn the daemon does not run, as it is not configured -> homeagentctl init",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected findings (-want +got):\n%s", diff)
	}
}

func TestStatusText(t *testing.T) {
	t.Parallel()
	for _, s := range []doctor.Status{doctor.OK, doctor.Warning, doctor.Failure} {
		text, err := s.MarshalText()
		var back doctor.Status
		if err := errors.Join(err, back.UnmarshalText(text)); err != nil || back != s {
			t.Errorf("%v became %v, %v", s, back, err)
		}
	}
	var s doctor.Status
	if err := s.UnmarshalText([]byte("good")); err == nil {
		t.Error("a status of another name was taken")
	}
	if got := fmt.Sprint(doctor.Status(7)); got != "status 7" {
		t.Errorf("an unknown status is %q", got)
	}
}
