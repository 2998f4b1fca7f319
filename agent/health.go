package agent

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"homeagent/agent/control"
)

// A complaint tells why the home agent is degraded, from its status; it returns
// nothing if it is not.
type complaint func(*control.Status) []control.Warning

// complaints come in the order in which an operator should look after them.
var complaints = []complaint{storeFails, kernelFails, strongSwanAway, manualKeyingFails, noPeer, reloadRefused, warned}

// judge completes a status with the state, and with the reasons for it.
func (a *Agent) judge(s *control.Status) {
	for _, complain := range complaints {
		s.Reasons = append(s.Reasons, complain(s)...)
	}
	switch {
	case !a.begun():
		s.State = control.Starting
	case len(s.Reasons) > 0:
		s.State = control.Degraded
	default:
		s.State = control.Ready
	}
}

func because(cause control.Cause, repair, format string, args ...any) []control.Warning {
	return []control.Warning{{Cause: cause, Repair: repair, Text: fmt.Sprintf(format, args...)}}
}

func storeFails(s *control.Status) []control.Warning {
	if s.Store.Error == "" {
		return nil
	}
	return because(control.StoreFails, "",
		"the store does not take changes, so that nobody is bootstrapped or registered: %s (df -h %s)", s.Store.Error, filepath.Dir(s.Store.Path))
}

func kernelFails(s *control.Status) []control.Warning {
	if s.Kernel.InSync {
		return nil
	}
	return because(control.KernelFails, "",
		"the kernel is not in order, so that nobody is bootstrapped: %s (homeagentctl doctor tells more)", s.Kernel.Error)
}

func manualKeyingFails(s *control.Status) []control.Warning {
	if s.Kernel.ManualError == "" {
		return nil
	}
	return because(control.ManualKeyingFails, "",
		"the kernel refuses security associations of mobile nodes keyed by hand, so that these are not served: %s", s.Kernel.ManualError)
}

func strongSwanAway(s *control.Status) []control.Warning {
	if s.IKE.Connected || !s.NeedsStrongSwan() {
		return nil
	}
	return because(control.StrongSwanAway, "systemctl restart strongswan",
		"strongSwan is away, so that nobody is bootstrapped or authenticates: %s", s.IKE.Error)
}

func noPeer(s *control.Status) []control.Warning {
	open := func(p control.Peer) bool { return p.Open }
	if len(s.Peers) == 0 || slices.ContainsFunc(s.Peers, open) {
		return nil
	}
	return because(control.NoPeer, "",
		"no Diameter peer is connected, so that nobody is bootstrapped (homeagentctl peers tells of each)")
}

func reloadRefused(s *control.Status) []control.Warning {
	c := &s.Configuration
	if c.Refused == nil {
		return nil
	}
	if !c.Invalid { // the error says what to do
		return because(control.ReloadRefused, "", "the changed configuration is not in force: %s", first(c.Error))
	}
	return because(control.ReloadRefused, "",
		"the changed configuration is not in force: %s (homeagentd --check, then systemctl reload homeagent)", first(c.Error))
}

// first is the first of several problems, and how many more there are: reasons are of
// one line.
func first(problems string) string {
	line, more, several := strings.Cut(problems, "\n")
	if !several {
		return line
	}
	return fmt.Sprintf("%s, and %d more", line, 1+strings.Count(more, "\n"))
}

// warned finds the warnings that weigh as much.
func warned(s *control.Status) (all []control.Warning) {
	for _, w := range s.Warnings {
		if w.Cause != "" {
			all = append(all, w)
		}
	}
	return all
}

// summary is a status as one line.
func summary(s *control.Status) string {
	var b strings.Builder
	b.WriteString(s.State)
	if len(s.Reasons) > 0 {
		b.WriteString(" (" + strings.Join(brief(s.Reasons), "; ") + ")")
	}
	fmt.Fprintf(&b, ": %d sessions (%d established), %d bindings", s.Sessions.Total, s.Sessions.Established, s.Bindings)
	if n := len(s.Configuration.Restart); n > 0 {
		fmt.Fprintf(&b, "; %d changed options wait for a restart", n)
	}
	return b.String()
}

// brief names each cause once.
func brief(reasons []control.Warning) []string {
	words := make([]string, 0, len(reasons))
	for _, r := range reasons {
		if w := cmp.Or(r.Cause.Brief(), r.Text); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}
