package doctor_test

import (
	"io/fs"
	"net/netip"
	"testing"

	"homeagent/agent/config"
)

// closed is a disk with a file that only others can read.
type closed struct {
	fs.FS
	name string
}

func (c closed) Open(name string) (fs.File, error) {
	if "/"+name == c.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.FS.Open(name)
}

func TestMobileNodes(t *testing.T) {
	t.Parallel()
	const file, credential = "/etc/homeagent/keys/mn1", "/run/credentials/homeagent.service/mn1"
	with := func(change func(*scene, *config.MobileNode)) func(*scene) {
		return func(s *scene) {
			n := config.MobileNode{
				UserName: "mn1@example.com", HomeAddress: netip.MustParseAddr("2001:db8:1::100"), HomeAgent: netip.MustParseAddr("2001:db8:1::1"), KeyFile: file,
				Encryption: config.NullEncryption, Integrity: config.SHA1,
			}
			s.put("/etc/homeagent/keys/mn1", "correct horse battery", 0o640, root, agent)
			change(s, &n)
			s.cfg.MobileNodes = []config.MobileNode{n}
		}
	}
	try(t, "mobile_node", []row{
		{"none", nil, ""},
		{"right", with(func(*scene, *config.MobileNode) {}), "ok [mn1@example.com] the key of 2001:db8:1::100 can be used"},
		{"open", with(func(s *scene, _ *config.MobileNode) { s.put(file, "correct horse battery", 0o644, root, agent) }),
			"fail [mn1@example.com] mobile_node.key_file: others than its owner and group can read /etc/homeagent/keys/mn1, or its group can change it, mode 0644 (try: chmod o=,g-w /etc/homeagent/keys/mn1)"},
		{"somebody else's", with(func(s *scene, _ *config.MobileNode) { s.put(file, "correct horse battery", 0o640, 65534, agent) }),
			"fail [mn1@example.com] mobile_node.key_file: /etc/homeagent/keys/mn1 belongs to the user 65534, who can read and change it (try: chown root /etc/homeagent/keys/mn1)"},
		{"a pipe", with(func(s *scene, _ *config.MobileNode) { s.put(file, "", fs.ModeNamedPipe|0o640, root, agent) }),
			"fail [mn1@example.com] mobile_node.key_file: /etc/homeagent/keys/mn1 is no regular file"},
		{"closed to the daemon", with(func(s *scene, _ *config.MobileNode) { s.put(file, "correct horse battery", 0o600, root, root) }),
			"fail [mn1@example.com] mobile_node.key_file: /etc/homeagent/keys/mn1 cannot be read by the user homeagent, as whom the daemon runs -> chgrp homeagent /etc/homeagent/keys/mn1 && chmod g+rX /etc/homeagent/keys/mn1"},
		{"absent", with(func(s *scene, _ *config.MobileNode) { s.remove(file) }),
			"fail [mn1@example.com] mobile_node.key_file: reading /etc/homeagent/keys/mn1: file does not exist (put it there, or name another file)"},
		{"short", with(func(s *scene, _ *config.MobileNode) { s.put(file, "short", 0o640, root, agent) }),
			"fail [mn1@example.com] mobile_node.key_file: /etc/homeagent/keys/mn1: the key has 5 octets (must be at least 16, try: openssl rand -hex 32)"},
		{"a credential of a daemon that does not run", with(func(_ *scene, n *config.MobileNode) { n.KeyFile = credential }),
			"ok [mn1@example.com] systemd hands over the key of 2001:db8:1::100"},
		{"a credential that is closed to us", with(func(s *scene, n *config.MobileNode) {
			n.KeyFile = credential
			s.box.Disk = closed{s.disk, credential}
		}), "ok [mn1@example.com] systemd hands over the key of 2001:db8:1::100"},
		{"a credential", with(func(s *scene, n *config.MobileNode) {
			n.KeyFile = credential
			s.put(credential, "correct horse battery", 0o444, root, root)
		}), "ok [mn1@example.com] the key of 2001:db8:1::100 can be used"},
		{"a credential that is of no use", with(func(s *scene, n *config.MobileNode) {
			n.KeyFile = credential
			s.put(credential, "short", 0o400, root, root)
		}), "fail [mn1@example.com] mobile_node.key_file: /run/credentials/homeagent.service/mn1: the key has 5 octets (must be at least 16, try: openssl rand -hex 32)"},
		{"everybody", with(func(_ *scene, n *config.MobileNode) { n.UserName = "*" }),
			"fail [*] mobile_node.user_name: it cannot be an IKE identity: the user name \"*\" has an asterisk, which charon reads as a wildcard\n" +
				"ok [*] the key of 2001:db8:1::100 can be used"},
		{"by hand", with(func(s *scene, n *config.MobileNode) {
			n.SPIIn, n.SPIOut = 4097, 4098
			s.put(file, "integrity_in = 0x0102030405060708090a0b0c0d0e0f1011121314\nintegrity_out = 0x0102030405060708090a0b0c0d0e0f1011121314\n", 0o640, root, agent)
		}), "warn [mn1@example.com] mobile_node.key_file: the security associations of 2001:db8:1::100 are keyed by hand, which is for tests: nothing protects from replays but the sequence numbers of Binding Updates, and the keys never change"},
	})
}

// strongSwan ignores case, and authenticates by names.
func TestMobileNodesOfOneName(t *testing.T) {
	t.Parallel()
	const file = "/etc/homeagent/keys/mn1"
	try(t, "mobile_node", []row{{"two", func(s *scene) {
		s.put(file, "correct horse battery", 0o640, root, agent)
		for i, name := range []string{"mn1@example.com", "MN1@example.com"} {
			home := netip.MustParseAddr("2001:db8:1::100")
			for range i {
				home = home.Next()
			}
			s.cfg.MobileNodes = append(s.cfg.MobileNodes, config.MobileNode{UserName: name, HomeAddress: home, KeyFile: file})
		}
	}, "ok [mn1@example.com] the key of 2001:db8:1::100 can be used\n" +
		"fail [MN1@example.com] mobile_node.user_name: strongSwan cannot tell \"MN1@example.com\" from \"mn1@example.com\" (give one of them another name)\n" +
		"ok [MN1@example.com] the key of 2001:db8:1::101 can be used"}})
}
