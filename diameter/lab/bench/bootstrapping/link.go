package bootstrapping

import (
	"context"
	"fmt"
	"log/slog"

	"homeagent/ike/vici"
)

// A link is a lasting connection to a strongSwan whose events nobody wants.
type link struct {
	*vici.Link
	cancel context.CancelFunc
	done   chan error
}

// connect connects to the strongSwan behind a VICI socket.
func connect(ctx context.Context, socket string) (*link, error) {
	return connectBy(ctx, vici.Config{Socket: socket})
}

func connectBy(ctx context.Context, cfg vici.Config) (*link, error) {
	cfg.Log = slog.New(slog.DiscardHandler)
	client, err := vici.New(cfg)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	l := &link{cancel: cancel, done: make(chan error, 1)}
	links := make(chan *vici.Link, 1)
	go func() {
		l.done <- client.Run(running, func(ctx context.Context, v *vici.Link) error {
			select {
			case links <- v:
			default: // connected again; whoever uses the first will notice
			}
			return ignore(ctx, v.Events())
		})
	}()
	select {
	case l.Link = <-links:
		return l, nil
	case <-ctx.Done():
		l.close()
		return nil, fmt.Errorf("connecting to strongSwan at %s: %w", cfg.Socket, context.Cause(ctx))
	}
}

// ignore takes events until the context ends.
func ignore(ctx context.Context, events <-chan vici.Event) error {
	for {
		select {
		case <-events:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *link) close() {
	l.cancel()
	<-l.done
}
