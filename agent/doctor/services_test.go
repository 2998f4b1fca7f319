package doctor_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/ike"
)

const sudo = " -> sudo homeagentctl doctor"

func TestStrongSwan(t *testing.T) {
	t.Parallel()
	const rights = "\nok [/run/charon.vici] the user homeagent may use strongSwan's socket"
	const has = "\nok [plugins] strongSwan has the plugins it takes"
	charon := func(change func(*doctor.Charon)) func(*scene) {
		return func(s *scene) {
			c := s.box.Charons["/run/charon.vici"]
			change(&c)
			s.box.Charons["/run/charon.vici"] = c
		}
	}
	try(t, "strongswan", []row{
		{"answers", nil, "ok strongSwan 5.9.8 answers" + has + rights},
		{"newer", charon(func(c *doctor.Charon) { c.Version = "6.0.0rc1" }), "ok strongSwan 6.0.0rc1 answers" + has + rights},
		{"of no number", charon(func(c *doctor.Charon) { c.Version = "snapshot" }), "ok strongSwan snapshot answers" + has + rights},
		{"old", charon(func(c *doctor.Charon) { c.Version = "5.9.1" }),
			"warn strongSwan 5.9.1 is older than any the home agent was tried with -> apt-get install --only-upgrade charon-systemd" + has + rights},
		{"plugins", charon(func(c *doctor.Charon) {
			c.Plugins = []string{"nonce", "openssl", "socket-default", "kernel-netlink", "bypass-lan"}
		}),
			"ok strongSwan 5.9.8 answers\n" +
				"fail [kdf] strongSwan lacks the plugin kdf or botan or wolfssl: IKEv2 derives keys with it -> apt-get install libstrongswan-standard-plugins && systemctl restart strongswan\n" +
				"fail [bypass-lan] strongSwan has the plugin bypass-lan: it lets packets of the links of this box pass IPsec policies -> sed -i 's/load = yes/load = no/' /etc/strongswan.d/charon/bypass-lan.conf && systemctl restart strongswan" + rights},
		{"not installed", func(s *scene) { s.box.Charons = nil; s.remove("/usr/sbin/charon-systemd") },
			"fail strongSwan is not installed: there is no /usr/sbin/charon-systemd -> apt-get install charon-systemd strongswan-swanctl"},
		{"not running", func(s *scene) { s.box.Charons = nil },
			"fail strongSwan does not run, or without its plugin vici: there is no socket /run/charon.vici -> systemctl restart strongswan"},
		{"silent", func(s *scene) { s.box.CharonErr = errors.New("it hangs") },
			"fail strongSwan does not answer on /run/charon.vici: it hangs -> systemctl restart strongswan"},
		{"no rights", func(s *scene) { s.box.CharonErr = doctor.ErrDenied }, "warn strongSwan cannot be checked without root" + sudo + rights},
		{"closed to the daemon", func(s *scene) { s.put("/run/charon.vici", "", fs.ModeSocket|0o770, root, root) },
			"ok strongSwan 5.9.8 answers" + has +
				"\nfail [/run/charon.vici] the user homeagent, as whom the daemon runs, may not use strongSwan's socket /run/charon.vici -> chgrp homeagent /run/charon.vici && chmod g+rw /run/charon.vici"},
	})
}

func TestStrongSwanSettings(t *testing.T) {
	t.Parallel()
	const repair = ` -> printf 'charon-systemd {\n install_routes = no\n install_virtual_ip = no\n plugins {\n  kernel-netlink {\n   roam_events = no\n  }\n }\n}\n' >/etc/strongswan.d/homeagent.conf && systemctl restart strongswan`
	try(t, "strongswan_settings", []row{
		{"off", nil, "ok strongSwan leaves routes and addresses to the home agent"},
		{"on", func(s *scene) { s.remove("/etc/strongswan.d/homeagent.conf") },
			"fail strongSwan's settings let it manage routes and addresses of mobile nodes, which is up to the home agent: install_routes, install_virtual_ip, plugins.kernel-netlink.roam_events must be off" + repair},
		{"of the section charon", func(s *scene) {
			s.put("/etc/strongswan.d/homeagent.conf", "charon {\ninstall_routes = no\n install_virtual_ip=no\nplugins\n{ kernel-netlink { roam_events = yes } } }", 0o644, root, root)
		}, "fail strongSwan's settings let it manage routes and addresses of mobile nodes, which is up to the home agent: plugins.kernel-netlink.roam_events must be off" + repair},
		{"changed since", func(s *scene) { s.disk["etc/strongswan.d/homeagent.conf"].ModTime = time.Now().Add(time.Hour) },
			"warn strongSwan runs since before its settings in /etc/strongswan.d/homeagent.conf were changed -> systemctl restart strongswan"},
		{"not installed", func(s *scene) { s.remove("/etc/strongswan.conf") }, ""},
		{"not readable", func(s *scene) { s.put("/etc/strongswan.conf", "charon {", 0o644, root, root) },
			"warn strongSwan's settings cannot be checked: reading strongSwan's settings: /etc/strongswan.conf: a brace is not closed, or closed twice"},
	})
}

