package bootstrapping

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"homeagent/agent"
	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/homelink"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/store/boltstore"
	"homeagent/systemd"
	"homeagent/xfrm"
)

//go:embed homeagent.toml
var configuration string

// A home is a whole home agent in this process, with the strongSwan of the rig, a
// store on the disk and Diameter over TCP. Its kernel is played: bootstrapping
// changes none of the kernel's state.
type home struct {
	address string // where it accepts Diameter peers
	window  int    // sessions loaded in strongSwan at most
	ctl     *control.Client
	stop    func() error
}

// startHome starts the home agent on a store, with the strongSwan behind a VICI
// socket, and waits until it is ready.
func startHome(ctx context.Context, folder, charon, store string) (*home, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cfg, err := configure(folder, charon, address, store)
	if err != nil {
		return nil, err
	}
	h := &home{address: address, window: cfg.IKE.Window, ctl: control.NewClient(cfg.Control.Socket)}
	if err := h.start(cfg, filepath.Join(folder, "homeagent.log")); err != nil {
		return nil, err
	}
	if err := ready(ctx, "the home agent", h.isReady); err != nil {
		return nil, errors.Join(err, h.stop())
	}
	return h, nil
}

// configure has the daemon's own loader read a configuration file.
func configure(folder, charon, address, store string) (*config.Config, error) {
	blank, err := template.New("homeagent.toml").Option("missingkey=error").Parse(configuration)
	if err != nil {
		return nil, fmt.Errorf("reading the home agent's configuration: %w", err)
	}
	var text strings.Builder
	err = blank.Execute(&text, map[string]string{
		"Identity": agentIdentity, "Realm": realm, "Peer": aaaIdentity, "Listen": address,
		"Address": homeAgent.String(), "Prefix": homePrefix.String(),
		"Charon": charon, "Proposal": ikeProposals[0], "ESPProposal": espProposals[0],
		"Store": store, "Control": filepath.Join(folder, "control.sock"),
	})
	if err != nil {
		return nil, fmt.Errorf("filling in the home agent's configuration: %w", err)
	}
	file := filepath.Join(folder, "homeagent.toml")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return nil, err
	}
	return config.Load(file)
}

func (h *home) start(cfg *config.Config, logFile string) error {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	records, err := boltstore.Open(cfg.Store.Path, boltstore.Options{})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	a, err := agent.New(cfg, agent.Deps{
		Store: records, Kernel: playedKernel{}, Mobility: mobilitysocket.NewFake(), HomeLink: homelink.Virtual{},
		Notifier: systemd.NewNotifier(func(string) (string, bool) { return "", false }),
		Log:      slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		return errors.Join(err, records.Close(), log.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	h.stop = func() error {
		cancel()
		return errors.Join(<-done, records.Close(), log.Close())
	}
	return nil
}

func (h *home) isReady(ctx context.Context) (bool, error) {
	status, err := h.ctl.Status(ctx)
	return err == nil && status.State != "starting", err
}

// loaded waits until strongSwan holds so many sessions.
func (h *home) loaded(ctx context.Context, n int) error {
	return ready(ctx, fmt.Sprintf("%d sessions to be loaded", n), func(ctx context.Context) (bool, error) {
		status, err := h.ctl.Status(ctx)
		return err == nil && status.IKE.Connected && status.IKE.Loaded == n, err
	})
}

// playedKernel is the kernel of a home agent to which no mobile node registers:
// what has to do with bindings is never asked of it, and would find nobody.
type playedKernel struct{ agent.Kernel }

// Set has nothing to change.
func (playedKernel) Set(context.Context, xfrm.Desired) (xfrm.Changes, error) { return nil, nil }

// Repair has nothing to repair.
func (playedKernel) Repair(context.Context) (xfrm.Changes, error) { return nil, nil }

// Associate has nothing to hold.
func (playedKernel) Associate(context.Context, []xfrm.Association) (xfrm.Changes, error) {
	return nil, nil
}

// Watch hears nothing.
func (playedKernel) Watch(ctx context.Context, _ xfrm.Watcher) error {
	<-ctx.Done()
	return nil
}

// freeAddress finds a port on loopback that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// pause is the time between two looks at something that is awaited.
func pause(ctx context.Context) error {
	select {
	case <-time.After(2 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
