package doctor

import (
	"fmt"
	"slices"
)

// Schema is the version of a Report's JSON. It grows when a field changes its
// meaning or goes away; new fields, checks and subjects may come at any time.
const Schema = 1

// A Status says how bad a finding is.
type Status int

// The statuses. A Warning is what works for now, or could not be looked at; with
// a Failure mobile nodes are not served, or not safely.
const (
	OK Status = iota
	Warning
	Failure
)

var statusNames = []string{"ok", "warn", "fail"}

// String is "ok", "warn" or "fail".
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return fmt.Sprintf("status %d", int(s))
	}
	return statusNames[s]
}

// MarshalText is String's.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Status) UnmarshalText(text []byte) error {
	i := slices.Index(statusNames, string(text))
	if i < 0 {
		return fmt.Errorf("reading a status: it is %q (must be ok, warn or fail)", text)
	}
	*s = Status(i)
	return nil
}

// A Finding is what one check says of one subject.
type Finding struct {
	// Check is the name of the check, which does not change between versions.
	Check string `json:"check"`
	// Subject is what it is about, such as a peer or a file; empty where the
	// check is about one thing only.
	Subject string `json:"subject,omitempty"`
	Status  Status `json:"status"`
	// Option is the one of the configuration that it is about, empty where there
	// is none. Unless all is well Text begins with its place.
	Option string `json:"option,omitempty"`
	// Text is one sentence, without a full stop.
	Text string `json:"text"`
	// Repair is the command that mends it, run as root. It is empty where all is
	// well, and where only people can help.
	Repair string `json:"repair,omitempty"`
	// Lasting says how that outlives a reboot, where it does not by itself: a
	// command, or what to write where.
	Lasting string `json:"lasting,omitempty"`
}

// A Summary counts findings.
type Summary struct {
	OK       int `json:"ok"`
	Warnings int `json:"warn"`
	Failures int `json:"fail"`
}

// A Report is all that was found, in the order of the checks.
type Report struct {
	Schema   int       `json:"schema"`
	Version  string    `json:"version"`
	Summary  Summary   `json:"summary"`
	Findings []Finding `json:"findings"`
}

func newReport(findings []Finding) Report {
	r := Report{Schema: Schema, Findings: findings}
	for _, f := range findings {
		switch f.Status {
		case OK:
			r.Summary.OK++
		case Warning:
			r.Summary.Warnings++
		default:
			r.Summary.Failures++
		}
	}
	return r
}

// Findings are made by these three, and named by the check's examiner.

func good(format string, args ...any) Finding {
	return Finding{Status: OK, Text: fmt.Sprintf(format, args...)}
}

func warn(repair, format string, args ...any) Finding {
	return Finding{Status: Warning, Text: fmt.Sprintf(format, args...), Repair: repair}
}

func fail(repair, format string, args ...any) Finding {
	return Finding{Status: Failure, Text: fmt.Sprintf(format, args...), Repair: repair}
}

// about gives a finding its subject.
func (f Finding) about(subject string) Finding {
	f.Subject = subject
	return f
}

// of names the option that a finding is about.
func (f Finding) of(option string) Finding {
	f.Option = option
	return f
}

// atBoot says how the repair outlives a reboot.
func (f Finding) atBoot(lasting string) Finding {
	f.Lasting = lasting
	return f
}
