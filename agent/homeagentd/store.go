package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"homeagent/agent/config"
	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
)

// openStore opens the store, sealed if systemd gave us a key for it.
func openStore(cfg config.Store, log *slog.Logger) (store.Store, error) {
	var options boltstore.Options
	directory := os.Getenv("CREDENTIALS_DIRECTORY")
	key, err := os.ReadFile(filepath.Join(directory, cfg.Credential))
	switch {
	case directory == "" || errors.Is(err, os.ErrNotExist):
		log.Warn("pre-shared keys are stored unsealed, in a file only this user can read", "store", cfg.Path, "credential", cfg.Credential)
		return boltstore.Open(cfg.Path, options)
	case err != nil:
		return nil, fmt.Errorf("reading the credential that seals the store: %w", err)
	case len(key) != 32:
		return nil, fmt.Errorf("reading the credential %s that seals the store: it has %d octets (must be 32)", cfg.Credential, len(key))
	}
	options.Sealer, err = store.NewSealer([32]byte(key))
	clear(key)
	if err != nil {
		return nil, err
	}
	return boltstore.Open(cfg.Path, options)
}