func TestProposal(t *testing.T) {
	t.Parallel()
	proposing := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.cfg.IKE.IKEProposals, s.cfg.IKE.ESPProposals = []string{"aes128-sha256-x25519"}, []string{"aes129"}
			change(s)
		}
	}
	const help = `, and with it every mobile node (swanctl.conf(5) tells how they are written, swanctl --list-algs what this strongSwan has) -> swanctl --list-algs`
	try(t, "proposal", []row{
		{"its own", nil, ""},
		{"right", proposing(func(*scene) {}), "ok strongSwan takes the proposals for IKE and ESP"},
		{"refused", proposing(func(s *scene) { s.box.Refused = []ike.Refusal{{ESP: true, Proposal: "aes129"}} }),
			`fail [aes129] ike.esp_proposals: strongSwan refuses the proposal "aes129"` + help},
		{"refused, of IKE", proposing(func(s *scene) { s.box.Refused = []ike.Refusal{{Proposal: "aes128"}} }),
			`fail [aes128] ike.proposals: strongSwan refuses the proposal "aes128"` + help},
		{"no strongSwan", proposing(func(s *scene) { s.box.CharonErr = errors.New("connection refused") }),
			"warn the proposals of ike cannot be checked: connection refused"},
		{"no rights", proposing(func(s *scene) { s.box.CharonErr = doctor.ErrDenied }), "warn the proposals of ike cannot be checked without root" + sudo},
	})
}

func TestStore(t *testing.T) {
	t.Parallel()
	stopped := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.box.Status, s.box.PID = nil, 0
			change(s)
		}
	}
	const right = "ok the store /var/lib/homeagent/state.db can be written"
	try(t, "store", []row{
		{"right", nil, right},
		{"right, stopped", stopped(func(*scene) {}), right},
		{"none yet", func(s *scene) { s.remove("/var/lib/homeagent/state.db") }, right},
		{"no folder yet", func(s *scene) { s.remove("/var/lib/homeagent"); s.remove("/var/lib/homeagent/state.db") },
			"ok the folder /var/lib/homeagent will be made when the daemon starts first"},
		{"no folder", func(s *scene) { s.cfg.Store.Path = "/srv/state/db" },
			"fail store.path: there is no folder /srv/state for the store -> install -d -m 700 -o homeagent -g homeagent /srv/state"},
		{"no folder, no unit", func(s *scene) {
			s.cfg.Store.Path = "/srv/state/db"
			s.remove("/lib/systemd/system/homeagent.service")
		}, "fail store.path: there is no folder /srv/state for the store -> install -d -m 700 /srv/state"},
		{"a file for a folder", func(s *scene) { s.put("/srv", "", 0o644, root, root); s.cfg.Store.Path = "/srv/db" },
			"fail store.path: /srv is no folder, and the store must be in one"},
		{"open folder", func(s *scene) { s.put("/var/lib/homeagent", "", fs.ModeDir|0o777, agent, agent) },
			"fail everybody can replace the store in /var/lib/homeagent (mode 0777) -> chmod 700 /var/lib/homeagent"},
		{"folder of a group", func(s *scene) { s.put("/var/lib/homeagent", "", fs.ModeDir|0o770, agent, agent) },
			"warn the group of /var/lib/homeagent can replace the store (mode 0770) -> chmod 700 /var/lib/homeagent"},
		{"folder of another", func(s *scene) { s.put("/var/lib/homeagent", "", fs.ModeDir|0o755, other, other) },
			"fail the user homeagent, as whom the daemon runs, cannot write in /var/lib/homeagent -> install -d -m 700 -o homeagent -g homeagent /var/lib/homeagent"},
		{"file of another", func(s *scene) { s.put("/var/lib/homeagent/state.db", "", 0o600, root, root) },
			"fail the user homeagent, as whom the daemon runs, cannot write the store /var/lib/homeagent/state.db -> chown homeagent: /var/lib/homeagent/state.db"},
		{"open file", func(s *scene) { s.put("/var/lib/homeagent/state.db", "", 0o644, agent, agent) },
			"fail others than its owner can read the keys in the store /var/lib/homeagent/state.db (mode 0644) -> chmod 600 /var/lib/homeagent/state.db"},
		{"full", func(s *scene) { s.box.Free = 1 << 20 }, "fail the disk of the store's folder /var/lib/homeagent is full -> df /var/lib/homeagent"},
		{"nearly full", func(s *scene) { s.box.Free = 100 << 20 }, "warn only 100 MiB are left for the store in /var/lib/homeagent -> df /var/lib/homeagent"},
		{"commits fail", func(s *scene) { s.box.Status.Store.Error = "no space left" },
			"fail the daemon could not write the store at its last try: no space left -> journalctl -u homeagent"},
		{"newer", stopped(func(s *scene) { s.box.FormatErr = errors.New("it was written by a newer homeagentd") }),
			"fail it was written by a newer homeagentd"},
		{"no rights", stopped(func(s *scene) { s.box.FormatErr = fs.ErrPermission }),
			"warn the store /var/lib/homeagent/state.db cannot be checked without root" + sudo},
	})
}

