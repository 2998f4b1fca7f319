package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"homeagent/diameter/lab/testbed"
)

func says(lines ...string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return lines, nil }
}

func TestShow(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := []struct {
		name  string
		steps []step
		want  string
		err   string
	}{
		{
			name:  "all go well",
			steps: []step{{"First", says("this", "that")}, {"Second", says()}},
			want:  " 1. First\n      this\n      that\n      (0.00 s)\n 2. Second\n      (0.00 s)\n",
		},
		{
			name: "the second fails",
			steps: []step{
				{"First", says("this")},
				{"Second", func(context.Context) ([]string, error) { return []string{"half of it"}, broken }},
				{"Third", says("never")},
			},
			want: " 1. First\n      this\n      (0.00 s)\n 2. Second\n      half of it\n      FAILED after 0.00 s\n",
			err:  "step 2 (Second): broken",
		},
	}
	times := regexp.MustCompile(`\d+\.\d\d s`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := show(t.Context(), &out, tt.steps)
			if (tt.err == "") != (err == nil) || err != nil && (err.Error() != tt.err || !errors.Is(err, broken)) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, times.ReplaceAllString(out.String(), "0.00 s")); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryStepHasATitleAndSomethingToDo(t *testing.T) {
	t.Parallel()
	steps := new(scene).steps()
	titles := map[string]bool{}
	for _, s := range steps {
		if s.title == "" || titles[s.title] || s.do == nil {
			t.Errorf("step %q: no or a second title, or nothing to do", s.title)
		}
		titles[s.title] = true
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestListener(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := listen(path)
	must(t, err)
	defer l.close()
	if l.isReady() {
		t.Error("ready before anything was said")
	}
	l.note("STATUS=0 sessions\nWATCHDOG=1\n")
	if l.isReady() || l.status() != "0 sessions" {
		t.Errorf("ready %v, status %q", l.isReady(), l.status())
	}
	conn, err := net.Dial("unixgram", path)
	must(t, err)
	_, err = io.WriteString(conn, "READY=1\nSTATUS=serving")
	must(t, err)
	for !l.isReady() {
		time.Sleep(time.Millisecond)
	}
	if l.status() != "serving" {
		t.Errorf("status %q", l.status())
	}
}

func TestConfigurationIsFilledIn(t *testing.T) {
	t.Parallel()
	got, err := fill("/demo", "/demo/ha.vici")
	must(t, err)
	for _, want := range []string{
		`identity = "ha.example.com"`, `address = "[2001:db8:1::1]"`, `socket = "/demo/ha.vici"`, `path = "/demo/state.db"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "{{") || strings.Contains(got, "<no value>") {
		t.Errorf("not filled in:\n%s", got)
	}
}

func TestFirstRecord(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, output, want, err string
	}{
		{
			name:   "success",
			output: `{"user_name":"mn1","result_code":2001,"as_expected":true,"home_address":"2001:db8:1::5"}` + "\n" + `{"summary":{}}`,
			want:   "2001:db8:1::5",
		},
		{
			name:   "refused",
			output: `{"result_code":5003,"result":"DIAMETER_AUTHORIZATION_REJECTED","error_message":"no"}`,
			err:    "answered with 5003 DIAMETER_AUTHORIZATION_REJECTED: no",
		},
		{name: "nothing", output: "", err: "reading what homeagent-lab aaa-home wrote"},
		{name: "text", output: "usage: ...", err: `"usage: ..."`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			record, err := firstRecord(tt.output)
			if (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q in it", err, tt.err)
			}
			if err == nil && record.HomeAddress != tt.want {
				t.Errorf("home address %q, want %q", record.HomeAddress, tt.want)
			}
		})
	}
}

func TestESPStates(t *testing.T) {
	t.Parallel()
	home, agent, other := netip.MustParseAddr("2001:db8:1::5"), testbed.HomeAgentAddress, testbed.CareOfAddressA
	state := func(from, to netip.Addr, proto netlink.Proto, mode netlink.Mode) netlink.XfrmState {
		return netlink.XfrmState{Src: from.AsSlice(), Dst: to.AsSlice(), Proto: proto, Mode: mode, Spi: 0xabcd}
	}
	got := espStates([]netlink.XfrmState{
		state(home, agent, netlink.XFRM_PROTO_ESP, netlink.XFRM_MODE_TRANSPORT),
		state(agent, home, netlink.XFRM_PROTO_ESP, netlink.XFRM_MODE_TRANSPORT),
		state(home, agent, netlink.XFRM_PROTO_HAO, netlink.XFRM_MODE_ROUTEOPTIMIZATION),
		state(home, agent, netlink.XFRM_PROTO_ESP, netlink.XFRM_MODE_TUNNEL),
		state(other, agent, netlink.XFRM_PROTO_ESP, netlink.XFRM_MODE_TRANSPORT),
	}, home, agent)
	want := []string{
		"2001:db8:1::5 > 2001:db8:1::1 esp spi 0x0000abcd mode transport",
		"2001:db8:1::1 > 2001:db8:1::5 esp spi 0x0000abcd mode transport",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	got := prompt("homeagentctl bindings", "HOME  CARE-OF\n::1   ::2\n")
	want := []string{"$ homeagentctl bindings", "HOME  CARE-OF", "::1   ::2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestRunFailsWhereItCannotWork(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	var out bytes.Buffer
	if err := Run(t.Context(), Config{Folder: filepath.Join(file, "x"), Out: &out}); err == nil {
		t.Error("no error")
	}
	if strings.Contains(out.String(), "You have just seen") {
		t.Errorf("claims success:\n%s", &out)
	}
}
