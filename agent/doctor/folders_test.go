package doctor_test

import (
	"io/fs"
	"testing"
)

func TestFolders(t *testing.T) {
	t.Parallel()
	const (
		right   = "ok unit and AppArmor profile let the daemon in wherever the configuration points"
		profile = "/etc/apparmor.d/usr.sbin.homeagentd"
		local   = "/etc/apparmor.d/local/usr.sbin.homeagentd"
	)
	confined := func(change func(*scene)) func(*scene) {
		return func(s *scene) {
			s.put(profile, "", 0o644, root, root)
			s.put("/sys/module/apparmor/parameters/enabled", "Y\n", 0o444, root, root)
			change(s)
		}
	}
	key := func(name string) func(*scene) { return func(s *scene) { s.cfg.Diameter.Key = name } }
	store := func(name string, drop string) func(*scene) {
		return func(s *scene) {
			s.cfg.Store.Path = name
			if drop != "" {
				s.put("/etc/systemd/system/homeagent.service.d/override.conf", drop, 0o644, root, root)
			}
		}
	}
	readable := func(name, why string) string {
		return "warn diameter.key: " + name + " is outside of /etc/homeagent and /run/credentials/homeagent.service, where the packaged daemon is let in (move it there; " + why + ")"
	}
	rule := func(line string) string {
		return "add the line \"" + line + "\" to " + local + " and run apparmor_parser -r " + profile
	}
	const state = "warn store.path: /srv/homeagent/state.db is outside of /var/lib/homeagent, where the packaged daemon is let in (move it there; or "
	const edit = "with systemctl edit homeagent write \"[Service]\" and \"ReadWritePaths=/srv/homeagent\""
	try(t, "folder", []row{
		{"right", confined(func(*scene) {}), right},
		{"a credential", confined(key("/run/credentials/homeagent.service/key")), right},
		{"no unit", confined(func(s *scene) { s.cfg.Diameter.Key = "/srv/key"; s.remove("/lib/systemd/system/homeagent.service") }), ""},
		{"elsewhere", confined(key("/srv/key")), readable("/srv/key", "or "+rule("/srv/key r,"))},
		{"elsewhere, let in", confined(func(s *scene) { s.cfg.Diameter.Key = "/srv/x/key"; s.put(local, "/srv/x/** r,\n", 0o644, root, root) }), right},
		{"elsewhere, no profile", key("/srv/key"), right},
		{"elsewhere, profiles are off", confined(func(s *scene) {
			s.cfg.Diameter.Key = "/srv/key"
			s.put("/sys/module/apparmor/parameters/enabled", "N\n", 0o444, root, root)
		}), right},
		{"home of root", key("/root/key"), "warn diameter.key: /root/key is in a folder that the unit hides from the packaged daemon (move it to /etc/homeagent or /run/credentials/homeagent.service)"},
		{"a link away", confined(func(s *scene) {
			s.put("/etc/homeagent/tls/key.pem", "../../letsencrypt/live/ha", fs.ModeSymlink|0o777, root, root)
			s.put("/etc/letsencrypt/live", "/etc/letsencrypt/archive", fs.ModeSymlink|0o777, root, root)
			s.put("/etc/letsencrypt/archive/ha", "", 0o640, root, agent)
		}), readable("/etc/letsencrypt/archive/ha", "or "+rule("/etc/letsencrypt/archive/ha r,"))},
		{"store", store("/srv/homeagent/state.db", ""), state + edit + ")"},
		{"store, let in", store("/srv/homeagent/state.db", "[Service]\nReadWritePaths=/srv\n"), right},
		{"store, both", confined(store("/srv/homeagent/state.db", "")), state + edit + ", and " + rule("/srv/homeagent/** rwkl,") + ")"},
		{"strongSwan's socket", confined(func(s *scene) { s.cfg.IKE.Socket = "/run/strongswan/charon.vici" }),
			"warn ike.socket: /run/strongswan/charon.vici is outside of /run/charon.vici, where the packaged daemon is let in (move it there; or " + rule("/run/strongswan/charon.vici rw,") + ")"},
	})
}
