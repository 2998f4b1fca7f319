package agent_test

import (
	"strings"
	"testing"

	"homeagent/agent/control"
	"homeagent/agent/events"
)

// Proposals that strongSwan does not take are refused at a reload, and told of where
// the daemon was started with them.
func TestRefusedProposals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.edit(t, "[ike]", "[ike]\nesp_proposals = [\"aes128-sha256\", \"rot13\"]")
	const want = `homeagent.toml:34: ike.esp_proposals: strongSwan refuses the proposal "rot13"`
	if _, err := h.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the reload: %v, want %q", err, want)
	}
	if status, err := h.ctl.Status(t.Context()); err != nil || len(status.Warnings) != 0 {
		t.Errorf("warnings of what is not in force: %+v, %v", status.Warnings, err)
	}
	h.stop()
	h.start(t)
	status, err := h.ctl.Status(t.Context())
	if err != nil || len(status.Warnings) != 1 || !strings.Contains(status.Warnings[0].Text, want) || !status.IKE.Connected {
		t.Errorf("the status of a daemon with a proposal that is refused: %+v, %v", status, err)
	}
	if e := h.heard(t, events.ProposalRefused); !strings.Contains(e.Detail, want) {
		t.Errorf("told %q, want %q", e.Detail, want)
	}
	// One that is mended takes a restart; who cannot be asked is believed.
	h.edit(t, `"rot13"`, `"aes256"`)
	h.reload(t, control.Reload{Restart: []string{"ike.esp_proposals"}})
	h.charon.Stop()
	h.edit(t, `"aes256"`, `"rot13-sha256"`)
	h.reload(t, control.Reload{Restart: []string{"ike.esp_proposals"}})
}
