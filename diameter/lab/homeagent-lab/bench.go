package main

import (
	"fmt"
	"net/netip"
	"os"

	"homeagent/diameter/lab/bench"
	"homeagent/diameter/lab/bench/bootstrapping"
	"homeagent/diameter/lab/bench/registration"
)

// benchCmd measures the home agent beside the bare limits of its parts.
type benchCmd struct {
	Bootstrapping benchBootstrappingCmd `cmd:"" help:"Measure HMR to HMA. Needs root, strongSwan's charon-systemd, and a disk; changes nothing outside of namespaces of its own."`
	Registration  benchRegistrationCmd  `cmd:"" help:"Measure Binding Update to Acknowledgement. Needs root in a kernel with Mobile IPv6, such as .ci/uml's, and a disk; changes nothing outside of namespaces of its own."`
	Responder     benchResponderCmd     `cmd:"" hidden:"" help:"Answer Binding Updates and do nothing else."`
}

type benchBootstrappingCmd struct {
	Folder  string `help:"Folder on a disk for stores, sockets and logs; by default a new one below /var/tmp, removed at the end." placeholder:"DIR"`
	Few     int    `default:"100" help:"Live sessions to begin with (${default})." placeholder:"N"`
	Many    int    `default:"10000" help:"Live sessions to compare with (${default})." placeholder:"N"`
	Stages  int    `default:"2" help:"Home agents started to be measured, one after the other (${default})." placeholder:"N"`
	Rounds  int    `default:"4" help:"Rounds in which everything is measured on each (${default})." placeholder:"N"`
	IKE     int    `default:"200" help:"Newcomers that run IKE at the end (${default})." placeholder:"N"`
	Profile string `help:"Write a processor profile here, for go tool pprof." placeholder:"FILE"`
}

// Run measures and reports.
func (c *benchBootstrappingCmd) Run(e *environment) error {
	if os.Geteuid() != 0 {
		return usageError{fmt.Errorf("measuring needs root, for network namespaces and strongSwan (try sudo)")}
	}
	folder := c.Folder
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("/var/tmp", "homeagent-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
	}
	return bootstrapping.Run(e, bootstrapping.Config{
		Folder: folder, Few: c.Few, Many: c.Many, Stages: c.Stages, Rounds: c.Rounds, Newcomers: c.IKE, Profile: c.Profile,
	}, bench.NewReport(e.out))
}

type benchRegistrationCmd struct {
	Folder   string `required:"" help:"Folder on a disk for the store, sockets and logs." placeholder:"DIR"`
	Binaries string `default:"build" help:"Folder with homeagentd and homeagent-lab (${default})." placeholder:"DIR"`
	Nodes    int    `default:"10000" help:"Mobile nodes (${default})." placeholder:"N"`
	Rounds   int    `default:"4" help:"Rounds in which everything is measured (${default})." placeholder:"N"`
}

// Run measures and reports.
func (c *benchRegistrationCmd) Run(e *environment) error {
	if os.Geteuid() != 0 {
		return usageError{fmt.Errorf("measuring needs root (try .ci/bench registration)")}
	}
	return registration.Run(e, registration.Config{
		Folder: c.Folder, Binaries: c.Binaries, Nodes: c.Nodes, Rounds: c.Rounds,
	}, bench.NewReport(e.out))
}

type benchResponderCmd struct {
	Address netip.Addr   `required:"" help:"The home agent's address." placeholder:"ADDR"`
	Prefix  netip.Prefix `required:"" help:"Where home addresses are from." placeholder:"PREFIX"`
}

// Run answers until it is ended.
func (c *benchResponderCmd) Run(e *environment) error {
	return registration.Respond(e, registration.ResponderConfig{Address: c.Address, Prefix: c.Prefix}, e.out)
}
