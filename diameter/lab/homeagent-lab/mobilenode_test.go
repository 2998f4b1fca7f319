package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/mobilenode"
)

// obedient is a node that notes what it is told.
type obedient struct {
	told []string
	err  error
}

func (o *obedient) registration(told string, careOf netip.Addr) (mobilenode.Registration, error) {
	o.told = append(o.told, told)
	return mobilenode.Registration{CareOf: careOf, Status: mobility.StatusAccepted}, o.err
}

func (o *obedient) Secure(_ context.Context, careOf netip.Addr) (mobilenode.Association, error) {
	o.told = append(o.told, "secure "+careOf.String())
	return mobilenode.Association{}, o.err
}

func (o *obedient) Register(_ context.Context, careOf netip.Addr) (mobilenode.Registration, error) {
	return o.registration("register "+careOf.String(), careOf)
}

func (o *obedient) Protect(_ context.Context, p mobilenode.Protect) (mobilenode.Association, error) {
	o.told = append(o.told, fmt.Sprintf("protect %+v", p))
	return mobilenode.Association{}, o.err
}

func (o *obedient) TestHome(_ context.Context, correspondent netip.Addr) (time.Duration, error) {
	o.told = append(o.told, "test "+correspondent.String())
	return time.Millisecond, o.err
}

func (o *obedient) ReturnHome(context.Context) (mobilenode.Registration, error) {
	return o.registration("home", netip.Addr{})
}

func (o *obedient) Leave(context.Context) (mobilenode.Registration, error) {
	return o.registration("leave", netip.Addr{})
}

func TestObey(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	tests := []struct {
		name, input string
		node        obedient
		want        []string
		lines       int
		err         string
	}{
		{name: "nothing"},
		{
			name: "a journey", input: "secure 2001:db8:2::100\n\n  register 2001:db8:2::100\nregister 2001:db8:4::100\nhome\nleave\n",
			want:  []string{"secure 2001:db8:2::100", "register 2001:db8:2::100", "register 2001:db8:4::100", "home", "leave"},
			lines: 5,
		},
		{
			name: "protection", input: "protect both\ntest 2001:db8:3::1\nprotect nothing\n",
			want:  []string{"protect {ReturnRoutability:true Payload:true}", "test 2001:db8:3::1", "protect {ReturnRoutability:false Payload:false}"},
			lines: 3,
		},
		{name: "unknown protection", input: "protect me\n", err: `protect me: "me" cannot be protected`},
		{name: "quit", input: "home\nquit\nleave\n", want: []string{"home"}, lines: 1},
		{name: "unknown word", input: "fly\n", err: `fly: "fly" is no command (secure, register, protect, test, home, leave, quit)`},
		{name: "no address", input: "register\n", err: "register: ParseAddr"},
		{name: "bad address", input: "secure there\n", err: "secure there: ParseAddr"},
		{name: "refused", input: "home\nleave\n", node: obedient{err: refused}, want: []string{"home"}, err: "home: refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := &mobileNodeCmd{Timeout: time.Minute}
			err := c.obey(&environment{Context: t.Context(), out: &out}, &tt.node, strings.NewReader(tt.input))
			if (tt.err == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, tt.node.told); diff != "" {
				t.Errorf("told the node (-want +got):\n%s", diff)
			}
			if got := strings.Count(out.String(), "\n"); got != tt.lines {
				t.Errorf("printed %d lines, want %d:\n%s", got, tt.lines, &out)
			}
		})
	}
}

func TestObeyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &mobileNodeCmd{Timeout: time.Minute}
	node := &obedient{}
	err := c.obey(&environment{Context: ctx}, node, strings.NewReader("home\n"))
	if !errors.Is(err, context.Canceled) || node.told != nil {
		t.Errorf("got %v, told %q", err, node.told)
	}
}

func TestMobileNodeUsage(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.key")
	if err := os.WriteFile(bad, []byte("not hexadecimal"), 0o600); err != nil {
		t.Fatal(err)
	}
	who := []string{"mobile-node", "--user", "mn1@example.com", "--ha-identity", "ha.example.com", "--key-file", bad}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing", []string{"mobile-node"}, "missing flags"},
		{"no address", append(who, "--hoa", "home", "--ha", "2001:db8::1"), "--hoa"},
		{"bad key", append(who, "--hoa", "2001:db8::2", "--ha", "2001:db8::1"), "hexadecimal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, errOut, code := call(t, tt.args...); code != 64 || !strings.Contains(errOut, tt.want) {
				t.Errorf("exit code %d, %s, want %q in it", code, errOut, tt.want)
			}
		})
	}
}

func TestDemoFolder(t *testing.T) {
	t.Parallel()
	given := t.TempDir()
	folder, remove, err := (&demoCmd{Folder: given}).folder()
	if err != nil || folder != given || remove() != nil {
		t.Errorf("got %q, %v", folder, err)
	}
	if _, err := os.Stat(given); err != nil {
		t.Errorf("a folder that was given is gone: %v", err)
	}
	folder, remove, err = (&demoCmd{}).folder()
	if err != nil || remove() != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a temporary folder stays: %v", err)
	}
}

func TestDemoNeedsItsPrograms(t *testing.T) {
	t.Parallel()
	if _, errOut, code := call(t, "demo", "--binaries", filepath.Join(t.TempDir(), "absent")); code != 64 {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}
