package agent_test

import (
	"strings"
	"testing"

	"homeagent/agent/control"
	"homeagent/agent/events"
	"homeagent/diameter"
)

// registered bootstraps mn1 and registers it.
func (h *house) registered(t *testing.T) (control.Session, control.Binding) {
	t.Helper()
	h.askFor(t, h.connect(t, "aaah.example.com"), "mn1@example.com", diameter.Success)
	s, err := h.ctl.Session(t.Context(), "mn1@example.com")
	if err != nil {
		t.Fatal(err)
	}
	h.answer(t, message(s.HomeAddress, octets(t, update(7, 100))))
	return s, h.bindings(t).Bindings[0]
}

// has finds the warning with a cause.
func (h *house) has(t *testing.T, cause control.Cause) (control.Warning, bool) {
	t.Helper()
	status, err := h.ctl.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range status.Reasons {
		if w.Cause == cause {
			return w, status.State == control.Degraded
		}
	}
	return control.Warning{}, false
}

// A configuration that loses the home prefix, or an address of the home agent, is
// told of before the restart and after it, costs nobody the authorization, and is
// mended by another one.
func TestSessionsOutliveAMistakeInTheConfiguration(t *testing.T) {
	t.Parallel()
	const addresses = `["2001:db8:1::1"]`
	for name, tt := range map[string]struct{ right, wrong, says string }{
		"home prefix": {
			addresses + "\n[[home_prefix]]\nprefix = \"2001:db8:1::/64\"\nfirst = \"2001:db8:1::100\"\nlast = \"2001:db8:1::103\"",
			`["2001:db8:1::1", "2001:db8:9::1"]` + "\n[[home_prefix]]\nprefix = \"2001:db8:9::/64\"", "the home address of 1, such as 2001:db8:1::10",
		},
		"home agent": {addresses, `["2001:db8:1::2"]`, "the home agent address of 1, such as 2001:db8:1::1 of mn1@example.com, is not in home_agent.addresses"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			before, binding := h.registered(t)
			h.edit(t, tt.right, tt.wrong)
			done, err := h.ctl.Reload(t.Context())
			if err != nil || done.Unplaced == nil || done.Unplaced.Sessions != 1 || !strings.Contains(done.Unplaced.Text, tt.says) {
				t.Errorf("reload: %+v, %v", done.Unplaced, err)
			}
			if status, err := h.ctl.Status(t.Context()); err != nil || status.Configuration.Unplaced == nil || len(status.Configuration.Restart) == 0 {
				t.Errorf("status %+v, %v", status.Configuration, err)
			}
			if e := h.heard(t, events.ConfigurationLoaded); !strings.Contains(e.Detail, "1 session would not be served after the restart: the home") {
				t.Errorf("told %q", e.Detail)
			}
			h.stop()
			h.start(t)
			if w, degraded := h.has(t, control.SessionsDormant); !degraded || !strings.Contains(w.Text, tt.says) {
				t.Errorf("told %+v", w)
			}
			if e := h.heard(t, events.SessionsDormant); !strings.Contains(e.Detail, tt.says) {
				t.Errorf("told %q", e.Detail)
			}
			if s, err := h.ctl.Session(t.Context(), "mn1@example.com"); err != nil || s.State != "dormant" {
				t.Errorf("session %+v, %v", s, err)
			}
			if list, err := h.ctl.Sessions(t.Context()); err != nil || len(list.Sessions) != 1 || list.Sessions[0].State != "dormant" {
				t.Errorf("sessions %+v, %v", list, err)
			}
			h.expectMetrics(t, map[string]float64{"homeagent_dormant_sessions": 1})
			if b := h.bindings(t).Bindings; len(b) != 0 {
				t.Errorf("served: %v", b)
			}
			eventually(t, "charon holds no key", func() bool { return len(h.charon.Keys()) == 0 })
			h.stop()
			h.edit(t, tt.wrong, tt.right)
			h.start(t)
			if after, err := h.ctl.Session(t.Context(), "mn1@example.com"); err != nil || after.State != before.State || after.ID != before.ID || after.HomeAddress != before.HomeAddress {
				t.Errorf("session %+v, %v, was %+v", after, err, before)
			}
			if b := h.bindings(t).Bindings; len(b) != 1 || b[0].Sequence != binding.Sequence || b[0].CareOf != binding.CareOf {
				t.Errorf("bindings %+v, was %+v", b, binding)
			}
			if _, degraded := h.has(t, control.SessionsDormant); degraded {
				t.Error("it is still degraded")
			}
			eventually(t, "charon holds the key", func() bool { return len(h.charon.Keys()) == 1 })
		})
	}
}

// What is dormant is ended on demand, and the mobile node can be bootstrapped.
func TestDormantSessionIsReleased(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, _ := h.registered(t)
	h.edit(t, `["2001:db8:1::1"]`, `["2001:db8:1::2"]`)
	h.stop()
	h.start(t)
	if released, err := h.ctl.Release(t.Context(), s.HomeAddress.String()); err != nil || released.State != "dormant" {
		t.Errorf("released %+v, %v", released, err)
	}
	if _, degraded := h.has(t, control.SessionsDormant); degraded || len(h.users(t)) != 0 {
		t.Errorf("degraded %t, sessions of %v", degraded, h.users(t))
	}
	h.askFor(t, h.connect(t, "aaah.example.com"), "mn2@example.com", diameter.Success)
}

// A mobile node of the configuration whose name an AAA server's session has is not
// served, and status says how it comes to be.
func TestMobileNodeInTheWayOfASession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.askFor(t, h.connect(t, "aaah.example.com"), "mn9@example.com", diameter.Success)
	h.configure(t, sharedKey)
	h.stop()
	h.start(t)
	if s, err := h.ctl.Session(t.Context(), "mn9@example.com"); err != nil || s.Source != "aaa" {
		t.Errorf("session %+v, %v", s, err)
	}
	if w, degraded := h.has(t, control.NodeNotServed); !degraded || w.Repair != "homeagentctl release mn9@example.com" {
		t.Errorf("told %+v", w)
	}
	h.reload(t, control.Reload{})
	if _, err := h.ctl.Release(t.Context(), "mn9@example.com"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its place is taken", func() bool {
		_, err := h.ctl.Session(t.Context(), "mn9@example.com")
		return err == nil
	})
	h.reload(t, control.Reload{})
	if s, err := h.ctl.Session(t.Context(), "mn9@example.com"); err != nil || s.Source != "configuration" {
		t.Errorf("session %+v, %v", s, err)
	}
	if w, degraded := h.has(t, control.NodeNotServed); degraded {
		t.Errorf("told %+v", w)
	}
}
