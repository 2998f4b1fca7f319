package agent_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/control"
	"homeagent/diameter"
	"homeagent/diameter/lab/certificates"
	"homeagent/diameter/lab/rawpeer"
)

// edit changes the configuration's file.
func (h *house) edit(t *testing.T, old, now string) {
	t.Helper()
	text, err := os.ReadFile(h.file("homeagent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("there is no %q in the configuration", old)
	}
	if err := os.WriteFile(h.file("homeagent.toml"), []byte(strings.Replace(string(text), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h *house) reload(t *testing.T, want control.Reload) {
	t.Helper()
	want.Schema = control.Schema
	done, err := h.ctl.Reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, done, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("unexpected changes (-want +got):\n%s", diff)
	}
}

func (h *house) askFor(t *testing.T, s *server, user string, want diameter.ResultCode) {
	t.Helper()
	if got := rawpeer.Result(s.ask(t, s.hmr(user))); got != want {
		t.Errorf("%s bootstraps %s: result %v, want %v", s.host, user, got, want)
	}
}

// A peer gets another role and the limit of sessions is lowered, while the others
// stay connected.
func TestReload(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	aaah, stranger := h.connect(t, "aaah.example.com"), h.connect(t, "stranger.example.com")
	h.askFor(t, aaah, "mn1@example.com", diameter.Success)
	h.askFor(t, stranger, "mn2@example.com", diameter.AuthorizationRejected)
	h.reload(t, control.Reload{})

	h.edit(t, `identity = "stranger.example.com"`, "identity = \"stranger.example.com\"\nbootstrapper = true")
	h.reload(t, control.Reload{TakenOver: []string{"diameter.peer"}})
	h.askFor(t, stranger, "mn2@example.com", diameter.Success)

	h.edit(t, "[limits]", "[limits]\nsessions = 2")
	h.reload(t, control.Reload{TakenOver: []string{"limits.sessions"}})
	h.askFor(t, aaah, "mn3@example.com", diameter.HomeAgentNotAvailable)
	h.askFor(t, aaah, "mn1@example.com", diameter.Success)
}

// What is wrong changes nothing, and the operator learns why.
func TestReloadOfWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	aaah := h.connect(t, "aaah.example.com")
	h.edit(t, "bootstrapper = true", "bootstraper = false")
	if _, err := h.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "homeagent.toml:11: diameter.peer.bootstraper") {
		t.Errorf("got %v, want the file and the line", err)
	}
	h.askFor(t, aaah, "mn1@example.com", diameter.Success)
	// What only shows when it is tried changes nothing, either.
	h.edit(t, "bootstraper = false", "bootstrapper = false\nconnect = \"aaah.example.com\"")
	h.edit(t, `secured = "loopback"`, `secured = "tls"`)
	h.edit(t, `realm = "example.net"`, "realm = \"example.net\"\ncertificate = \"/nowhere\"\nkey = \"/nowhere\"\nca = \"/nowhere\"\nstrict_vector = false")
	if _, err := h.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "diameter.certificate") {
		t.Errorf("got %v, want the file that is not there", err)
	}
	h.askFor(t, aaah, "mn1@example.com", diameter.Success)
	h.refusesOpenKey(t)
	h.edit(t, "certificate = \"/nowhere\"\nkey = \"/nowhere\"\nca = \"/nowhere\"\nstrict_vector = false", "")
	h.edit(t, `secured = "tls"`, `secured = "loopback"`)
	h.edit(t, "\nconnect = \"aaah.example.com\"", "")
	h.reload(t, control.Reload{TakenOver: []string{"diameter.peer"}})
	h.askFor(t, aaah, "mn2@example.com", diameter.AuthorizationRejected)
}

// refusesOpenKey has files of TLS read again of which everybody can read the key.
func (h *house) refusesOpenKey(t *testing.T) {
	t.Helper()
	key := h.file("open.pem")
	if err := errors.Join(os.WriteFile(key, nil, 0o600), os.Chmod(key, 0o644)); err != nil {
		t.Fatal(err)
	}
	const nowhere = "certificate = \"/nowhere\"\nkey = \"/nowhere\""
	open := fmt.Sprintf("certificate = %q\nkey = %[1]q", key)
	h.edit(t, nowhere, open)
	if _, err := h.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "diameter.key: others than its owner and group can read "+key) {
		t.Errorf("got %v, want the key refused that is open to others", err)
	}
	h.edit(t, open, nowhere)
}

// What takes a restart is told each time until there was one.
func TestReloadOfWhatTakesARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.edit(t, `realm = "example.net"`, `realm = "example.org"`)
	h.edit(t, "[ike]", "[mobility]\nmax_lifetime = \"20m\"\n[ike]\nwindow = 7")
	h.reload(t, control.Reload{TakenOver: []string{"mobility.max_lifetime"}, Restart: []string{"diameter.realm", "ike.window"}})
	h.reload(t, control.Reload{Restart: []string{"diameter.realm", "ike.window"}})
	h.askFor(t, h.connect(t, "aaah.example.com"), "mn1@example.com", diameter.Success) // to the former realm
}

// A mobile node that is keyed by hand has no payload under ESP, which the home agent
// demands until a restart whatever the file says.
func TestReloadOfManualNodeBeforeARestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.stop()
	h.edit(t, "[ike]", "[mobility]\npayload_protection = \"require\"\n[ike]")
	h.start(t)
	h.configure(t, handKeys, byHand...)
	h.edit(t, `payload_protection = "require"`, `payload_protection = "permit"`)
	if _, err := h.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), `mobile_node.spi_in: mobility.payload_protection is "require"`) {
		t.Errorf("reload: %v", err)
	}
	if users := h.users(t); len(users) != 0 {
		t.Errorf("sessions of %v", users)
	}
	if s, err := h.ctl.Status(t.Context()); err != nil || s.Configuration.Invalid || !strings.Contains(s.Configuration.Error, "systemctl restart homeagent") {
		t.Errorf("status %+v, %v: the file is right in itself", s.Configuration, err)
	}
	h.stop()
	h.start(t)
	if users := h.users(t); len(users) != 1 {
		t.Errorf("after a restart there are sessions of %v", users)
	}
}

// Peers that are refused keep mobile nodes of the same reading out: their sessions
// would outlive the refusal.
func TestReloadOfRefusedPeers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ca, err := certificates.New(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.Certify("wrong", "other.example.net"); err != nil {
		t.Fatal(err)
	}
	h.configure(t, sharedKey)
	h.edit(t, "[[diameter.listen]]", fmt.Sprintf("certificate = %q\nkey = %q\nca = %q\n[[diameter.listen]]", h.file("wrong.pem"), h.file("wrong-key.pem"), h.file("ca.pem")))
	h.edit(t, "[[diameter.peer]]", "[[diameter.peer]]\nidentity = \"new.example.com\"\nsecured = \"tls\"\nconnect = \"127.0.0.1:9\"\n[[diameter.peer]]")
	if _, err := h.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "changing the Diameter peers: ") {
		t.Errorf("reload: %v, want a certificate refused that names another", err)
	}
	if users, keys := h.users(t), h.charon.Keys(); len(users) != 0 || len(keys) != 0 {
		t.Errorf("after a refusal there are sessions of %v, and charon holds %v", users, keys)
	}
}
