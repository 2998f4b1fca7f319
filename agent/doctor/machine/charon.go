package machine

import (
	"context"
	"log/slog"

	"homeagent/agent/doctor"
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
