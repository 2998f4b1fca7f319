package agent_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"homeagent/agent/control"
	"homeagent/agent/events"
	"homeagent/agent/mobility"
	"homeagent/diameter"
	"homeagent/xfrm"
)

var configuredHome = netip.MustParseAddr("2001:db8:1::a1")

// configure adds a mobile node to the configuration's file.
func (h *house) configure(t *testing.T, key string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(h.file("key"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	h.edit(t, "\n[ike]", "\n[[mobile_node]]\nuser_name = \"mn9@example.com\"\nhome_address = \""+configuredHome.String()+"\"\nkey_file = \""+h.file("key")+"\"\n"+
		strings.Join(lines, "\n")+"\n[ike]")
}

const (
	sharedKey = "correct horse battery"
	handKeys  = "integrity_in = 0x0102030405060708090a0b0c0d0e0f1011121314\nintegrity_out = 0x1112030405060708090a0b0c0d0e0f1011121314\n"
)

var mn9 = []string{"mn9@example.com"}

var byHand = []string{`spi_in = 4097`, `spi_out = 4098`, `encryption = "null"`, `integrity = "sha1"`}

func (h *house) associated() []xfrm.Association {
	h.kernel.mu.Lock()
	defer h.kernel.mu.Unlock()
	return h.kernel.associations
}

// A mobile node of the configuration comes and goes by reloads: strongSwan has its key
// meanwhile, and AAA servers get neither its name nor its address.
func TestConfiguredMobileNode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	aaah := h.connect(t, "aaah.example.com")
	h.configure(t, sharedKey)
	h.reload(t, control.Reload{TakenOver: []string{"mobile_node"}, MobileNodes: control.NodeChanges{Added: mn9}})
	if keys, conns := h.charon.Keys(), h.charon.Conns(); len(keys) != 1 || len(conns) != 1 {
		t.Errorf("charon holds %v, %v", keys, conns)
	}
	view, err := h.ctl.Session(t.Context(), "mn9@example.com")
	if err != nil || view.Source != "configuration" || view.State != "armed" || view.HomeAddress != configuredHome || view.Expires != nil || view.KeyFingerprint != "" {
		t.Errorf("session %+v, %v", view, err)
	}
	h.askFor(t, aaah, "mn9@example.com", diameter.AuthorizationRejected)
	if _, err := h.ctl.Release(t.Context(), "mn9@example.com"); err == nil || !strings.Contains(err.Error(), "take its [[mobile_node]] out and reload") {
		t.Errorf("released: %v", err)
	}
	h.stop()
	h.start(t)
	if keys, conns := h.charon.Keys(), h.charon.Conns(); len(keys) != 1 || len(conns) != 1 {
		t.Errorf("after a restart charon holds %v, %v", keys, conns)
	}
	if err := os.WriteFile(h.file("key"), []byte("correct donkey battery"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.reload(t, control.Reload{MobileNodes: control.NodeChanges{Rekeyed: mn9}})
	h.edit(t, `user_name = "mn9@example.com"`, `user_name = "mn8@example.com"`)
	h.reload(t, control.Reload{TakenOver: []string{"mobile_node"}, MobileNodes: control.NodeChanges{Added: []string{"mn8@example.com"}, Ended: mn9}})
	for kind, want := range map[events.Kind]string{
		events.SessionBegan: "from the configuration", events.SessionRenewed: "from the configuration, with another key", events.SessionEnded: "left the configuration",
	} {
		if e := h.heard(t, kind); e.Detail != want {
			t.Errorf("%s tells %q, want %q", kind, e.Detail, want)
		}
	}
	if got := h.users(t); len(got) != 1 || got[0] != "mn8@example.com" {
		t.Errorf("sessions of %v", got)
	}
}

// A mobile node that is keyed by hand has its security associations in the kernel as
// long as it is in the configuration, and its binding outlives the daemon.
func TestH49_KeyedByHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.configure(t, handKeys, byHand...)
	h.reload(t, control.Reload{TakenOver: []string{"mobile_node"}, MobileNodes: control.NodeChanges{Added: mn9}})
	all := h.associated()
	if len(all) != 2 || all[0].SPI != 4097 || all[0].Src != configuredHome || !(xfrm.AssociationReqIDs().First <= all[0].ReqID && all[0].ReqID <= xfrm.AssociationReqIDs().Last) {
		t.Fatalf("the kernel holds %v", all)
	}
	if keys := h.charon.Keys(); len(keys) != 0 {
		t.Errorf("charon holds %v", keys)
	}
	u := update(7, 100)
	u.Flags |= mobility.FlagKeyManagement
	sent := h.answer(t, message(configuredHome, octets(t, u)))
	if ack := parsed[*mobility.BindingAcknowledgement](t, sent.Payload); ack.Status != mobility.StatusAccepted || ack.Flags != 0 || sent.Association != all[1].ReqID {
		t.Errorf("answered %+v under %d, want K=0 under %d (RFC 6275 section 10.3.1)", ack, sent.Association, all[1].ReqID)
	}
	h.stop()
	h.kernel.associations = nil // flushed meanwhile
	h.start(t)
	eventually(t, "the security associations are there after a restart", func() bool {
		again := h.associated()
		return len(again) == 2 && again[0].Equal(all[0])
	})
	b := h.bindings(t).Bindings
	if len(b) != 1 || b[0].Sequence != 7 || b[0].Source != "configuration" || b[0].UserName != "mn9@example.com" {
		t.Errorf("bindings %+v", b)
	}
	view, err := h.ctl.Session(t.Context(), configuredHome.String())
	if err != nil || view.State != "manual" {
		t.Errorf("session %+v, %v", view, err)
	}
	if status, err := h.ctl.Status(t.Context()); err != nil || status.Sessions != (control.SessionCounts{Total: 1, Manual: 1}) {
		t.Errorf("status %+v, %v", status.Sessions, err)
	}
	if err := os.WriteFile(h.file("key"), []byte(strings.Replace(handKeys, "0x01", "0xff", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	h.reload(t, control.Reload{MobileNodes: control.NodeChanges{Rekeyed: mn9}})
	if now := h.associated(); len(now) != 2 || now[0].Equal(all[0]) || !now[1].Equal(all[1]) {
		t.Errorf("after another key the kernel holds %v", now)
	}
	h.edit(t, "[[mobile_node]]", "[mobility]\nmax_lifetime = \"30m\"\n# [[mobile_node]]")
	for _, line := range append([]string{`user_name = "mn9`, `home_address = "`, `key_file = "`}, byHand...) {
		h.edit(t, "\n"+line, "\n# "+line)
	}
	h.reload(t, control.Reload{TakenOver: []string{"mobile_node", "mobility.max_lifetime"}, MobileNodes: control.NodeChanges{Ended: mn9}})
	if left := h.associated(); len(left) != 0 {
		t.Errorf("the kernel holds %v", left)
	}
	eventually(t, "its binding is gone", func() bool { return len(h.bindings(t).Bindings) == 0 })
}

// While the daemon was down the mobile node left the configuration: nothing of it is
// there afterwards.
func TestConfiguredMobileNodeVanished(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before, err := os.ReadFile(h.file("homeagent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	h.configure(t, handKeys, byHand...)
	h.reload(t, control.Reload{TakenOver: []string{"mobile_node"}, MobileNodes: control.NodeChanges{Added: mn9}})
	h.answer(t, message(configuredHome, octets(t, update(7, 100))))
	h.stop()
	if err := os.WriteFile(h.file("homeagent.toml"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	h.start(t)
	if left := h.associated(); len(left) != 0 || len(h.users(t)) != 0 || len(h.bindings(t).Bindings) != 0 {
		t.Errorf("left: %v, %v, %v", left, h.users(t), h.bindings(t).Bindings)
	}
}

// What cannot be taken over is refused at its place in the configuration, and nothing
// of the rest is taken over either.
func TestConfiguredMobileNodeIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	aaah := h.connect(t, "aaah.example.com")
	h.askFor(t, aaah, "mn9@example.com", diameter.Success)
	h.configure(t, sharedKey)
	h.edit(t, "[limits]\n", "[limits]\nsessions = 1\n")
	for i, want := range []string{
		`mobile_node.user_name: "mn9@example.com" has a session already`, // nothing is wrong in itself
		`mobile_node.key_file: ` + h.file("key") + `: the key has 5 octets`,
	} {
		if _, err := h.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), h.file("homeagent.toml")+":") || !strings.Contains(err.Error(), want) {
			t.Errorf("reload: %v, want %q", err, want)
		}
		if w, degraded := h.has(t, control.ReloadRefused); !degraded || strings.Contains(w.Text, "--check") != (i == 1) {
			t.Errorf("told %q", w.Text)
		}
		h.askFor(t, aaah, fmt.Sprintf("mn%d@example.com", i), diameter.Success) // the limit is not in force
		if err := os.WriteFile(h.file("key"), []byte("short"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.ctl.Release(t.Context(), "mn9@example.com"); err != nil {
		t.Fatal(err)
	}
}
