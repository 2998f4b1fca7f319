package testbed

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Host is one machine of the bed: a network namespace.
type Host struct {
	name      string
	bed       *Bed
	namespace netns.NsHandle
	link      *netlink.Handle
	running   []stopper
}

// A stopper is something that runs on a host.
type stopper interface{ Stop() error }

// String returns the host's name.
func (h *Host) String() string { return h.name }

// Netlink returns a handle to the host's own routing and IPsec tables.
func (h *Host) Netlink() *netlink.Handle { return h.link }

// File returns the path of a file of this host in the bed's folder.
func (h *Host) File(name string) string {
	return filepath.Join(h.bed.folder, h.name+"-"+name)
}

// Do runs a function on this host: sockets opened and programs started by it
// (not by goroutines it starts) belong to the host for good.
func (h *Host) Do(fn func() error) error {
	done := make(chan error)
	go func() {
		// The thread is never unlocked, so it ends with this goroutine instead
		// of carrying the namespace elsewhere.
		runtime.LockOSThread()
		if err := netns.Set(h.namespace); err != nil {
			done <- fmt.Errorf("entering host %s: %w", h.name, err)
			return
		}
		done <- fn()
	}()
	return <-done
}

// Sysctl sets a kernel parameter of this host, such as "net.ipv6.conf.all.forwarding".
func (h *Host) Sysctl(key, value string) error {
	path := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
	err := h.Do(func() error { return os.WriteFile(path, []byte(value), 0) })
	if err != nil {
		return fmt.Errorf("setting %s on %s: %w", key, h.name, err)
	}
	return nil
}

// Up brings an interface up.
func (h *Host) Up(name string) error {
	link, err := h.device(name)
	if err != nil {
		return err
	}
	if err := h.link.LinkSetUp(link); err != nil {
		return fmt.Errorf("bringing up %s of %s: %w", name, h.name, err)
	}
	return nil
}

// AddAddress gives an interface an address, usable at once.
func (h *Host) AddAddress(name string, address netip.Prefix) error {
	link, err := h.device(name)
	if err != nil {
		return err
	}
	if err := h.link.AddrReplace(link, netlinkAddress(address)); err != nil {
		return fmt.Errorf("adding %s to %s of %s: %w", address, name, h.name, err)
	}
	return h.awaitLocal(address.Addr())
}

// awaitLocal waits until packets to a new address are taken in: the kernel sees to
// that in the background, and what comes earlier (such as the answer to the first
// Neighbor Solicitation, sent again a second later) is dropped.
func (h *Host) awaitLocal(address netip.Addr) error {
	for range 1000 {
		routes, err := h.link.RouteGet(address.AsSlice())
		if err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("waiting for %s of %s to be in use: still not after a second", address, h.name)
}

// RemoveAddress takes an address from an interface; one that is not there is fine.
func (h *Host) RemoveAddress(name string, address netip.Prefix) error {
	link, err := h.device(name)
	if err != nil {
		return err
	}
	err = h.link.AddrDel(link, netlinkAddress(address))
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("removing %s from %s of %s: %w", address, name, h.name, err)
	}
	return nil
}

// AddRoute sends what goes to a prefix through a gateway, in place of the route
// the host had for that prefix.
func (h *Host) AddRoute(to netip.Prefix, gateway netip.Addr) error {
	route := &netlink.Route{Dst: ipNet(to), Gw: gateway.AsSlice()}
	if err := h.link.RouteReplace(route); err != nil {
		return fmt.Errorf("adding a route to %s by %s on %s: %w", to, gateway, h.name, err)
	}
	return nil
}

func (h *Host) device(name string) (netlink.Link, error) {
	link, err := h.link.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("finding interface %s of %s: %w", name, h.name, err)
	}
	return link, nil
}

func (h *Host) close() error {
	var errs []error
	for i := len(h.running) - 1; i >= 0; i-- {
		errs = append(errs, h.running[i].Stop())
	}
	if h.link != nil {
		h.link.Close()
	}
	return errors.Join(append(errs, h.namespace.Close())...)
}

func netlinkAddress(address netip.Prefix) *netlink.Addr {
	return &netlink.Addr{IPNet: ipNet(address), Flags: unix.IFA_F_NODAD}
}

// ipNet keeps the host's part of the address, which netip.Prefix.Masked would drop.
func ipNet(prefix netip.Prefix) *net.IPNet {
	bits := prefix.Addr().BitLen()
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), bits)}
}