// The key of a sealed store is nothing to make anew.
func TestSealKey(t *testing.T) {
	t.Parallel()
	const (
		right = "ok the store /var/lib/homeagent/state.db can be written"
		file  = "/etc/credstore/homeagent.store-key"
		key   = "abcdefghijklmnopqrstuvwxyz012345"
		back  = " (restore " + file + " from your backup; without that key, move /var/lib/homeagent/state.db away to start without sessions)"
	)
	with := func(has, sealed string, more ...func(*scene)) func(*scene) {
		return func(s *scene) {
			s.box.Status, s.box.PID, s.box.SealKey = nil, 0, sealed
			if has != "" {
				s.put(file, has, 0o600, root, root)
			}
			for _, change := range more {
				change(s)
			}
		}
	}
	inUse := func(s *scene) { s.box.PID, s.box.FormatErr = 4711, errors.New("in use") }
	try(t, "store", []row{
		{"right", with(key, key), right},
		{"in another folder", with("", key, func(s *scene) { s.put("/run/credstore/homeagent.store-key", key, 0o600, root, root) }), right},
		{"not sealed yet", with(key, ""), right},
		{"none", with("", key), "fail store.credential: the keys in the store /var/lib/homeagent/state.db are sealed, and there is no " + file + " to open them" + back},
		{"another", with(strings.ToUpper(key), key), "fail store.credential: " + file + " is not the key that the store /var/lib/homeagent/state.db is sealed with" + back},
		{"cut off", with("short", key), "fail store.credential: " + file + " has 5 octets and must have the 32 that seal the store" + back},
		{"cut off, not sealed yet", with("short", ""), "fail store.credential: " + file + " has 5 octets and must have the 32 that seal the store -> (umask 077; openssl rand -out " + file + " 32)"},
		{"cut off while the daemon runs", with("short", key, inUse), "fail store.credential: " + file + " has 5 octets and must have the 32 that seal the store" + back},
		{"not known while the daemon runs", with("", key, inUse), right},
		{"for everybody", with(key, key, func(s *scene) { s.put(file, key, 0o644, root, root) }), "warn others than its owner can read " + file + ", which opens the store (mode 0644) -> chmod 600 " + file},
		{"of the operator's own unit", with("", key, func(s *scene) {
			s.put("/etc/systemd/system/homeagent.service.d/key.conf", "[Service]\nLoadCredential=store-key:/srv/key\n", 0o644, root, root)
		}), right},
		{"of another name", with("", key, func(s *scene) { s.cfg.Store.Credential = "other" }), right},
		{"of no package", with("", key, func(s *scene) { s.remove("/lib/systemd/system/homeagent.service") }), right},
	})
	if got := []string{doctor.Fitting.String(), doctor.Seal(9).String()}; got[0] != "fitting" || got[1] != "seal 9" {
		t.Errorf("seals are called %q", got)
	}
	elsewhere := &config.Store{Path: "/srv/db", Credential: "other"}
	if got := doctor.SealKeyRepair(elsewhere, false); got != "write 32 octets to the file that LoadCredential=other: of the unit names, as openssl rand makes them" {
		t.Errorf("the repair for another credential: %s", got)
	}
}

