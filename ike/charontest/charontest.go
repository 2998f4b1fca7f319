// Package charontest runs real charons, each in a network namespace of its
// own, for tests and demonstrations. It starts programs (charon-systemd,
// swanctl and ip of Debian 12) and must not be linked into the daemon.
//
// A charon started here reads no configuration of the machine: its settings,
// sockets and logs are in the folder it is given. It loads the plugins that a
// home agent needs and takes its keys and connections over VICI only.
//
// Exported: [Start] with [Config], giving a [Daemon]; [NewPair], two namespaces
// with a link between them; [Daemon.Swanctl] for what an operator would type.
package charontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Programs of strongSwan as Debian 12 installs them.
const (
	charonPath  = "/usr/sbin/charon-systemd"
	swanctlPath = "/usr/sbin/swanctl"
)

// Plugins are what charon needs for IKEv2 with pre-shared keys. OpenSSL 3
// alone lacks the key derivation of IKE: hence kdf.
const Plugins = "random nonce openssl kdf kernel-netlink socket-default vici counters"

// A Config says how a charon is run.
type Config struct {
	// Dir holds its configuration, its sockets and its log. It is
	// created. Its path must be short: a socket's path has 107 octets at
	// most.
	Dir string

	// NetNS is the name of the network namespace ("ip netns") to run in;
	// "" is the present one.
	NetNS string

	// LogLevel is charon's default log level (default 1). Never 4: it
	// shows keys.
	LogLevel int

	// Settings go into strongswan.conf's section of the daemon, after the
	// ones a home agent needs, such as "threads = 8".
	Settings string

	// Plugins replaces the plugins to load (default Plugins).
	Plugins string
}

// A Daemon is a running charon.
type Daemon struct {
	cfg Config
	cmd *exec.Cmd
	end chan error // its exit
}

const settings = `charon-systemd {
  load = %s
  install_routes = no
  install_virtual_ip = no
  ikesa_table_size = 4096
  ikesa_table_segments = 16
  plugins {
    vici {
      socket = unix://%s
    }
    kernel-netlink {
      roam_events = no
    }
  }
  filelog {
    log {
      path = %s
      default = %d
      time_format = %%H:%%M:%%S
      flush_line = yes
    }
  }
  journal {
    default = -1
  }
%s
}
`

// Start runs a charon and waits until it answers on its VICI socket.
func Start(cfg Config) (*Daemon, error) {
	if cfg.LogLevel == 0 {
		cfg.LogLevel = 1
	}
	if cfg.Plugins == "" {
		cfg.Plugins = Plugins
	}
	d := &Daemon{cfg: cfg}
	if err := d.configure(); err != nil {
		return nil, fmt.Errorf("configuring charon in %s: %w", cfg.Dir, err)
	}
	if err := d.Start(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Daemon) configure() error {
	if err := os.MkdirAll(filepath.Join(d.cfg.Dir, "swanctl", "conf.d"), 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf(settings, d.cfg.Plugins, d.Socket(), d.path("charon.log"), d.cfg.LogLevel, d.cfg.Settings)
	return os.WriteFile(d.path("strongswan.conf"), []byte(text), 0o600)
}

// Start runs charon again after Stop or Kill, with the same configuration.
func (d *Daemon) Start() error {
	if err := os.Remove(d.Socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing charon's old socket: %w", err)
	}
	args := []string{charonPath}
	if d.cfg.NetNS != "" {
		args = append([]string{"ip", "netns", "exec", d.cfg.NetNS}, args...)
	}
	d.cmd = exec.Command(args[0], args[1:]...)
	d.cmd.Env = d.env()
	var stderr bytes.Buffer
	d.cmd.Stderr = &stderr
	if err := d.cmd.Start(); err != nil {
		return fmt.Errorf("starting charon: %w (is charon-systemd installed?)", err)
	}
	d.end = make(chan error, 1)
	go func(cmd *exec.Cmd, end chan error) { end <- cmd.Wait() }(d.cmd, d.end)
	return d.awaitSocket(&stderr)
}

// startTime bounds how long charon may take to open its socket.
const startTime = 20 * time.Second

func (d *Daemon) awaitSocket(stderr *bytes.Buffer) error {
	deadline := time.After(startTime)
	for {
		conn, err := net.Dial("unix", d.Socket())
		if err == nil {
			return conn.Close()
		}
		select {
		case err := <-d.end:
			d.end <- err
			return fmt.Errorf("starting charon: it ended (%v): %s\n%s", err, stderr, d.Log())
		case <-deadline:
			return errors.Join(fmt.Errorf("starting charon: no VICI socket after %v: %w\n%s", startTime, err, d.Log()), d.Kill())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (d *Daemon) env() []string {
	return append(os.Environ(), "STRONGSWAN_CONF="+d.path("strongswan.conf"), "SWANCTL_DIR="+d.path("swanctl"))
}

func (d *Daemon) path(name string) string { return filepath.Join(d.cfg.Dir, name) }

// Socket is the path of the VICI socket.
func (d *Daemon) Socket() string { return d.path("charon.vici") }

// Pid is charon's process.
func (d *Daemon) Pid() int { return d.cmd.Process.Pid }

// Stop ends charon in an orderly way: it tells its peers. One that hangs while it
// ends, as version 5.9.8 does once in some hundred times, is killed then.
func (d *Daemon) Stop() error {
	if d.signal(syscall.SIGTERM) == nil {
		return nil
	}
	return d.Kill()
}

// Kill ends charon as a crash would: its peers hear nothing.
func (d *Daemon) Kill() error { return d.signal(syscall.SIGKILL) }

func (d *Daemon) signal(sig syscall.Signal) error {
	if err := d.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending charon: %w", err)
	}
	select {
	case err := <-d.end:
		d.end <- err
		return nil
	case <-time.After(startTime):
		return fmt.Errorf("ending charon: still there %v after %v", startTime, sig)
	}
}

// Log is all that charon has logged so far.
func (d *Daemon) Log() string {
	text, err := os.ReadFile(d.path("charon.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// WriteSwanctl writes swanctl.conf, for Swanctl("--load-all").
func (d *Daemon) WriteSwanctl(conf string) error {
	return os.WriteFile(d.path("swanctl/swanctl.conf"), []byte(conf), 0o600)
}

// swanctlTime bounds what one swanctl may take.
const swanctlTime = 2 * time.Minute

// Swanctl runs swanctl on this charon and returns what it printed.
func (d *Daemon) Swanctl(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), swanctlTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, swanctlPath, append(args, "--uri", "unix://"+d.Socket())...)
	cmd.Env = d.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("running swanctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// CPU is the processor time charon has used so far, in steps of 10 ms.
func (d *Daemon) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.Pid()))
	if err != nil {
		return 0, fmt.Errorf("reading charon's processor time: %w", err)
	}
	// The name is in parentheses and may hold spaces; utime and stime are
	// the 12th and 13th fields after it (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading charon's processor time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
