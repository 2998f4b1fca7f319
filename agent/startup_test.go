package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"syscall"
	"testing"

	"homeagent/agent/config"
)

// failing is a task that cannot start.
type failing struct {
	Task
	err error
}

func (f failing) Run(context.Context) error { return f.err }

// Only what waits for the operator is blamed on an option.
func TestAccountable(t *testing.T) {
	t.Parallel()
	d := config.Diameter{Listen: []config.Listen{{Address: "[::1]:3868"}, {Address: "[::1]:68"}}}
	wrapped := func(err error) error { return fmt.Errorf(`listening at "[::1]:68": %w`, err) }
	tests := []struct {
		name   string
		option func(error) string
		err    error
		want   string // the option, empty for none
	}{
		{"no error", controlOption, nil, ""},
		{"no such group", controlOption, wrapped(user.UnknownGroupError("x")), "control.group"},
		{"a group that is not ours to give", controlOption, wrapped(&os.PathError{Op: "chown", Err: syscall.EPERM}), "control.group"},
		{"no folder", controlOption, wrapped(fs.ErrNotExist), "control.socket"},
		{"no rights", controlOption, wrapped(syscall.EACCES), "control.socket"},
		{"another file in its place", controlOption, wrapped(fs.ErrExist), "control.socket"},
		{"in use", controlOption, wrapped(syscall.EADDRINUSE), ""},
		{"a port of root's", listenOption(d), wrapped(syscall.EACCES), "diameter.listen.address"},
		{"a port of nobody knows", listenOption(d), syscall.EACCES, "diameter.listen"},
		{"an address that is late", listenOption(d), wrapped(syscall.EADDRNOTAVAIL), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := accountable{failing{err: tt.err}, config.Defaults(), tt.option}.Run(t.Context())
			problem, _ := errors.AsType[config.Problem](err)
			if problem.Key != tt.want || (err == nil) != (tt.err == nil) {
				t.Errorf("Run: %v, want the option %q", err, tt.want)
			}
		})
	}
}

func TestBuilt(t *testing.T) {
	t.Parallel()
	cfg := config.Defaults()
	if err := built(cfg, "ike.identity", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	for want, err := range map[string]error{
		"ike.identity: x": errors.New("x"),
		"diameter.ca: y":  &config.OptionError{Key: "diameter.ca", Err: errors.New("y")},
		"z":               config.Problem{Text: "z"},
		"a: 1\nb: 2":      config.Problems{{Key: "a", Text: "1"}, {Key: "b", Text: "2"}},
	} {
		if got := built(cfg, "ike.identity", err); got.Error() != want {
			t.Errorf("built: %v, want %s", got, want)
		}
	}
}