func TestDaemon(t *testing.T) {
	t.Parallel()
	status := func(change func(*control.Status)) func(*scene) { return func(s *scene) { change(s.box.Status) } }
	try(t, "daemon", []row{
		{"ready", nil, "ok the daemon is ready, version 1.0"},
		{"starting", status(func(s *control.Status) { s.State = "starting" }), "warn the daemon is still starting -> journalctl -u homeagent -n 50"},
		{"without strongSwan", status(func(s *control.Status) { s.IKE = control.IKEStatus{Error: "refused"} }),
			"fail the daemon is not connected to strongSwan: refused -> systemctl restart strongswan"},
		{"kernel", status(func(s *control.Status) { s.Kernel = control.KernelStatus{Error: "no module"} }),
			"fail the kernel is not as the daemon wants it: no module -> journalctl -u homeagent -n 50"},
		{"only nodes keyed by hand, without strongSwan", status(func(s *control.Status) {
			s.IKE, s.Peers, s.Sessions = control.IKEStatus{Error: "refused"}, nil, control.SessionCounts{Total: 1, Manual: 1}
		}), "ok the daemon is ready, version 1.0"},
		{"keyed by hand", status(func(s *control.Status) { s.Kernel.ManualError = "no 3des" }),
			"fail the kernel refuses security associations of mobile nodes keyed by hand: no 3des -> journalctl -u homeagent -n 50"},
		{"store", status(func(s *control.Status) { s.Store.Error = "disk full" }),
			"fail the daemon cannot write its store: disk full -> df /var/lib/homeagent/state.db"},
		{"stopped", func(s *scene) { s.box.Status, s.box.PID = nil, 0 }, "warn the daemon does not run -> systemctl start homeagent"},
		{"stopped, and the configuration is closed to us", func(s *scene) { s.box.Status, s.box.PID, s.err = nil, 0, fs.ErrPermission },
			"warn the daemon does not run -> systemctl start homeagent"},
		{"killed", func(s *scene) { s.box.DaemonErr, s.box.PID = syscall.ECONNREFUSED, 0 }, "warn the daemon does not run -> systemctl start homeagent"},
		{"another", func(s *scene) { s.box.Status = nil },
			"fail a home agent runs as process 4711 and does not listen on /run/homeagent/control.sock (is it starting, or has it another configuration?) -> ps -fp 4711"},
		{"silent", func(s *scene) { s.box.DaemonErr = errors.New("deadline exceeded") },
			"fail the daemon does not answer: deadline exceeded -> systemctl restart homeagent"},
		{"no rights", func(s *scene) { s.box.DaemonErr = fs.ErrPermission }, "warn the daemon cannot be checked without root" + sudo},
		{"not at boot", func(s *scene) { s.remove("/etc/systemd/system/multi-user.target.wants/homeagent.service") },
			"ok the daemon is ready, version 1.0\nwarn [boot] the daemon is not started at boot -> systemctl enable homeagent"},
	})
}

