package machine

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/doctor"
	"homeagent/ike"
)

// A Fake is a box that a test describes. Where a map has no answer, the Fake
// answers as a box would that has nothing of the kind. Calls must not change it.
type Fake struct {
	Disk          fs.FS
	Users, Groups map[string]int
	Net           doctor.Network
	NetErr        error
	RouteList     []doctor.Route
	Foreign       []doctor.Policy
	PoliciesErr   error
	Bound         map[string]error // by address; nil is free
	Free          uint64
	Time          doctor.Clock
	Charons       map[string]doctor.Charon // by socket
	CharonErr     error
	Refused       []ike.Refusal
	Status        *control.Status // nil: no daemon runs
	DaemonErr     error
	PID           int                            // of the daemon
	Peers         map[string]doctor.Acquaintance // by identity
	PeersErr      map[string]error
	Format        int
	FormatErr     error
	SealKey       string // that the store is sealed with, empty for a store that is not
	// Hang, where it is not nil, makes Charon wait until it is closed, deaf to its
	// context.
	Hang chan struct{}
}

var _ doctor.System = (*Fake)(nil)

// Files is doctor.System's, as are those that follow.
func (f *Fake) Files() fs.FS { return f.Disk }

// UserID finds one of Users.
func (f *Fake) UserID(name string) (int, error) { return find(f.Users, name) }

// GroupID finds one of Groups.
func (f *Fake) GroupID(name string) (int, error) { return find(f.Groups, name) }

// Network is Net.
func (f *Fake) Network() (doctor.Network, error) { return f.Net, f.NetErr }

// Routes are those of RouteList that cover one of the prefixes.
func (f *Fake) Routes(of []netip.Prefix) ([]doctor.Route, error) {
	var all []doctor.Route
	for _, r := range f.RouteList {
		if slices.ContainsFunc(of, r.Covers) {
			all = append(all, r)
		}
	}
	return all, f.NetErr
}

// Policies are Foreign.
func (f *Fake) Policies() ([]doctor.Policy, error) { return f.Foreign, f.PoliciesErr }

// Bind answers from Bound.
func (f *Fake) Bind(_ context.Context, address string) error { return f.Bound[address] }

// FreeSpace is Free.
func (f *Fake) FreeSpace(string) (uint64, error) { return f.Free, nil }

// Clock is Time.
func (f *Fake) Clock() (doctor.Clock, error) { return f.Time, nil }

// Charon finds one of Charons.
func (f *Fake) Charon(_ context.Context, socket string) (doctor.Charon, error) {
	if f.Hang != nil {
		<-f.Hang
	}
	if f.CharonErr != nil {
		return doctor.Charon{}, f.CharonErr
	}
	return find(f.Charons, socket)
}

// Proposals are refused as Refused says, by a charon that is there.
func (f *Fake) Proposals(_ context.Context, i config.IKE) ([]ike.Refusal, error) {
	if f.CharonErr != nil {
		return nil, f.CharonErr
	}
	_, err := find(f.Charons, i.Socket)
	return f.Refused, err
}

// Daemon is Status.
func (f *Fake) Daemon(context.Context, string) (control.Status, error) {
	if f.DaemonErr != nil {
		return control.Status{}, f.DaemonErr
	}
	if f.Status == nil {
		return control.Status{}, fs.ErrNotExist
	}
	return *f.Status, nil
}

// Instance is PID.
func (f *Fake) Instance(string) (int, error) { return f.PID, nil }

// Meet finds one of Peers.
func (f *Fake) Meet(_ context.Context, _ config.Diameter, p config.Peer) (doctor.Acquaintance, error) {
	if err := f.PeersErr[p.Identity]; err != nil {
		return doctor.Acquaintance{}, err
	}
	return find(f.Peers, p.Identity)
}

// StoreFormat is Format.
func (f *Fake) StoreFormat(string) (int, error) { return f.Format, f.FormatErr }

// StoreSeal compares with SealKey.
func (f *Fake) StoreSeal(_ string, key []byte) (doctor.Seal, error) {
	switch {
	case f.FormatErr != nil:
		return doctor.Unsealed, f.FormatErr
	case f.SealKey == "":
		return doctor.Unsealed, nil
	case f.SealKey == string(key):
		return doctor.Fitting, nil
	}
	return doctor.Foreign, nil
}

func find[T any](in map[string]T, name string) (T, error) {
	found, ok := in[name]
	if !ok {
		return found, fmt.Errorf("looking for %s: %w", name, fs.ErrNotExist)
	}
	return found, nil
}
