package testbed

import (
	"fmt"

	"homeagent/ike/charontest"
)

// A Charon is a strongSwan IKE daemon of one host, with settings, VICI socket and
// log of its own, so that several run side by side. The bed's Close stops it.
type Charon struct {
	*charontest.Daemon
	host *Host
}

// StartCharon starts the IKE daemon on a host; it answers on its VICI socket when
// this returns. The configuration's folder and namespace are the bed's business.
func (h *Host) StartCharon(config charontest.Config) (*Charon, error) {
	config.Dir, config.NetNS = h.File("charon"), ""
	c := &Charon{host: h}
	err := h.Do(func() (err error) {
		c.Daemon, err = charontest.Start(config)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("starting charon on %s: %w", h.name, err)
	}
	h.running = append(h.running, c)
	return c, nil
}

// Start runs charon again after Stop or Kill; it has forgotten everything.
func (c *Charon) Start() error { return c.host.Do(c.Daemon.Start) }

// String returns the daemon's name and its host's.
func (c *Charon) String() string { return "charon on " + c.host.name }