// Whoever checks a configuration learns which sessions a restart would not serve, and
// which are not now.
func TestSession(t *testing.T) {
	t.Parallel()
	status := func(change func(*control.Status)) func(*scene) { return func(s *scene) { change(s.box.Status) } }
	prefix := func(text string, inUse int) control.PrefixStatus {
		return control.PrefixStatus{Prefix: netip.MustParsePrefix(text), InUse: inUse}
	}
	try(t, "session", []row{
		{"none", nil, "ok the configuration has a place for each session"},
		{"all have", status(func(s *control.Status) {
			s.Prefixes = []control.PrefixStatus{prefix("2001:db8:1::/64", 3), prefix("2001:db8:1:0:8::/80", 1), prefix("2001:db8:9::/64", 0)}
			s.HomeAgents = []control.HomeAgent{{Address: netip.MustParseAddr("2001:db8:f::1"), Sessions: 3}, {Address: netip.MustParseAddr("2001:db8:f::2")}}
		}), "ok the configuration has a place for each session"},
		{"a prefix has left", status(func(s *control.Status) { s.Prefixes = []control.PrefixStatus{prefix("2001:db8:9::/64", 3)} }),
			"warn home_prefix.prefix: 3 home addresses of 2001:db8:9::/64 are in use, and it is no home prefix here: after a restart nobody would serve their sessions (write that in again before a restart, or see homeagentctl reload)"},
		{"an address has left", status(func(s *control.Status) {
			s.HomeAgents = []control.HomeAgent{{Address: netip.MustParseAddr("2001:db8:f::2"), Sessions: 3}}
		}), "warn home_agent.addresses: 3 sessions have the home agent address 2001:db8:f::2, which is not listed here: after a restart nobody would serve them (write that in again before a restart, or see homeagentctl reload)"},
		{"dormant now", status(func(s *control.Status) {
			s.Reasons = []control.Warning{{Cause: control.SessionsDormant, Text: "2 sessions sleep"}, {Cause: control.NoPeer, Text: "y"}, {Cause: control.NodeNotServed, Text: "mn1 waits", Repair: "homeagentctl release mn1"}}
		}), "fail 2 sessions sleep\nfail mn1 waits -> homeagentctl release mn1"},
		{"stopped", func(s *scene) { s.box.Status, s.box.PID = nil, 0 }, ""},
	})
}

func TestListener(t *testing.T) {
	t.Parallel()
	const at = "[2001:db8:f::1]:5868"
	bound := func(err error) func(*scene) { return func(s *scene) { s.box.Bound[at] = err } }
	stopped := func(err error) func(*scene) {
		return func(s *scene) { s.box.Status, s.box.PID, s.box.Bound[at] = nil, 0, err }
	}
	try(t, "listener", []row{
		{"ours", nil, "ok [" + at + "] the daemon listens on " + at},
		{"not ours", bound(nil), "fail [" + at + "] the daemon does not listen on " + at + " (was the configuration changed since it started?) -> systemctl restart homeagent"},
		{"free", stopped(nil), "ok [" + at + "] " + at + " is free to listen on"},
		{"taken", stopped(fmt.Errorf("bind: %w", syscall.EADDRINUSE)), "fail [" + at + "] another program listens on " + at + " -> ss -ltnp sport = :5868"},
		{"not on this box", bound(syscall.EADDRNOTAVAIL), "fail [" + at + "] diameter.listen.address: " + at + " cannot be listened on, as it is no address of this box -> ip address add 2001:db8:f::1/64 dev eth0 => \"up ip address add 2001:db8:f::1/64 dev eth0\" below \"iface eth0\" in /etc/network/interfaces, or \"Address=2001:db8:f::1/64\" below \"[Network]\" in the interface's file of /etc/systemd/network"},
		{"a name of another box", func(s *scene) {
			s.cfg.Diameter.Listen[0].Address = "ha.example.com"
			s.box.Bound["ha.example.com:5868"] = syscall.EADDRNOTAVAIL
		}, "fail [ha.example.com:5868] diameter.listen.address: ha.example.com:5868 cannot be listened on, as it is no address of this box -> getent ahosts ha.example.com"},
		{"no rights", bound(doctor.ErrDenied), "warn [" + at + "] listening on " + at + " cannot be checked without root" + sudo},
		{"whose is not known", func(s *scene) { s.box.DaemonErr, s.box.PID = fs.ErrPermission, 0 },
			"warn [" + at + "] somebody listens on " + at + "; whether it is the daemon cannot be checked without root" + sudo},
		{"over TCP", func(s *scene) { s.cfg.Diameter.Listen[0] = config.Listen{Address: "ha.example.com"} },
			"fail [ha.example.com:3868] the daemon does not listen on ha.example.com:3868 (was the configuration changed since it started?) -> systemctl restart homeagent"},
	})
}

var refusedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func refusal(reason, host string, initiated bool) *control.Refusal {
	return &control.Refusal{Time: refusedAt, Reason: reason, Text: "it ran out", Host: host, Remote: "[2001:db8:3::b]:7", Initiated: initiated, Times: 1}
}

