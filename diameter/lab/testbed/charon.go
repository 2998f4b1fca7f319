package testbed

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// charonPath is where Debian's package charon-systemd puts the IKE daemon.
const charonPath = "/usr/sbin/charon-systemd"

// charonStart is how long charon may take until it answers on its socket.
const charonStart = 20 * time.Second

// A CharonConfig says how a strongSwan instance differs from the lab's usual one.
type CharonConfig struct {
	LogLevel int    // of all groups, as charon counts: 0 is audit, 4 shows secrets
	Settings string // more lines for strongswan.conf's charon-systemd section
}

// A Charon is a strongSwan IKE daemon of one host, with settings, VICI socket and
// log of its own, so that several run side by side.
type Charon struct {
	*Process
	Socket string // path of the VICI socket
	Log    string // path of charon's log
}

// StartCharon starts the IKE daemon on a host; it answers on its VICI socket when
// this returns. A second start after the first has ended finds nothing of it.
func (h *Host) StartCharon(ctx context.Context, config CharonConfig) (*Charon, error) {
	c := &Charon{Socket: h.File("charon.vici"), Log: h.File("ike.log")}
	settings := h.File("strongswan.conf")
	if err := os.WriteFile(settings, []byte(strongswanConf(config, c.Socket, c.Log)), 0o644); err != nil {
		return nil, fmt.Errorf("writing charon's settings: %w", err)
	}
	if err := os.RemoveAll(c.Socket); err != nil {
		return nil, fmt.Errorf("removing charon's old socket: %w", err)
	}
	process, err := h.Start(Program{
		Name: "charon", Path: charonPath,
		Environment: []string{"STRONGSWAN_CONF=" + settings, "SWANCTL_DIR=" + h.bed.folder},
	})
	if err != nil {
		return nil, err
	}
	c.Process = process
	ctx, cancel := context.WithTimeout(ctx, charonStart)
	defer cancel()
	return c, process.Await(ctx, "ready", c.answers)
}

func (c *Charon) answers() bool {
	conn, err := net.Dial("unix", c.Socket)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// strongswanConf gives charon the plugins it needs and no more, keeps its hands
// off routes and addresses, and lets it not react when those change: a care-of
// address that moves is the mobile node's business.
func strongswanConf(config CharonConfig, socket, log string) string {
	return fmt.Sprintf(`charon-systemd {
  load = random nonce openssl kdf kernel-netlink socket-default vici counters
  install_routes = no
  install_virtual_ip = no
  plugins {
    vici { socket = unix://%s }
    kernel-netlink { roam_events = no }
  }
  filelog { main { path = %s
      flush_line = yes
      time_format = %%H:%%M:%%S
      default = %d
  } }
  journal { default = -1 }
%s
}
`, socket, log, config.LogLevel, indent(config.Settings))
}

func indent(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n  ")
}
