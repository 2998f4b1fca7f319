package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
)

// examined is what the doctor says of a box of which little is known.
func examined(t *testing.T, asJSON bool, box *machine.Fake) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := doctorCmd{Config: filepath.Join(t.TempDir(), "homeagent.toml"), JSON: asJSON}
	err := c.examine(&environment{Context: t.Context(), out: &out, errors: &out}, box)
	return out.String(), err
}

func emptyBox() *machine.Fake {
	return &machine.Fake{Disk: fstest.MapFS{"sys/module/mip6": {}}, Time: doctor.Clock{Now: time.Now(), Synchronised: true}}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	out, err := examined(t, false, emptyBox())
	if err == nil || !strings.Contains(err.Error(), "this box is not ready") || exitCode(err) != exitFailed {
		t.Errorf("the doctor's verdict: %v", err)
	}
	for _, want := range []string{
		"FAIL  forwarding             the kernel does not forward IPv6 packets, so mobile nodes get none\n                             repair: sysctl -w net.ipv6.conf.all.forwarding=1\n" +
			"                             and for the next boot: echo net.ipv6.conf.all.forwarding=1 >>/etc/sysctl.d/90-homeagent.conf\n",
		" ok   clock                  the clock is synchronised\n",
		"warn  daemon                 the daemon does not run, as it is not configured\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Errorf("colours where there is no terminal:\n%q", out)
	}
}

// The schema is a promise: fields may come, none may go or change.
func TestDoctorJSON(t *testing.T) {
	t.Parallel()
	out, err := examined(t, true, emptyBox())
	if err == nil {
		t.Error("failures were found, and the exit status is 0")
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	findings, _ := got["findings"].([]any)
	var forwarding any
	for _, f := range findings {
		if f.(map[string]any)["check"] == "forwarding" {
			forwarding = f
		}
	}
	want := map[string]any{
		"check": "forwarding", "status": "fail", "text": "the kernel does not forward IPv6 packets, so mobile nodes get none",
		"repair": "sysctl -w net.ipv6.conf.all.forwarding=1", "lasting": "echo net.ipv6.conf.all.forwarding=1 >>/etc/sysctl.d/90-homeagent.conf",
	}
	if diff := cmp.Diff(any(want), forwarding); diff != "" {
		t.Errorf("unexpected finding (-want +got):\n%s", diff)
	}
	summary, _ := got["summary"].(map[string]any)
	if got["schema"] != 1.0 || got["version"] != "development" || summary["fail"] == 0.0 || summary["ok"] == nil || summary["warn"] == nil {
		t.Errorf("unexpected frame: schema %v, version %v, summary %v", got["schema"], got["version"], summary)
	}
}

func TestPrintReport(t *testing.T) {
	t.Parallel()
	report := doctor.Report{Summary: doctor.Summary{OK: 1, Warnings: 1, Failures: 2}, Findings: []doctor.Finding{
		{Check: "clock", Text: "fine"},
		{Check: "home_link", Subject: "eth1", Status: doctor.Warning, Text: "so so", Repair: "mend it"},
		{Check: "peer", Status: doctor.Failure, Text: "broken"},
	}}
	tests := map[bool]string{
		false: " ok   clock      fine\nwarn  home link  so so\n                 repair: mend it\nFAIL  peer       broken\n1 ok, 1 warning, 2 failures\n",
		true: "\x1b[0;32m ok \x1b[0m  clock      fine\n\x1b[0;33mwarn\x1b[0m  home link  so so\n\x1b[0;33m    \x1b[0m             repair: mend it\n" +
			"\x1b[1;31mFAIL\x1b[0m  peer       broken\n1 ok, 1 warning, 2 failures\n",
	}
	for coloured, want := range tests {
		var out bytes.Buffer
		if err := printReport(&out, report, coloured); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(out.String(), "\n")); diff != "" {
			t.Errorf("coloured %v (-want +got):\n%s", coloured, diff)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	for rewrites, want := range map[bool]string{
		false: "checking home link, peer\n",
		true:  "\r\x1b[Kchecking home link, peer (1 s)\r\x1b[Kchecking peer (2 s)\r\x1b[K",
	} {
		var out bytes.Buffer
		p := progress{out: &out, rewrites: rewrites}
		p.tell([]string{"home_link", "peer"})
		p.tell([]string{"peer"})
		p.end()
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("rewrites %v (-want +got):\n%s", rewrites, diff)
		}
	}
}

// The real box, whatever it is like, is told of in full.
func TestDoctorOfThisBox(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "homeagent.toml")
	if err := os.WriteFile(file, []byte("[diameter]\nidentity = 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := ctl(t, "", "doctor", "--config", file)
	if err == nil || !strings.Contains(out, "this must be set") || !strings.Contains(out, "repair: homeagentctl init --config "+file+"\n") {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestStoreLine(t *testing.T) {
	t.Parallel()
	ago := time.Now().Add(-time.Minute)
	tests := map[string]control.StoreStatus{
		"/s, 512 KiB free":             {Path: "/s", Free: 512 << 10},
		"/s, 10 MiB free":              {Path: "/s", Free: 10 << 20},
		"/s, 9216 GiB free":            {Path: "/s", Free: 9 << 40},
		"/s, 64 TiB free":              {Path: "/s", Free: 64 << 40},
		"CANNOT BE WRITTEN: full (/s)": {Path: "/s", Error: "full", Failures: 1, Failed: &ago},
		"/s, 1 failed commit since the start, the last one 1m ago":  {Path: "/s", Failures: 1, Failed: &ago},
		"/s, 2 failed commits since the start, the last one 1m ago": {Path: "/s", Failures: 2, Failed: &ago},
	}
	for want, s := range tests {
		if diff := cmp.Diff(want, storeLine(s)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
