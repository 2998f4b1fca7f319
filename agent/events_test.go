package agent_test

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"homeagent/agent/control"
	"homeagent/agent/events"
	"homeagent/diameter"
	"homeagent/diameter/lab/rawpeer"
	"homeagent/ike"
)

// happened are all events so far.
func (h *house) happened(t *testing.T) []control.Event {
	t.Helper()
	var all []control.Event
	err := h.ctl.Events(t.Context(), control.Follow{Start: events.Start{Last: events.Kept}, Once: true}, func(e control.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// heard waits for an event of a kind and returns the last one.
func (h *house) heard(t *testing.T, kind events.Kind) (e control.Event) {
	t.Helper()
	eventually(t, kind.String(), func() bool {
		all := h.happened(t)
		i := slices.IndexFunc(all, func(e control.Event) bool { return e.Kind == kind })
		if i >= 0 {
			e = all[i]
		}
		return i >= 0
	})
	return e
}

// The operator hears of the whole life of a mobile node, from the parts where it
// happens, and of no key.
func TestEventsOfAMobileNodesLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.heard(t, events.DaemonReady)
	h.heard(t, events.KernelReady)
	h.heard(t, events.StrongSwanConnected)
	home := h.bootstrap(t)
	if e := h.heard(t, events.PeerConnected); e.Peer != "aaah.example.com" || !strings.Contains(e.Detail, "loopback") {
		t.Errorf("%+v", e)
	}
	if e := h.heard(t, events.SessionBegan); e.UserName != "mn1@example.com" || e.HomeAddress != home || e.SessionID != "aaah.example.com;1;mn1@example.com" || e.Peer != "aaah.example.com" {
		t.Errorf("%+v", e)
	}
	if e := h.heard(t, events.HMRAccepted); e.Result != "DIAMETER_SUCCESS" || e.HomeAddress != home {
		t.Errorf("%+v", e)
	}
	h.heard(t, events.KeyArmed)
	id, err := h.charon.Establish(ike.ConnectionName(home), careOf.String())
	if err != nil {
		t.Fatal(err)
	}
	if e := h.heard(t, events.IKEUp); e.HomeAddress != home || e.CareOf != careOf {
		t.Errorf("%+v", e)
	}
	h.answer(t, message(home, octets(t, update(1, 100))))
	if e := h.heard(t, events.BindingRegistered); e.HomeAddress != home || e.CareOf != careOf || e.UserName != "mn1@example.com" || e.Result != "registered" {
		t.Errorf("%+v", e)
	}
	h.mh.Deliver(message(homeOfNobody, octets(t, update(1, 100))))
	if e := h.heard(t, events.BindingRefused); e.HomeAddress != homeOfNobody || e.Result != "not_authorized" {
		t.Errorf("%+v", e)
	}
	h.charon.Drop(id, true)
	h.heard(t, events.IKEDown)
	if _, err := h.ctl.Release(t.Context(), home.String()); err != nil {
		t.Fatal(err)
	}
	if e := h.heard(t, events.SessionEnded); e.HomeAddress != home || e.Detail != "administrative" {
		t.Errorf("%+v", e)
	}
	h.heard(t, events.BindingRemoved)

	text, err := json.Marshal(h.happened(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "6d6e31406578616d706c652e636f6d") { // how the AAA key begins, in hexadecimal digits
		t.Errorf("a key is in the events:\n%s", text)
	}
}

func TestEventsOfTrouble(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.connect(t, "stranger.example.com")
	if code := rawpeer.Result(s.ask(t, s.hmr("mn1@example.com"))); code != diameter.AuthorizationRejected {
		t.Fatal(code)
	}
	if e := h.heard(t, events.HMRRefused); e.Peer != "stranger.example.com" || e.Result != "DIAMETER_AUTHORIZATION_REJECTED" || e.Detail == "" {
		t.Errorf("%+v", e)
	}
	s.Close()
	h.heard(t, events.PeerLost)
	h.refused(t)
	h.charon.HangUp()
	if e := h.heard(t, events.StrongSwanLost); e.Detail == "" {
		t.Errorf("%+v", e)
	}
	if _, err := h.ctl.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := h.heard(t, events.ConfigurationLoaded); e.Detail != "no option has changed" {
		t.Errorf("%+v", e)
	}
}

// refused is a stranger who is refused: told, kept and counted.
func (h *house) refused(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+h.port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := rawpeer.Open(conn, diameter.Identity{Host: "nobody.example.com", Realm: "example.com"}, codes.Vendor, codes.Application); err == nil {
		t.Fatal("nobody was let in")
	}
	if e := h.heard(t, events.ConnectionRefused); e.Peer != "nobody.example.com" || e.Remote.String() != conn.LocalAddr().String() || e.Result != "unknown_peer" || e.Detail == "" {
		t.Errorf("%+v", e)
	}
	var peers control.Peers
	if err := h.ctl.Get(t.Context(), "/v1/peers", nil, &peers); err != nil {
		t.Fatal(err)
	}
	if len(peers.Strangers) != 1 || peers.Strangers[0].Host != "nobody.example.com" || peers.Strangers[0].Remote != conn.LocalAddr().String() || peers.Strangers[0].Reason != "unknown_peer" {
		t.Errorf("strangers: %+v", peers.Strangers)
	}
	h.expectMetrics(t, map[string]float64{`homeagent_diameter_connections_refused_total{reason="unknown_peer"}`: 1, `homeagent_diameter_connections_refused_total{reason="silent"}`: 0})
}

// Who follows hears of the end.
func TestEventsOfTheEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	began, last, done := make(chan struct{}), make(chan events.Kind, events.Kept), make(chan error)
	go func() {
		done <- h.ctl.Events(t.Context(), control.Follow{Began: func() { close(began) }}, func(e control.Event) error {
			last <- e.Kind
			return nil
		})
	}()
	<-began
	h.stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(last)
	var kinds []events.Kind
	for k := range last {
		kinds = append(kinds, k)
	}
	if !slices.Contains(kinds, events.DaemonStopping) {
		t.Errorf("%v lacks the end", kinds)
	}
}

// What is answered is counted and timed.
func TestActivity(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	home := h.bootstrap(t)
	h.answer(t, message(home, octets(t, update(1, 100))))
	var a control.Activity
	eventually(t, "both are counted", func() bool {
		if err := h.ctl.Get(t.Context(), "/v1/activity", nil, &a); err != nil {
			t.Fatal(err)
		}
		return a.HMR.Results["DIAMETER_SUCCESS"] == 1 && a.BindingUpdates.Results["registered"] == 1
	})
	if a.Schema != control.Schema || time.Since(a.Time) > time.Minute || a.HMR.Seconds <= 0 || len(a.HMR.Latency) != 1 || a.HMR.Latency[0].Count != 1 || len(a.BindingUpdates.Latency) != 1 || a.Events["session_began"] != 1 {
		t.Errorf("%+v", a)
	}
	var peers control.Peers
	if err := h.ctl.Get(t.Context(), "/v1/peers", nil, &peers); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(peers.Peers, func(p control.Peer) bool { return p.Host == "aaah.example.com" })
	if p := peers.Peers[i]; !p.Open || p.Transport != "TCP" || p.Counters.Requests != 1 || p.Counters.Answers != 1 || p.Health != "OKAY" {
		t.Errorf("%+v", p)
	}
}
