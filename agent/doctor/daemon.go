package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"syscall"

	"homeagent/agent/control"
)

const (
	startDaemon   = "systemctl start homeagent"
	restartDaemon = "systemctl restart homeagent"
	readLog       = "journalctl -u homeagent -n 50"
)

// daemon looks whether the home agent runs and is well.
func daemon(_ context.Context, p *patient) []Finding {
	status, err := p.daemon()
	switch {
	case err == nil:
	case absent(err):
		return append([]Finding{p.notRunning()}, p.enabled()...)
	case denied(err):
		return []Finding{cannot("the daemon", err)}
	default:
		return []Finding{fail(restartDaemon, "the daemon does not answer: %v", err)}
	}
	var findings []Finding
	if status.State == control.Starting {
		findings = append(findings, warn(readLog, "the daemon is still starting"))
	}
	if !status.IKE.Connected && status.NeedsStrongSwan() {
		findings = append(findings, fail(startCharon, "the daemon is not connected to strongSwan: %s", status.IKE.Error))
	}
	if !status.Kernel.InSync {
		findings = append(findings, fail(readLog, "the kernel is not as the daemon wants it: %s", status.Kernel.Error))
	}
	if status.Kernel.ManualError != "" {
		findings = append(findings, fail(readLog, "the kernel refuses security associations of mobile nodes keyed by hand: %s", status.Kernel.ManualError))
	}
	if status.Store.Error != "" {
		findings = append(findings, fail("df "+p.cfg.Store.Path, "the daemon cannot write its store: %s", status.Store.Error))
	}
	if len(findings) == 0 {
		findings = append(findings, good("the daemon is ready, version %s", status.Version))
	}
	return append(findings, p.enabled()...)
}

// absent reports whether nobody listens at a socket.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

func (p *patient) notRunning() Finding {
	if pid := p.instance(); pid != 0 {
		return fail("ps -fp "+number(pid), "a home agent runs as process %d and does not listen on %s (is it starting, or has it another configuration?)", pid, p.cfg.Control.Socket)
	}
	if p.configError != nil && !denied(p.configError) {
		return warn(p.initialise(), "the daemon does not run, as it is not configured")
	}
	return warn(startDaemon, "the daemon does not run")
}

// instance is the process id of the home agent, 0 if there is none or nobody tells.
func (p *patient) instance() int {
	pid, err := p.Instance(path.Dir(p.cfg.Control.Socket))
	if err != nil {
		return 0
	}
	return pid
}

// enabled looks whether the daemon comes back after a boot.
func (p *patient) enabled() []Finding {
	if !p.installed() {
		return nil
	}
	// A link, which may lead out of what a test has.
	if _, err := fs.Lstat(p.Files(), inside(wanted)); errors.Is(err, fs.ErrNotExist) {
		return []Finding{warn("systemctl enable homeagent", "the daemon is not started at boot").about("boot")}
	}
	return nil
}
