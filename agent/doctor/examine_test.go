package doctor_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/doctor"
	"homeagent/agent/doctor/machine"
)

// A part that hangs delays the others' findings, but not for long, and the
// operator hears of it every second.
func TestHangs(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	synctest.Test(t, func(t *testing.T) {
		s.box.Hang = make(chan struct{})
		defer close(s.box.Hang)
		began, told := time.Now(), [][]string(nil)
		report := doctor.Examine(t.Context(), doctor.Subject{Config: s.cfg, System: s.box}, doctor.Checks(),
			func(pending []string) { told = append(told, pending) })
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("it took %v", took)
		}
		// In the last second one of the two may end before the other.
		want := slices.Repeat([][]string{{"strongswan", "strongswan_settings"}}, 9)
		if diff := cmp.Diff(want, told[:min(len(told), 9)]); diff != "" {
			t.Errorf("progress was told %d times (-want +got):\n%s", len(told), diff)
		}
		for _, f := range report.Findings {
			hung := f.Check == "strongswan" || f.Check == "strongswan_settings"
			if want := "this could not be checked within 10s"; hung && (f.Text != want || f.Status != doctor.Warning) {
				t.Errorf("%s: %s, want %q", f.Check, shown(f), want)
			}
			if !hung && f.Status == doctor.Failure {
				t.Errorf("%s: %s", f.Check, shown(f))
			}
		}
	})
}

func TestParts(t *testing.T) {
	t.Parallel()
	all := map[string]bool{}
	for _, c := range doctor.Checks() {
		if all[c.Name] || c.Within <= 0 {
			t.Errorf("the check %q is there twice, or has no time", c.Name)
		}
		all[c.Name] = true
	}
	for _, c := range slices.Concat(doctor.OfBox(), doctor.OfConfiguration()) {
		if !all[c.Name] {
			t.Errorf("%q is a check only of a part", c.Name)
		}
	}
}

// routeless is a box whose routes are too many to be read.
type routeless struct {
	*machine.Fake
	t *testing.T
}

func (r routeless) Routes([]netip.Prefix) ([]doctor.Route, error) {
	r.t.Error("routes were asked for")
	return nil, nil
}

// The daemon's own checks ask nobody else: not strongSwan, no peer, not itself; and
// they read no routes.
func TestOfBoxIsLocal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.box.Net.Forwarding = false
	s.box.Hang = make(chan struct{}) // for whoever asks strongSwan
	report := doctor.Examine(t.Context(), doctor.Subject{Config: s.cfg, System: routeless{s.box, t}}, doctor.OfBox(), nil)
	want := doctor.Summary{OK: 1, Failures: 1}
	if diff := cmp.Diff(want, report.Summary); diff != "" {
		t.Errorf("unexpected summary (-want +got):\n%s", diff)
	}
}
