package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeagent/agent/doctor/strongswanconf"
)

const (
	charonFile     = "/usr/sbin/charon-systemd"
	installCharon  = "apt-get install charon-systemd strongswan-swanctl"
	startCharon    = "systemctl restart strongswan"
	repairSettings = `printf 'charon-systemd {\n install_routes = no\n install_virtual_ip = no\n plugins {\n  kernel-netlink {\n   roam_events = no\n  }\n }\n}\n' >/etc/strongswan.d/homeagent.conf`
	settingsFile   = "/etc/strongswan.conf"
)

// oldestCharon is the oldest version the home agent was tried with.
var oldestCharon = []int{5, 9, 8}

// pluginsNeeded are what charon must have of each line, any one of it.
var pluginsNeeded = []struct {
	any     []string
	purpose string
}{
	{[]string{"kernel-netlink"}, "it programs IPsec"},
	{[]string{"socket-default", "socket-dynamic"}, "it receives IKE"},
	{[]string{"nonce"}, "IKEv2 needs nonces"},
	{[]string{"openssl", "botan", "wolfssl", "gcrypt", "aes"}, "IKE and ESP need ciphers"},
	{[]string{"kdf", "botan", "wolfssl"}, "IKEv2 derives keys with it"},
}

// pluginsHarmful are those that a home agent cannot work beside.
var pluginsHarmful = map[string]string{
	"kernel-libipsec": "it keeps ESP from the kernel, where mobile nodes are served",
	"bypass-lan":      "it lets packets of the links of this box pass IPsec policies",
}

// strongSwan looks whether charon answers and has what it takes.
func strongSwan(ctx context.Context, p *patient) []Finding {
	socket := p.cfg.IKE.Socket
	c, err := p.Charon(ctx, socket)
	switch {
	case err == nil:
	case !exists(p.Files(), charonFile) && errors.Is(err, fs.ErrNotExist):
		return []Finding{fail(installCharon, "strongSwan is not installed: there is no %s", charonFile)}
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{fail(startCharon, "strongSwan does not run, or without its plugin vici: there is no socket %s", socket)}
	case denied(err):
		return append([]Finding{cannot("strongSwan", err)}, p.socketRights()...)
	default:
		return []Finding{fail(startCharon, "strongSwan does not answer on %s: %v", socket, err)}
	}
	findings := append([]Finding{charonVersion(c.Version)}, plugins(c.Plugins)...)
	return append(findings, p.socketRights()...)
}

func charonVersion(version string) Finding {
	if older(version, oldestCharon) {
		return warn("apt-get install --only-upgrade charon-systemd", "strongSwan %s is older than any the home agent was tried with", version)
	}
	return good("strongSwan %s answers", version)
}

// older compares the numbers at the beginnings of versions.
func older(version string, than []int) bool {
	for i, part := range strings.SplitN(version, ".", len(than)) {
		digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			return false
		}
		if n != than[i] {
			return n < than[i]
		}
	}
	return false
}

func plugins(have []string) []Finding {
	var findings []Finding
	for _, need := range pluginsNeeded {
		if !slices.ContainsFunc(need.any, func(name string) bool { return slices.Contains(have, name) }) {
			findings = append(findings, fail("apt-get install libstrongswan-standard-plugins && "+startCharon,
				"strongSwan lacks the plugin %s: %s", strings.Join(need.any, " or "), need.purpose).about(need.any[0]))
		}
	}
	for _, name := range have {
		if why, harmful := pluginsHarmful[name]; harmful {
			findings = append(findings, fail(
				fmt.Sprintf("sed -i 's/load = yes/load = no/' /etc/strongswan.d/charon/%s.conf && %s", name, startCharon),
				"strongSwan has the plugin %s: %s", name, why).about(name))
		}
	}
	if len(findings) == 0 {
		return []Finding{good("strongSwan has the plugins it takes").about("plugins")}
	}
	return findings
}

// socketRights looks whether the daemon's user may use the VICI socket.
func (p *patient) socketRights() []Finding {
	uid, gid, ok := p.account()
	info, err := fs.Stat(p.Files(), inside(p.cfg.IKE.Socket))
	if !ok || err != nil {
		return nil
	}
	if !permits(info, uid, gid, mayRead|mayWrite) {
		return []Finding{fail(fmt.Sprintf("chgrp %s %s && chmod g+rw %[2]s", userName, p.cfg.IKE.Socket),
			"the user %s, as whom the daemon runs, may not use strongSwan's socket %s", userName, p.cfg.IKE.Socket).about(p.cfg.IKE.Socket)}
	}
	return []Finding{good("the user %s may use strongSwan's socket", userName).about(p.cfg.IKE.Socket)}
}

// settingsNeeded are off in a strongSwan beside a home agent. Their default is on.
var settingsNeeded = []string{"install_routes", "install_virtual_ip", "plugins.kernel-netlink.roam_events"}

// strongSwanSettings looks for what charon must be told before it starts.
func strongSwanSettings(ctx context.Context, p *patient) []Finding {
	settings, err := strongswanconf.Load(p.Files(), inside(p.settings))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // strongSwan is not installed, which another check says
	case err != nil:
		return []Finding{cannot("strongSwan's settings", err)}
	}
	var on []string
	for _, key := range settingsNeeded {
		value, _ := settings.Get(key, "charon-systemd", "charon")
		if strongswanconf.Bool(value, true) {
			on = append(on, key)
		}
	}
	if len(on) > 0 {
		return []Finding{fail(repairSettings+" && "+startCharon,
			"strongSwan's settings let it manage routes and addresses of mobile nodes, which is up to the home agent: %s must be off", strings.Join(on, ", "))}
	}
	return []Finding{p.settingsInForce(ctx, settings)}
}

// sinceWithin is how exactly charon tells since when it runs: in whole seconds,
// reckoned back from how long.
const sinceWithin = 2 * time.Second

// settingsInForce compares the age of the settings with that of charon, which
// reads them when it starts.
func (p *patient) settingsInForce(ctx context.Context, settings strongswanconf.Settings) Finding {
	c, err := p.Charon(ctx, p.cfg.IKE.Socket)
	for _, file := range settings.Files {
		info, statErr := fs.Stat(p.Files(), file)
		if err == nil && statErr == nil && !c.Since.IsZero() && info.ModTime().After(c.Since.Add(sinceWithin)) {
			return warn(startCharon, "strongSwan runs since before its settings in /%s were changed", file)
		}
	}
	return good("strongSwan leaves routes and addresses to the home agent")
}
