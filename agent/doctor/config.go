package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"homeagent/agent/config"
)

// configuration looks whether there is one that a daemon can use.
func configuration(ctx context.Context, p *patient) []Finding {
	var problems config.Problems
	switch err := p.configError; {
	case err == nil:
		return p.complete(doubts(ctx, p))
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{fail(p.initialise(), "there is no configuration %s", p.file)}
	case denied(err):
		return []Finding{cannot("the configuration "+p.file, err)}
	case errors.As(err, &problems):
		text := problems[0].Error()
		if more := len(problems) - 1; more > 0 {
			text += fmt.Sprintf(", and %d more that the daemon's --check tells", more)
		}
		if problems[0].Missing() {
			return []Finding{fail(p.initialise(), "%s", text)}
		}
		return []Finding{fail(repairConfig(p.file), "%s", text)}
	default:
		return []Finding{fail(repairConfig(p.file), "%s", rooted(err))}
	}
}

const defaultFile = "/etc/homeagent/homeagent.toml"

// initialise is what writes a configuration.
func (p *patient) initialise() string {
	if p.file == defaultFile {
		return "homeagentctl init"
	}
	return "homeagentctl init --config " + p.file
}

// repairConfig is what tells all that is wrong with a file.
func repairConfig(file string) string { return "homeagentd --check --config " + file }

// complete is what there is to say of a configuration that was loaded, with doubts
// about it.
func (p *patient) complete(doubts []Finding) []Finding {
	readable := p.configReadable()
	if readable.Status == OK && slices.ContainsFunc(doubts, func(f Finding) bool { return f.Status == Failure }) {
		return doubts
	}
	return append([]Finding{readable}, doubts...)
}

func (p *patient) configReadable() Finding {
	if what := p.outOfReach(p.file); what != "" {
		return fail("systemd-tmpfiles --create homeagent.conf", "%s cannot be read by the user %s, as whom the daemon runs", what, userName)
	}
	return good("%s is complete and right", p.file)
}

// accounts looks for the user as whom the daemon runs, and the group that may use
// its socket.
func accounts(ctx context.Context, p *patient) []Finding {
	return append([]Finding{p.daemonAccount()}, controlGroup(ctx, p)...)
}

func (p *patient) daemonAccount() Finding {
	_, userErr := p.UserID(userName)
	_, groupErr := p.GroupID(userName)
	switch {
	case userErr == nil && groupErr == nil:
		return good("user and group %s exist", userName).about(userName)
	case !p.installed():
		return good("no unit of systemd is installed that would need the user %s", userName).about(userName)
	default:
		return fail("systemd-sysusers homeagent.conf", "the user or group %s does not exist, as whom the daemon runs", userName).about(userName)
	}
}

// controlGroup looks for the group that may use the control socket.
func controlGroup(_ context.Context, p *patient) []Finding {
	group := p.cfg.Control.Group
	if group == "" {
		return nil
	}
	if _, err := p.GroupID(group); err != nil {
		return []Finding{fail("groupadd --system "+group, "the group %s does not exist", group).about(group).of("control.group")}
	}
	return []Finding{good("the group %s of control.group exists", group).about(group)}
}
