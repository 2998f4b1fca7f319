package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"homeagent/agent/config"
)

const (
	profileFile  = "/etc/apparmor.d/usr.sbin.homeagentd"
	localProfile = "/etc/apparmor.d/local/usr.sbin.homeagentd"
	// profilesUsed says Y where the kernel heeds profiles.
	profilesUsed = "/sys/module/apparmor/parameters/enabled"
)

// folders looks whether the unit and the AppArmor profile of the package let the daemon
// in where the configuration points.
func folders(_ context.Context, p *patient) []Finding {
	if !p.installed() {
		return nil
	}
	var findings []Finding
	for _, named := range p.cfg.Paths() {
		if f := p.outside(named); f.Status != OK {
			findings = append(findings, f.of(named.Key))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, good("unit and AppArmor profile let the daemon in wherever the configuration points"))
	}
	return findings
}

// outside looks at one path.
func (p *patient) outside(named config.Path) Finding {
	name := p.resolved(named.Name)
	if !named.Outside(name) {
		return Finding{}
	}
	folder := path.Dir(name)
	var ways []string
	if hidden(name) && !p.unitHas(folder) && !p.unitHas("ProtectHome") && !p.unitHas("PrivateTmp") {
		return warn("", "%s is in a folder that the unit hides from the packaged daemon (move it to %s)", name, strings.Join(named.Folders, " or "))
	}
	if named.Write && !p.unitAllows(name) {
		ways = append(ways, fmt.Sprintf("with systemctl edit homeagent write \"[Service]\" and \"ReadWritePaths=%s\"", folder))
	}
	if p.profiled() && !p.mentioned(localProfile, name) {
		rule := name + " r,"
		if named.Write {
			rule = folder + "/** rwkl,"
		} else if strings.HasPrefix(named.Key, "ike.") {
			rule = name + " rw,"
		}
		ways = append(ways, fmt.Sprintf("add the line \"%s\" to %s and run apparmor_parser -r %s", rule, localProfile, profileFile))
	}
	if len(ways) == 0 {
		return Finding{}
	}
	return warn("", "%s is outside of %s, where the packaged daemon is let in (move it there; or %s)", name, strings.Join(named.Folders, " and "), strings.Join(ways, ", and "))
}

// hidden reports whether a file is in a folder that the unit does not show, by
// ProtectHome= and PrivateTmp=.
func hidden(name string) bool {
	for _, folder := range []string{"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"} {
		if strings.HasPrefix(name, folder) {
			return true
		}
	}
	return false
}

// unitAllows reports whether a drop-in of the unit opens a folder above a file.
func (p *patient) unitAllows(name string) bool {
	for folder := path.Dir(name); folder != "/"; folder = path.Dir(folder) {
		if p.unitHas(folder) {
			return true
		}
	}
	return false
}

// profiled reports whether the AppArmor profile is in force.
func (p *patient) profiled() bool {
	used, err := fs.ReadFile(p.Files(), inside(profilesUsed))
	return err == nil && strings.HasPrefix(string(used), "Y") && exists(p.Files(), profileFile)
}

// mentioned reports whether a file speaks of a name, or of a folder above it.
func (p *patient) mentioned(file, name string) bool {
	text, err := fs.ReadFile(p.Files(), inside(file))
	if err != nil {
		return false
	}
	for ; name != "/"; name = path.Dir(name) {
		if strings.Contains(string(text), name) {
			return true
		}
	}
	return false
}

// mostLinks is how many links Linux follows.
const mostLinks = 40

// resolved is a path with the links in it followed, as AppArmor sees it.
func (p *patient) resolved(name string) string {
	name = path.Clean(name)
	for range mostLinks {
		next := p.followed(name)
		if next == name {
			break
		}
		name = next
	}
	return name
}

// followed follows the first link of a path.
func (p *patient) followed(name string) string {
	parts := strings.Split(inside(name), "/")
	for i := range parts {
		link := "/" + strings.Join(parts[:i+1], "/")
		target, err := fs.ReadLink(p.Files(), inside(link))
		if err != nil {
			continue
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(link), target)
		}
		return path.Join(target, strings.Join(parts[i+1:], "/"))
	}
	return name
}
