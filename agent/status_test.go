package agent_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/control"
)

func (h *house) status(t *testing.T) control.Status {
	t.Helper()
	s, err := h.ctl.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// becomes waits for a state for these reasons alone.
func (h *house) becomes(t *testing.T, state string, want ...control.Cause) {
	t.Helper()
	eventually(t, state, func() bool {
		s := h.status(t)
		var got []control.Cause
		for _, r := range s.Reasons {
			got = append(got, r.Cause)
		}
		return s.State == state && cmp.Equal(want, got, cmpopts.EquateEmpty())
	})
}

// The operator learns of all that keeps mobile nodes from being served, and when
// it is over.
func TestDegraded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.becomes(t, control.Degraded, control.NoPeer)
	h.connect(t, "aaah.example.com")
	h.becomes(t, control.Ready)
	h.edit(t, "[ike]", "[ike]\nwindow = 7")
	h.edit(t, "bootstrapper = true", "bootstraper = true")
	if _, err := h.ctl.Reload(t.Context()); err == nil {
		t.Error("a wrong configuration was taken over")
	}
	h.becomes(t, control.Degraded, control.ReloadRefused)
	if c := h.status(t).Configuration; c.Refused == nil || c.Error == "" || c.Refused.Before(c.TakenOver) || len(c.Restart) > 0 {
		t.Errorf("after a refusal: %+v", c)
	}
	h.edit(t, "bootstraper = true", "bootstrapper = true")
	if _, err := h.ctl.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.becomes(t, control.Ready)
	if c := h.status(t).Configuration; c.Refused != nil || c.Error != "" || !cmp.Equal([]string(c.Restart), []string{"ike.window"}) {
		t.Errorf("after a reload: %+v", c)
	}
}

// localTime is a time of RFC 3339 that is not UTC.
var localTime = regexp.MustCompile(`T\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d"`)

// What programs read is in UTC, and no null.
func TestViewsAreUTC(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	home := h.bootstrap(t)
	h.answer(t, message(home, octets(t, update(1, 100))))
	for path, query := range map[string]string{
		"/v1/status": "", "/v1/sessions": "", "/v1/session": "id=" + home.String(), "/v1/bindings": "", "/v1/binding": "home_address=" + home.String(),
		"/v1/peers": "", "/v1/activity": "",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := h.ctl.Get(t.Context(), path, values, &raw); err != nil {
			t.Fatal(err)
		}
		if found := localTime.Find(raw); found != nil {
			t.Errorf("%s: %s is not UTC in\n%s", path, found, raw)
		}
		if regexp.MustCompile(`:null\b`).Match(raw) {
			t.Errorf("%s: there is a null in\n%s", path, raw)
		}
	}
	if _, err := h.ctl.Release(t.Context(), home.String()); err != nil {
		t.Fatal(err)
	}
}