func TestPeer(t *testing.T) {
	t.Parallel()
	known := func(change func(*control.Peer)) func(*scene) {
		return func(s *scene) { change(&s.box.Status.Peers[0]) }
	}
	stopped := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.box.Status, s.box.PID = nil, 0
			change(s)
		}
	}
	const subject = " [aaah.example.com] aaah.example.com "
	try(t, "peer", []row{
		{"connected", nil, "ok" + subject + "is connected from [2001:db8:3::a]:5868, secured by tls"},
		{"cannot be connected to", known(func(p *control.Peer) { p.State, p.Error = "Closed", "connection refused" }),
			"fail" + subject + "cannot be connected to at [2001:db8:3::a]: connection refused -> journalctl -u homeagent --grep aaah.example.com"},
		{"has not connected", func(s *scene) {
			s.cfg.Diameter.Peers[0].Connect = ""
			s.box.Status.Peers[0].State = "Closed"
		}, "warn" + subject + "has not connected (its operator must have this home agent in its list of peers)"},
		{"refused", known(func(p *control.Peer) {
			p.State, p.Error, p.ErrorAt, p.Refusal = "Closed", "it ran out", &refusedAt, refusal("certificate_expired", "aaah.example.com", false)
		}), "fail" + subject + "cannot be connected to at [2001:db8:3::a]: a connection from [2001:db8:3::b]:7, which called itself aaah.example.com, was refused at 2026-01-02 03:04:05 UTC with certificate_expired (it ran out) -> homeagentctl peers"},
		{"refused us", known(func(p *control.Peer) {
			p.State, p.Error, p.Refusal = "Closed", "it ran out", refusal("tls_refused", "", true)
		}), "fail" + subject + "cannot be connected to at [2001:db8:3::a]: the last attempt, at 2026-01-02 03:04:05 UTC, ended with tls_refused (it ran out) -> homeagentctl peers"},
		{"refused before it broke", known(func(p *control.Peer) {
			later := refusedAt.Add(time.Hour)
			p.State, p.Error, p.ErrorAt, p.Refusal = "Closed", "EOF", &later, refusal("certificate_expired", "aaah.example.com", false)
		}), "fail" + subject + "cannot be connected to at [2001:db8:3::a]: EOF -> journalctl -u homeagent --grep aaah.example.com"},
		{"a stranger", func(s *scene) {
			s.cfg.Diameter.Peers[0].Connect, s.box.Status.Peers[0].State = "", "Closed"
			s.box.Status.Strangers = []control.Refusal{*refusal("tls_refused", "", false)}
		}, "warn" + subject + "has not connected; this could be it: a connection from [2001:db8:3::b]:7 was refused at 2026-01-02 03:04:05 UTC with tls_refused (it ran out) -> homeagentctl peers"},
		{"new", func(s *scene) { s.box.Status.Peers = nil },
			"fail [aaah.example.com] the daemon does not know the peer aaah.example.com (was the configuration changed since it started?) -> systemctl restart homeagent"},
		{"no rights", func(s *scene) { s.box.DaemonErr = fs.ErrPermission }, "warn [aaah.example.com] the connection with aaah.example.com cannot be checked without root" + sudo},
		{"met", stopped(func(*scene) {}), "ok" + subject + "(aaa) answers at [2001:db8:3::a]:5868 over TLS 1.3"},
		{"met over TCP", stopped(func(s *scene) {
			s.box.Peers["aaah.example.com"] = doctor.Acquaintance{Remote: "[::1]:3868", Product: "aaa"}
		}), "ok" + subject + "(aaa) answers at [::1]:3868"},
		{"not met", stopped(func(s *scene) { s.box.PeersErr = map[string]error{"aaah.example.com": errors.New("no route")} }),
			"fail" + subject + "cannot be connected to at [2001:db8:3::a]: no route"},
		{"key not readable", stopped(func(s *scene) { s.box.PeersErr = map[string]error{"aaah.example.com": fs.ErrPermission} }),
			"warn [aaah.example.com] the peer aaah.example.com cannot be checked without root" + sudo},
		{"will connect", stopped(func(s *scene) { s.cfg.Diameter.Peers[0].Connect = "" }),
			"warn" + subject + "connects to us, which it can when the daemon runs -> systemctl start homeagent"},
		{"another daemon", func(s *scene) { s.box.Status = nil }, "warn" + subject + "is not tried, as another home agent may be connected to it"},
	})
}
