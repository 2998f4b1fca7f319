package doctor

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/control"
)

// A Check looks at one thing.
type Check struct {
	// Name is that of its findings.
	Name string
	// Within is how long it may take.
	Within time.Duration
	run    func(context.Context, *patient) []Finding
}

// A Subject is the box to examine and what it should be.
type Subject struct {
	// File is the configuration's; Config what is in it, or the error of
	// loading it in ConfigError.
	File        string
	Config      *config.Config
	ConfigError error
	// Settings is strongSwan's own file, /etc/strongswan.conf if it is empty.
	Settings string
	System   System
}

// A patient is the subject of checks, with what several of them ask.
type patient struct {
	System
	file        string
	cfg         *config.Config // defaults where there is none
	configError error
	settings    string
	installed   func() bool // by the package, to be run by systemd as a user of its own
	network     func() (Network, error)
	routes      func() ([]Route, error) // of everything, and of the home prefixes
	daemon      func() (control.Status, error)
}

// everything is where a default route leads.
var everything = netip.PrefixFrom(netip.IPv6Unspecified(), 0)

// askTime bounds what is asked once for several checks. It is less than any of
// them has.
const askTime = 4 * time.Second

func newPatient(ctx context.Context, s Subject) *patient {
	p := &patient{System: s.System, file: s.File, cfg: s.Config, configError: s.ConfigError, settings: s.Settings}
	if p.settings == "" {
		p.settings = settingsFile
	}
	if p.cfg == nil {
		p.cfg = config.Defaults()
	}
	p.installed = sync.OnceValue(func() bool { return exists(p.Files(), unitFile) })
	p.network = sync.OnceValues(p.Network)
	p.routes = sync.OnceValues(func() ([]Route, error) {
		of := []netip.Prefix{everything}
		for _, h := range p.cfg.Prefixes {
			of = append(of, h.Prefix)
		}
		return p.Routes(of)
	})
	p.daemon = sync.OnceValues(func() (control.Status, error) {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		return p.Daemon(ctx, p.cfg.Control.Socket)
	})
	return p
}

// Examine runs the checks side by side and returns what they find, in their
// order. Progress, where it is not nil, is called with the names of those still
// at work, every second, one call after the other.
func Examine(ctx context.Context, s Subject, checks []Check, progress func(pending []string)) Report {
	p := newPatient(ctx, s)
	results := make([]chan []Finding, len(checks))
	for i, c := range checks {
		results[i] = make(chan []Finding, 1)
		go func() { results[i] <- c.examine(ctx, p) }()
	}
	var findings []Finding
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for i := range results {
		findings = append(findings, await(i, checks, results, ticker.C, progress)...)
	}
	return newReport(findings)
}

// await waits for one result and tells of progress meanwhile.
func await(i int, checks []Check, results []chan []Finding, tick <-chan time.Time, progress func([]string)) []Finding {
	for {
		select {
		case found := <-results[i]:
			return found
		case <-tick:
			var pending []string
			for j := i; j < len(checks); j++ {
				if len(results[j]) == 0 {
					pending = append(pending, checks[j].Name)
				}
			}
			if progress != nil && len(pending) > 0 {
				progress(pending)
			}
		}
	}
}

// examine runs a check for as long as it may take. One that does not end, as
// where a file system hangs, is left behind.
func (c Check) examine(ctx context.Context, p *patient) []Finding {
	ctx, cancel := context.WithTimeout(ctx, c.Within)
	defer cancel()
	done := make(chan []Finding, 1)
	go func() { done <- c.run(ctx, p) }()
	var findings []Finding
	select {
	case findings = <-done:
	case <-ctx.Done():
		select {
		case findings = <-done:
		case <-time.After(time.Second): // to say itself what took so long
			findings = []Finding{warn("", "this could not be checked within %s", c.Within)}
		}
	}
	for i := range findings {
		f := &findings[i]
		f.Check = c.Name
		if f.Option != "" && f.Status != OK {
			problem := p.cfg.Problem(f.Option, "%s", f.Text)
			f.Text, f.Option = problem.Error(), problem.Key
		}
	}
	return findings
}

// cannot is the finding where the box could not be asked.
func cannot(what string, err error) Finding {
	if denied(err) {
		return warn("sudo homeagentctl doctor", "%s cannot be checked without root", what)
	}
	return warn("", "%s cannot be checked: %s", what, rooted(err))
}
