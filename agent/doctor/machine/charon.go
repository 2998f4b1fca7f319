package machine

import (
	"context"
	"log/slog"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
	"homeagent/ike"
	"homeagent/ike/vici"
)

// Charon asks for version and plugins.
func (Linux) Charon(ctx context.Context, socket string) (doctor.Charon, error) {
	var found doctor.Charon
	err := vici.Once(ctx, vici.Config{Socket: socket, Log: slog.New(slog.DiscardHandler)}, func(ctx context.Context, link *vici.Link) error {
		stats, err := link.Stats(ctx)
		found = doctor.Charon{Version: link.Version, Since: link.Since, Plugins: stats.Plugins}
		return err
	})
	return found, permission(err)
}

// Proposals has charon load each for a moment.
func (Linux) Proposals(ctx context.Context, i config.IKE) ([]ike.Refusal, error) {
	refused, err := ike.RefusedProposals(ctx, i.Socket, ike.Proposals{IKE: i.IKEProposals, ESP: i.ESPProposals})
	return refused, permission(err)
}
