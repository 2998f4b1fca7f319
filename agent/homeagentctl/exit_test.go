package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"homeagent/agent/control"
)

// wrong are calls that each command must refuse as wrong, and without what Go's
// packages say among themselves.
var wrong = map[string][]string{
	"status":   {"--nonsense", "extra"},
	"sessions": {"--nonsense", "extra"},
	"session":  {"", "a b", "a --nonsense"},
	"bindings": {"--nonsense", "extra"},
	"binding":  {"", "nonsense", "192.0.2.1", "fe80::1%eth0", "::1 ::2"},
	"peers":    {"--nonsense", "extra"},
	"top":      {"--every=x", "--every=0s", "--every=-1s", "--every=1ms", "--every="},
	"events":   {"--kind=nonsense", "--hoa=nonsense", "--hoa=192.0.2.1", "--last=-1", "--last=x", "--since=x", "--since=-1h", "--user"},
	"release":  {"", "a b"},
	"doctor":   {"--nonsense", "extra"},
	"reload":   {"--nonsense", "extra"},
	"init":     {"", "--identity=ha.example.com", "--secured=somehow", "--nonsense"},
	"psk": {
		"", "--key=00 --key-id=1 --hoa=::2", "--key=00 --key-id=1 --hoa=x --ha=::1", "--key=00 --key-id=1 --hoa=192.0.2.1 --ha=::1",
		"--key=0 --key-id=1 --hoa=::2 --ha=::1", "--key=xy --key-id=1 --hoa=::2 --ha=::1", "--key= --key-id=1 --hoa=::2 --ha=::1",
		"--key=00 --key-id=3000000000 --hoa=::2 --ha=::1", "--key=00 --key-id=x --hoa=::2 --ha=::1",
	},
}

// daemonless are calls that ask the daemon.
var daemonless = []string{
	"status", "sessions", "session a", "bindings", "binding ::1", "peers", "top", "top --json", "events", "events --once", "release a", "reload",
}

// quiet runs a command where nobody answers questions.
func quiet(t *testing.T, args ...string) error {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	return run(t.Context(), args, null, &bytes.Buffer{})
}

// rough are words of Go's packages.
var rough = []string{"strconv", "ParseAddr", "invalid syntax", "connect:", "dial ", "deadline", "EOF", "time: ", "no such file", "Get \"http"}

func refined(t *testing.T, call []string, err error) {
	t.Helper()
	for _, word := range rough {
		if strings.Contains(err.Error(), word) {
			t.Errorf("%q: %q is nothing for people: %v", call, word, err)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	parser := kong.Must(&cli{}, kong.Vars{"socket": "", "version": "", "more": "", "kinds": ""})
	for _, command := range parser.Model.Leaves(true) {
		if wrong[command.Name] == nil {
			t.Errorf("%s: no wrong call is tried", command.Name)
		}
	}
	for command, calls := range wrong {
		for _, flags := range calls {
			args := append([]string{command}, strings.Fields(flags)...)
			if command == "init" {
				args = append(args, "--config", filepath.Join(t.TempDir(), "homeagent.toml"))
			}
			err := quiet(t, args...)
			if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), "(homeagentctl --help tells what there is)") {
				t.Errorf("%q: %v", args, err)
				continue
			}
			refined(t, args, err)
		}
	}
	for _, args := range [][]string{{}, {"bogus"}, {"--nonsense"}} {
		if err := quiet(t, args...); err == nil || exitCode(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestWithoutADaemon(t *testing.T) {
	t.Parallel()
	for _, call := range daemonless {
		args := append([]string{"--socket", filepath.Join(t.TempDir(), "s")}, strings.Fields(call)...)
		err := quiet(t, args...)
		if err == nil || exitCode(err) != exitUnreachable || !strings.Contains(err.Error(), "systemctl status homeagent") {
			t.Errorf("%q: %v", call, err)
			continue
		}
		refined(t, args, err)
	}
}

// The status is the exit status, too.
func TestExitOfStatus(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "c")
	b, _ := serveBackend(t, socket)
	for state, want := range map[string]int{control.Ready: 0, control.Starting: exitNotReady, control.Degraded: exitNotReady} {
		for _, flag := range []string{"", "--json"} {
			b.state = state
			err := quiet(t, append([]string{"--socket", socket, "status"}, strings.Fields(flag)...)...)
			code := 0
			if err != nil {
				code = exitCode(err)
			}
			if code != want {
				t.Errorf("status %s of a daemon that is %s: exit status %d (%v), want %d", flag, state, code, err, want)
			}
		}
	}
}

// What is not there, and what fails, is no mistake of the caller's.
func TestFailures(t *testing.T) {
	t.Parallel()
	_, socket := daemon(t)
	for _, call := range []string{"session nobody", "release nobody", "reload"} {
		err := quiet(t, append([]string{"--socket", socket}, strings.Fields(call)...)...)
		if err == nil || exitCode(err) != exitFailed {
			t.Errorf("%q: %v", call, err)
		}
	}
	complete := filepath.Join(t.TempDir(), "homeagent.toml")
	call := append([]string{"init", "--config", complete}, given...)
	if err := quiet(t, call...); err != nil {
		t.Fatal(err)
	}
	if err := quiet(t, call...); err == nil || exitCode(err) != exitFailed {
		t.Errorf("init over a complete configuration: %v", err)
	}
	if err := quiet(t, slices.Concat([]string{"init", "--config", "/nowhere/homeagent.toml"}, given)...); err == nil || exitCode(err) != exitFailed {
		t.Errorf("init in no folder: %v", err)
	}
}

func TestComplain(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{errNotReady: "", errors.New("no such session"): "homeagentctl: no such session\n"} {
		var out bytes.Buffer
		if complain(&out, err); out.String() != want {
			t.Errorf("of %v it says %q", err, out.String())
		}
	}
	if code := exitCode(usageError{context.Canceled}); code != 64 { // sysexits.h, as of homeagentd
		t.Errorf("exit status %d", code)
	}
}
