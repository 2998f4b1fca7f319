// Package machine is the box that package doctor examines: [Linux], the one we
// run on, and [Fake], one that a test describes.
//
// It knows where Linux, strongSwan and the running daemon tell what they are,
// and asks without changing anything. It must not know what is good or bad.
package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/agent/instance"
	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/xfrm"
)

// Linux is the machine and network namespace of this process.
type Linux struct{}

var _ doctor.System = Linux{}

// Files is the root folder, in which nothing is waited for.
func (Linux) Files() fs.FS { return disk{os.DirFS("/").(tree)} }

// UserID finds a user.
func (Linux) UserID(name string) (int, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, unknown[user.UnknownUserError](err)
	}
	return strconv.Atoi(u.Uid)
}

// GroupID finds a group.
func (Linux) GroupID(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, unknown[user.UnknownGroupError](err)
	}
	return strconv.Atoi(g.Gid)
}

// unknown makes the error of an account that does not exist one of package fs.
func unknown[E error](err error) error {
	if _, is := errors.AsType[E](err); is {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// Policies lists the IPsec policies of others.
func (Linux) Policies() ([]doctor.Policy, error) {
	kernel, err := xfrm.Open(slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, permission(err)
	}
	defer kernel.Close()
	foreign, err := kernel.ForeignPolicies()
	if err != nil {
		return nil, permission(err)
	}
	var policies []doctor.Policy
	for _, p := range foreign {
		policies = append(policies, doctor.Policy{
			Source: p.Src, Destination: p.Dst, Protocol: p.Protocol, Direction: p.Direction,
			Priority: p.Priority, Block: p.Block, Delete: p.Delete, First: p.Priority < xfrm.PolicyPriorities().First,
		})
	}
	return policies, nil
}

// permission makes the kernel's ways to say so one.
func permission(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w: %w", doctor.ErrDenied, err)
	}
	return err
}

// FreeSpace is what is left for those who are not the superuser.
func (Linux) FreeSpace(folder string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, fmt.Errorf("asking for the space in %s: %w", folder, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// Clock asks the kernel, which NTP daemons tell.
func (Linux) Clock() (doctor.Clock, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return doctor.Clock{}, permission(fmt.Errorf("asking for the clock's state: %w", err))
	}
	return doctor.Clock{Now: time.Now(), Synchronised: state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0}, nil
}

// Daemon asks at the control socket.
func (Linux) Daemon(ctx context.Context, socket string) (control.Status, error) {
	return control.NewClient(socket).Status(ctx)
}

// Instance is whoever has the lock.
func (Linux) Instance(folder string) (int, error) { return instance.Holder(folder) }

// StoreFormat looks into a store that nobody uses.
func (Linux) StoreFormat(path string) (int, error) {
	meta, err := boltstore.Inspect(path)
	if err != nil {
		return 0, err
	}
	return meta.Version, nil
}

// StoreSeal tries a key with a store that nobody uses.
func (Linux) StoreSeal(path string, key []byte) (doctor.Seal, error) {
	var sealer store.Sealer
	if len(key) == store.SealKeySize {
		var err error
		if sealer, err = store.NewSealer([store.SealKeySize]byte(key)); err != nil {
			return doctor.Unsealed, err
		}
	}
	sealed, err := boltstore.Sealed(path, sealer)
	switch {
	case errors.Is(err, boltstore.ErrSealed):
		return doctor.Foreign, nil
	case errors.Is(err, fs.ErrNotExist):
		return doctor.Unsealed, nil
	case err != nil || !sealed:
		return doctor.Unsealed, err
	}
	return doctor.Fitting, nil
}
