package testbed

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// A Bed is a network of hosts and links, and the owner of everything on it.
type Bed struct {
	folder string
	hosts  []*Host
	wires  *Host // holds the links' bridges, and no addresses
	ports  int
	// streams counts the streams of traffic that were ever sent.
	streams atomic.Uint32
}

// New returns an empty bed that keeps its files (logs, captures, sockets) in a
// folder. Close ends all that was started on it.
func New(folder string) (*Bed, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("making the bed's folder: %w", err)
	}
	b := &Bed{folder: folder}
	wires, err := b.Host("wires")
	if err != nil {
		return nil, err
	}
	b.wires = wires
	if err := wires.Sysctl("net.ipv6.conf.default.disable_ipv6", "1"); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Folder returns the folder of the bed's files.
func (b *Bed) Folder() string { return b.folder }

// Host adds a host: a network namespace with loopback up, IPv6 without duplicate
// address detection of its own addresses (so that they can be used at once), and
// nothing else. The name is for messages and file names.
func (b *Bed) Host(name string) (*Host, error) {
	h := &Host{name: name, bed: b}
	if err := h.open(); err != nil {
		return nil, fmt.Errorf("making host %s: %w (root is needed: try .ci/uml)", name, err)
	}
	b.hosts = append(b.hosts, h)
	if err := h.prepare(); err != nil {
		return nil, fmt.Errorf("preparing host %s: %w", name, err)
	}
	return h, nil
}

// Close ends what runs on the bed, youngest first, and lets its namespaces go.
func (b *Bed) Close() error {
	var errs []error
	for i := len(b.hosts) - 1; i >= 0; i-- {
		errs = append(errs, b.hosts[i].close())
	}
	b.hosts = nil
	return errors.Join(errs...)
}

// open makes the namespace on a thread that is given up afterwards, for it
// cannot be trusted to be in the namespace it came from.
func (h *Host) open() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		ns, err := netns.New()
		if err == nil {
			h.namespace = ns
			h.link, err = netlink.NewHandleAt(ns)
		}
		done <- err
	}()
	return <-done
}

func (h *Host) prepare() error {
	for _, which := range []string{"all", "default"} {
		if err := h.Sysctl("net.ipv6.conf."+which+".accept_dad", "0"); err != nil {
			return err
		}
	}
	return h.Up("lo")
}
