package doctor

import (
	"context"
	"io/fs"
	"regexp"
	"strings"
)

// modulesNeeded are those of the package's modules-load.d, with what each is for.
var modulesNeeded = []struct{ name, purpose string }{
	{"mip6", "headers of Mobile IPv6"},
	{"esp6", "ESP over IPv6"},
	{"xfrm_user", "programming of IPsec"},
	{"ip6_tunnel", "the tunnel to mobile nodes"},
	{"cls_flower", "the tunnel's source check"},
	{"sch_ingress", "the tunnel's source check"},
	{"act_gact", "the tunnel's source check"},
}

const repairKernel = "apt-get install linux-image-$(dpkg --print-architecture) && reboot"

// modules looks whether the kernel has what it takes, or can load it.
func modules(_ context.Context, p *patient) []Finding {
	var there, idle, missing []string
	available, known := p.moduleList()
	for _, m := range modulesNeeded {
		switch {
		case exists(p.Files(), "/sys/module/"+m.name) || available[m.name] == builtIn:
			there = append(there, m.name)
		case available[m.name] == loadable || !known:
			idle = append(idle, m.name)
		default:
			missing = append(missing, m.name+" ("+m.purpose+")")
		}
	}
	var findings []Finding
	if len(missing) > 0 {
		findings = append(findings, fail(repairKernel, "this kernel lacks %s", strings.Join(missing, ", ")))
	}
	if len(idle) > 0 {
		// Most are loaded when they are needed, if nobody forbids it.
		f := warn("modprobe -a "+strings.Join(idle, " "), "not loaded: %s", strings.Join(idle, ", "))
		if !p.installed() { // the package loads them at boot
			f = f.atBoot(lastingModules(idle))
		}
		findings = append(findings, f)
	}
	if len(findings) == 0 {
		return []Finding{good("the kernel has %s", strings.Join(there, ", "))}
	}
	return findings
}

type moduleKind int

const (
	loadable moduleKind = iota + 1
	builtIn
)

// modulePath finds the name in a line such as "kernel/net/ipv6/mip6.ko.xz: ...".
var modulePath = regexp.MustCompile(`(?m)^[^:\n]*?([^/:\n]+)\.ko[.a-z0-9]*(:|$)`)

// moduleList is what the running kernel's folder says it has. It returns false
// where there is no such folder.
func (p *patient) moduleList() (map[string]moduleKind, bool) {
	release, err := fs.ReadFile(p.Files(), "proc/sys/kernel/osrelease")
	if err != nil {
		return nil, false
	}
	folder := "lib/modules/" + strings.TrimSpace(string(release)) + "/"
	list, known := map[string]moduleKind{}, false
	for file, kind := range map[string]moduleKind{"modules.dep": loadable, "modules.builtin": builtIn} {
		text, err := fs.ReadFile(p.Files(), folder+file)
		known = known || err == nil
		for _, match := range modulePath.FindAllSubmatch(text, -1) {
			name := strings.ReplaceAll(string(match[1]), "-", "_")
			list[name] = max(list[name], kind)
		}
	}
	return list, known
}
