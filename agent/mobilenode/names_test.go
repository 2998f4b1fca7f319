package mobilenode_test

import (
	"strings"
	"testing"

	"homeagent/agent/config"
	"homeagent/agent/mobilenode"
)

// Who is keyed by hand has no identity to prove, and yet nobody else may have it.
func TestMisnamed(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{
		IKE: config.IKE{Identity: "ha.example.com"},
		MobileNodes: []config.MobileNode{
			{UserName: "mn1@example.com"},
			{UserName: "MN1@example.com", SPIIn: 256},
			{UserName: "*", SPIIn: 257},
			{UserName: "*"},
		},
	}
	wrong := mobilenode.Misnamed(cfg)
	if len(wrong) != 2 || wrong[1] == nil || !strings.Contains(wrong[1].Error(), `cannot tell "MN1@example.com" from "mn1@example.com"`) || wrong[3] == nil {
		t.Errorf("got %v", wrong)
	}
}
