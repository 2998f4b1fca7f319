package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// Config says where the demonstration finds things.
type Config struct {
	// Binaries is the folder with homeagentd, homeagentctl and homeagent-lab.
	Binaries string
	// Folder takes logs, sockets and certificates; it is made if missing.
	Folder string
	// Out is where the reader looks.
	Out io.Writer
}

// Run shows everything. It returns nil only if all of it happened; else the logs
// in the folder tell more.
func Run(ctx context.Context, config Config) error {
	folder, err := filepath.Abs(config.Folder)
	if err != nil {
		return err
	}
	config.Folder = folder
	start := time.Now()
	s := &scene{config: config}
	err = show(ctx, config.Out, s.steps())
	if err != nil {
		s.explain()
	}
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	fmt.Fprintf(config.Out, "\n%s (%s)\n", summary, seconds(time.Since(start)))
	return nil
}

// summary is what it was all about, in the last line.
const summary = "You have just seen a key from an AAA server become a mobile node's IKEv2 and ESP security, " +
	"and the node keep its address while it moved and returned home."

// steps is the whole demonstration.
func (s *scene) steps() []step {
	return append(s.bootstrapping(), s.movement()...)
}

// bootstrapping is how a key gets from the AAA server into an IKE_SA.
func (s *scene) bootstrapping() []step {
	return []step{
		{"A laboratory is built: five hosts, four links", s.buildLaboratory},
		{"strongSwan starts on the home agent and on the mobile node", s.startStrongswan},
		{"homeagentd starts", s.startDaemon},
		{"The AAA server connects by TLS and sends an HMR with the mobile node's key", s.sendHMR},
		{"The home agent's strongSwan holds the key and the mobile node's connection", s.lookIntoStrongswan},
		{"The mobile node derives the same key and brings up IKE_SA and CHILD_SA", s.secure},
		{"Both kernels hold ESP security associations between home address and home agent", s.lookIntoKernels},
		{"The operator looks at the session", s.lookAtSessions},
	}
}

// movement is what the security associations are for.
func (s *scene) movement() []step {
	return []step{
		{"The mobile node registers its care-of address on foreign link A, over ESP", s.register},
		{"A correspondent reaches the home address, through the tunnel to link A", s.reach},
		{"The mobile node moves to link B while the correspondent talks to it", s.move},
		{"The mobile node asks that all its packets travel under ESP, not only signalling", s.protect},
		{"It moves back to link A while the correspondent talks to it, under ESP", s.moveBack},
		{"The mobile node returns home while the correspondent talks to it, and deregisters", s.returnHome},
		{"The home agent forwards nothing any more", s.lookAtBindings},
	}
}
