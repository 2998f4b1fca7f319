package ike

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"syscall"
	"time"

	"homeagent/ike/vici"
)

// cleanUpTime bounds a CleanUp.
const cleanUpTime = 20 * time.Second

// CleanUp ends the IKE_SAs of mobile nodes and unloads their keys and
// connections, for a home agent that does not come back. It returns what was
// removed, a line each. A charon that is not there holds nothing; that is no
// error.
func CleanUp(ctx context.Context, socket string, log *slog.Logger) ([]string, error) {
	if stopped(ctx, socket) {
		return nil, nil
	}
	client, err := vici.New(vici.Config{Socket: socket, Log: log})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cleanUpTime)
	defer cancel()
	var removed []string
	err = ErrUnavailable
	runErr := client.Run(ctx, func(ctx context.Context, link *vici.Link) error {
		var of []string
		of, err = cleanUp(ctx, link)
		removed = append(removed, of...)
		if !errors.Is(err, vici.ErrDead) {
			cancel()
		}
		return nil
	})
	if err = errors.Join(err, runErr); err != nil {
		return removed, fmt.Errorf("cleaning up in charon: %w", err)
	}
	return removed, nil
}

// stopped reports whether nobody listens at charon's socket, which charon may leave
// behind. One that is there and does not answer holds what it holds.
func stopped(ctx context.Context, socket string) bool {
	conn, err := (&net.Dialer{Timeout: cleanUpTime}).DialContext(ctx, "unix", socket)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// cleanUp removes connections before keys, so that nobody authenticates
// meanwhile, and IKE_SAs after the connections they would come back by.
func cleanUp(ctx context.Context, link *vici.Link) ([]string, error) {
	var removed []string
	var errs []error
	conns, err := link.ConnNames(ctx)
	errs = append(errs, err)
	for _, name := range conns {
		if isOurs(name) {
			errs = append(errs, note(&removed, "connection "+name, link.UnloadConn(ctx, name)))
		}
	}
	keys, err := link.SharedIDs(ctx)
	errs = append(errs, err)
	for _, id := range keys {
		if isOurs(id) {
			errs = append(errs, note(&removed, "key "+id, link.UnloadShared(ctx, id)))
		}
	}
	names, err := endAll(ctx, link, &removed)
	errs = append(errs, err)
	for _, name := range append(conns, keys...) {
		names[name] = isOurs(name)
	}
	return removed, errors.Join(append(errs, removePools(ctx, link, names, &removed))...)
}

// removePools unloads the pools of connections.
func removePools(ctx context.Context, link *vici.Link, names map[string]bool, removed *[]string) error {
	var errs []error
	for name, ours := range names {
		if !ours {
			continue
		}
		for _, pool := range poolNames(name) {
			errs = append(errs, removePool(ctx, link, pool, removed))
		}
	}
	return errors.Join(append(errs, removePool(ctx, link, sentinel, removed))...)
}

// removePool unloads a pool. charon takes a moment to destroy the IKE_SA that has its
// address.
func removePool(ctx context.Context, link *vici.Link, pool string, removed *[]string) error {
	for try := 1; ; try++ {
		held, err := link.UnloadPool(ctx, pool)
		if errors.Is(err, vici.ErrLeased) && try < 20 && ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if !held {
			return err
		}
		return note(removed, "pool "+pool, err)
	}
}

// endAll ends the IKE_SAs of mobile nodes, also of those whose connections were
// evicted.
func endAll(ctx context.Context, link *vici.Link, removed *[]string) (map[string]bool, error) {
	names := map[string]bool{}
	for sa, err := range link.ListSAs(ctx, "") {
		if err != nil {
			return names, err
		}
		if isOurs(sa.Name) {
			names[sa.Name] = true
		}
	}
	var errs []error
	for name := range names {
		_, err := link.Terminate(ctx, name)
		errs = append(errs, note(removed, "IKE_SA "+name, err))
	}
	return names, errors.Join(errs...)
}

func note(removed *[]string, what string, err error) error {
	if err == nil {
		*removed = append(*removed, what)
	}
	return err
}
