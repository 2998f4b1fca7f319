package main

import (
	"os"

	"homeagent/diameter/lab/demo"
)

// demoCmd shows the home agent's main job.
type demoCmd struct {
	Binaries string `default:"build" type:"existingdir" help:"Folder with homeagentd, homeagentctl and homeagent-lab (${default})." placeholder:"DIR"`
	Folder   string `help:"Folder for logs, captures and sockets; by default a temporary one, which is removed after a success." placeholder:"DIR"`
}

// Help is shown below the flags.
func (demoCmd) Help() string {
	return `Builds a laboratory of network namespaces on this machine, so it needs root, strongSwan (charon-systemd) ` +
		`and a kernel with the modules mip6, esp6, ip6_tunnel, veth, bridge and cls_flower. "make demo" runs it in user-mode-linux.

Exits with 0 only if every step happened.`
}

// Run shows it.
func (c *demoCmd) Run(e *environment) error {
	folder, remove, err := c.folder()
	if err != nil {
		return err
	}
	if err := demo.Run(e, demo.Config{Binaries: c.Binaries, Folder: folder, Out: e.out}); err != nil {
		return err
	}
	return remove()
}

func (c *demoCmd) folder() (string, func() error, error) {
	if c.Folder != "" {
		return c.Folder, func() error { return nil }, nil
	}
	folder, err := os.MkdirTemp("", "homeagent-demo-")
	return folder, func() error { return os.RemoveAll(folder) }, err
}
