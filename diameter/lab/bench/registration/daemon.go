package registration

import (
	"context"
	_ "embed"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"homeagent/agent/control"
	"homeagent/diameter/lab/testbed"
)

//go:embed homeagent.toml
var configuration string

// A daemon is homeagentd on a host.
type daemon struct {
	*testbed.Process
	host *testbed.Host
	ctl  *control.Client
}

// startDaemon starts homeagentd on a store that holds the sessions of all nodes.
func startDaemon(ctx context.Context, host *testbed.Host, cfg Config) (*daemon, error) {
	all := agentRealm
	all.nodes = cfg.Nodes
	if err := all.write(ctx, filepath.Join(cfg.Folder, "state.db")); err != nil {
		return nil, fmt.Errorf("writing the sessions of %d mobile nodes: %w", cfg.Nodes, err)
	}
	file := filepath.Join(cfg.Folder, "homeagent.toml")
	text, err := fill(cfg.Folder)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	process, err := host.Start(testbed.Program{
		Name: "homeagentd", Path: filepath.Join(cfg.Binaries, "homeagentd"), Arguments: []string{"--config", file},
	})
	if err != nil {
		return nil, err
	}
	d := &daemon{Process: process, host: host, ctl: control.NewClient(filepath.Join(cfg.Folder, "control.sock"))}
	return d, d.Await(ctx, "ready", func() bool {
		status, err := d.ctl.Status(ctx)
		return err == nil && status.State != "starting" && status.Kernel.InSync
	})
}

// fill writes the configuration for a folder.
func fill(folder string) (string, error) {
	blank, err := template.New("homeagent.toml").Option("missingkey=error").Parse(configuration)
	if err != nil {
		return "", fmt.Errorf("reading the home agent's configuration: %w", err)
	}
	var text strings.Builder
	err = blank.Execute(&text, map[string]string{
		"Folder": folder, "Address": agentRealm.agent.String(), "Prefix": agentRealm.prefix.String(),
	})
	if err != nil {
		return "", fmt.Errorf("filling in the home agent's configuration: %w", err)
	}
	return text.String(), nil
}

// pause stops the daemon in its tracks, and goOn lets it run again.
func (d *daemon) pause() error { return syscall.Kill(d.ID(), syscall.SIGSTOP) }
func (d *daemon) goOn() error  { return syscall.Kill(d.ID(), syscall.SIGCONT) }

// bound is how many bindings the daemon has.
func (d *daemon) bound(ctx context.Context) (int, error) {
	status, err := d.ctl.Status(ctx)
	return status.Bindings, err
}

// tunnel is the name of the device that all bindings share.
const tunnel = "mip6"

// held counts what the kernel holds for bindings.
func (d *daemon) held() (routes, filters int, err error) {
	handle := d.host.Netlink()
	device, err := handle.LinkByName(tunnel)
	if err != nil {
		return 0, 0, fmt.Errorf("finding the device %s: %w", tunnel, err)
	}
	list, err := handle.RouteListFiltered(unix.AF_INET6, &netlink.Route{LinkIndex: device.Attrs().Index}, netlink.RT_FILTER_OIF)
	if err != nil {
		return 0, 0, fmt.Errorf("listing the routes through %s: %w", tunnel, err)
	}
	for _, r := range list {
		if to, ok := netip.AddrFromSlice(r.Dst.IP); ok && agentRealm.prefix.Contains(to) {
			routes++
		}
	}
	checks, err := handle.FilterList(device, netlink.HANDLE_MIN_INGRESS)
	if err != nil {
		return 0, 0, fmt.Errorf("listing the filters of %s: %w", tunnel, err)
	}
	for _, f := range checks {
		if f.Type() == "flower" {
			filters++
		}
	}
	return routes, filters, nil
}
