package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	accounts "os/user"
	"path/filepath"
	"syscall"

	"homeagent/agent/config"
	"homeagent/agent/doctor"
	"homeagent/agent/secretfile"
	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
)

// openStore opens the store, sealed if systemd gave us a key for it.
func openStore(cfg *config.Config, log *slog.Logger) (store.Store, error) {
	options := boltstore.Options{Log: log}
	directory := os.Getenv("CREDENTIALS_DIRECTORY")
	key, err := secretfile.Read(filepath.Join(directory, cfg.Store.Credential))
	switch {
	case directory == "" || errors.Is(err, os.ErrNotExist):
		return openUnsealed(cfg, log)
	case err != nil:
		return nil, cfg.Problem("store.credential", "the credential that seals the store cannot be used: %v", err)
	case len(key) != store.SealKeySize:
		return nil, cfg.Problem("store.credential", "the credential %s has %d octets and must have the %d that seal the store (%s)",
			cfg.Store.Credential, len(key), store.SealKeySize, doctor.SealKeyRepair(&cfg.Store, isSealed(cfg)))
	}
	options.Sealer, err = store.NewSealer([store.SealKeySize]byte(key))
	clear(key)
	if err != nil {
		return nil, err
	}
	opened, err := openFile(cfg, options)
	if errors.Is(err, boltstore.ErrSealed) {
		err = cfg.Problem("store.credential", "the credential %s is not the key that the store %s is sealed with (%s)",
			cfg.Store.Credential, cfg.Store.Path, doctor.SealKeyRepair(&cfg.Store, true))
	}
	return opened, err
}

// openUnsealed opens a store for which there is no key.
func openUnsealed(cfg *config.Config, log *slog.Logger) (store.Store, error) {
	opened, err := openFile(cfg, boltstore.Options{Log: log})
	switch {
	case errors.Is(err, boltstore.ErrSealed):
		return nil, cfg.Problem("store.credential", "the keys in the store %s are sealed, and there is no credential %s to open them (%s)",
			cfg.Store.Path, cfg.Store.Credential, doctor.SealKeyRepair(&cfg.Store, true))
	case err == nil:
		log.Warn("pre-shared keys are stored unsealed, in a file only this user can read", "store", cfg.Store.Path, "credential", cfg.Store.Credential)
	}
	return opened, err
}

// isSealed tells whether the store is worth nothing without its key, which is so as
// long as it cannot be looked into.
func isSealed(cfg *config.Config) bool {
	_, err := boltstore.Sealed(cfg.Store.Path, nil)
	return err != nil && !errors.Is(err, fs.ErrNotExist)
}

// openFile tells what a restart does not mend as a problem of the option.
func openFile(cfg *config.Config, options boltstore.Options) (store.Store, error) {
	opened, err := boltstore.Open(cfg.Store.Path, options)
	switch folder := filepath.Dir(cfg.Store.Path); {
	case err == nil:
		return opened, nil
	case passing(err), stuck(err):
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, cfg.Problem("store.path", "there is no folder %s for the store (make it: %s)", folder, makeFolder(folder))
	case errors.Is(err, fs.ErrPermission):
		return nil, cfg.Problem("store.path", "%v (whose is its folder? %s gives it to the daemon)", err, makeFolder(folder))
	}
	return nil, cfg.Problem("store.path", "%v", err)
}

// makeFolder makes a folder, or gives it, to who we are.
func makeFolder(folder string) string {
	owner := fmt.Sprint(os.Getuid())
	if u, err := accounts.Current(); err == nil {
		owner = u.Username
	}
	return fmt.Sprintf("install -d -m 700 -o %s %s", owner, folder)
}

// passing reports whether a store may open the next time: another process lets go
// of it, a disk gets space. Modes, owners and kinds of files stay as they are.
func passing(err error) bool {
	errno, system := errors.AsType[syscall.Errno](err)
	if !system {
		return errors.Is(err, boltstore.ErrInUse)
	}
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.EACCES, syscall.EPERM, syscall.ENAMETOOLONG:
		return false
	}
	return true
}
