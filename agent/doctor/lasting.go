package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
)

// What ip(8), sysctl(8) and modprobe(8) do is gone after a reboot. These say what to
// do for it to come back, in the places where Debian looks at boot.

// sysctlFile comes after the package's 60-homeagent.conf.
const sysctlFile = "/etc/sysctl.d/90-homeagent.conf"

// lastingSetting is for what setting does.
func lastingSetting(device, key, value string) string {
	return fmt.Sprintf("echo %s=%s >>%s", settingName(device, key), value, sysctlFile)
}

// lastingModules is for modules that no package loads.
func lastingModules(names []string) string {
	return `printf '%s\n' ` + strings.Join(names, " ") + " >>/etc/modules-load.d/mobile-ipv6.conf"
}

// lastingCommand is for a command of ip(8), as ifupdown runs it, and for what
// systemd-networkd has in its place.
func lastingCommand(device, command, networkd string) string {
	return fmt.Sprintf(`"up %s" below "iface %s" in /etc/network/interfaces, or %s in the interface's file of /etc/systemd/network`, command, device, networkd)
}

func lastingAddress(device string, a netip.Prefix) string {
	return lastingCommand(device, addAddress(device, a), fmt.Sprintf(`"Address=%s" below "[Network]"`, a))
}

func lastingRoute(device, command string, to netip.Prefix, what string) string {
	return lastingCommand(device, command, fmt.Sprintf(`"Destination=%s"%s below "[Route]"`, to, what))
}

func lastingLink(device string) string {
	return fmt.Sprintf(`"auto %s" in /etc/network/interfaces, or a file for it in /etc/systemd/network`, device)
}

func addAddress(device string, a netip.Prefix) string {
	return fmt.Sprintf("ip address add %s dev %s", a, device)
}

// rooted is an error for people. In those of a file system that begins at the root
// paths have no slash at their beginning.
func rooted(err error) string {
	text := err.Error()
	if p, is := errors.AsType[*fs.PathError](err); is && !strings.HasPrefix(p.Path, "/") {
		return strings.Replace(text, " "+p.Path+":", " /"+p.Path+":", 1)
	}
	return text
}
