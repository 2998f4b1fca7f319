package machine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"homeagent/agent/doctor"
)

// Flags of addresses and routes, as the kernel shows them.
const (
	flagDADFailed   = 0x08   // IFA_F_DADFAILED
	flagTentative   = 0x40   // IFA_F_TENTATIVE
	flagOptimistic  = 0x04   // IFA_F_OPTIMISTIC
	flagReject      = 0x0200 // RTF_REJECT
	flagAddrConf    = 0x00040000
	metricNever     = 0xffffffff // of the route behind all others, which rejects
	netconfIfIndex  = 1          // NETCONFA_IFINDEX
	netconfForward  = 2          // NETCONFA_FORWARDING
	netconfAll      = -1         // NETCONFA_IFINDEX_ALL
	netconfHeader   = 4          // struct netconfmsg with its padding
	netlinkAlign    = 4
	attributeHeader = 4
)

// Network reads what is configured. It takes no rights.
func (Linux) Network() (doctor.Network, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return doctor.Network{}, fmt.Errorf("listing interfaces: %w", err)
	}
	forwarding, err := readForwarding()
	if err != nil {
		return doctor.Network{}, err
	}
	// The files are those of the thread's network namespace.
	addressText, err := os.ReadFile("/proc/thread-self/net/if_inet6")
	if err != nil {
		return doctor.Network{}, fmt.Errorf("listing addresses: %w", err)
	}
	addresses := parseAddresses(addressText)
	n := doctor.Network{Forwarding: forwarding[netconfAll]}
	for _, i := range interfaces {
		n.Interfaces = append(n.Interfaces, doctor.Interface{
			Name: i.Name, Up: i.Flags&net.FlagUp != 0, Running: i.Flags&net.FlagRunning != 0,
			Forwarding: forwarding[int32(i.Index)], Addresses: addresses[i.Name],
		})
	}
	return n, nil
}

// Routes reads all and keeps those that were asked for.
func (Linux) Routes(of []netip.Prefix) ([]doctor.Route, error) {
	text, err := os.ReadFile("/proc/thread-self/net/ipv6_route")
	if err != nil {
		return nil, fmt.Errorf("listing routes: %w", err)
	}
	return slices.DeleteFunc(parseRoutes(text), func(r doctor.Route) bool {
		return !slices.ContainsFunc(of, r.Covers)
	}), nil
}

// readForwarding tells what each interface does, by its index. It asks over
// netlink, as /proc/sys is hidden from the daemon.
func readForwarding() (map[int32]bool, error) {
	reply, err := syscall.NetlinkRIB(unix.RTM_GETNETCONF, unix.AF_INET6)
	if err != nil {
		return nil, fmt.Errorf("asking whether packets are forwarded: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(reply)
	if err != nil {
		return nil, fmt.Errorf("asking whether packets are forwarded: %w", err)
	}
	forwarding := map[int32]bool{}
	for _, m := range messages {
		if m.Header.Type == unix.RTM_NEWNETCONF && len(m.Data) >= netconfHeader {
			values := attributes(m.Data[netconfHeader:])
			forwarding[values[netconfIfIndex]] = values[netconfForward] != 0
		}
	}
	return forwarding, nil
}

// attributes reads netlink attributes that are numbers.
func attributes(b []byte) map[uint16]int32 {
	values := map[uint16]int32{}
	for len(b) >= attributeHeader {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < attributeHeader || size > len(b) {
			break
		}
		if size == attributeHeader+4 {
			values[kind] = int32(binary.NativeEndian.Uint32(b[attributeHeader:]))
		}
		b = b[min(len(b), (size+netlinkAlign-1)&^(netlinkAlign-1)):]
	}
	return values
}

// parseAddresses reads /proc/net/if_inet6: address, index, length, scope, flags
// and name.
func parseAddresses(text []byte) map[string][]doctor.Address {
	all := map[string][]doctor.Address{}
	for fields := range lines(text, 6) {
		address, ok := parseAddress(fields[0])
		bits, err := strconv.ParseUint(fields[2], 16, 8)
		flags, flagErr := strconv.ParseUint(fields[4], 16, 32)
		if !ok || err != nil || flagErr != nil {
			continue
		}
		all[fields[5]] = append(all[fields[5]], doctor.Address{
			Prefix:    netip.PrefixFrom(address, int(bits)),
			Tentative: flags&flagTentative != 0 && flags&flagOptimistic == 0 && flags&flagDADFailed == 0,
			Duplicate: flags&flagDADFailed != 0,
		})
	}
	return all
}

// parseRoutes reads /proc/net/ipv6_route: destination and its length, source and
// its length, gateway, metric, two counters, flags and name.
func parseRoutes(text []byte) []doctor.Route {
	var all []doctor.Route
	for fields := range lines(text, 10) {
		to, ok := parseAddress(fields[0])
		gateway, gatewayOK := parseAddress(fields[4])
		bits, err := strconv.ParseUint(fields[1], 16, 8)
		metric, metricErr := strconv.ParseUint(fields[5], 16, 32)
		flags, flagErr := strconv.ParseUint(fields[8], 16, 32)
		if !ok || !gatewayOK || err != nil || metricErr != nil || flagErr != nil || metric == metricNever {
			continue
		}
		if gateway.IsUnspecified() {
			gateway = netip.Addr{}
		}
		all = append(all, doctor.Route{
			To: netip.PrefixFrom(to, int(bits)), Gateway: gateway, Interface: fields[9],
			Reject: flags&flagReject != 0, Advertised: flags&flagAddrConf != 0,
		})
	}
	return all
}

// lines are those with so many fields.
func lines(text []byte, fields int) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
			if f := strings.Fields(scanner.Text()); len(f) == fields && !yield(f) {
				return
			}
		}
	}
}

func parseAddress(digits string) (netip.Addr, bool) {
	octets, err := hex.DecodeString(digits)
	if err != nil {
		return netip.Addr{}, false
	}
	a, ok := netip.AddrFromSlice(octets)
	return a, ok && a.Is6()
}

// Bind binds the address as a listener would, and lets go of it. It does not
// listen, so that a daemon that starts at this moment is not in its way.
func (Linux) Bind(ctx context.Context, address string) error {
	resolved, err := resolve(ctx, address)
	if err != nil {
		return err
	}
	family := unix.AF_INET6
	var sockaddr unix.Sockaddr = &unix.SockaddrInet6{Port: int(resolved.Port()), Addr: resolved.Addr().As16()}
	if resolved.Addr().Is4() {
		family, sockaddr = unix.AF_INET, &unix.SockaddrInet4{Port: int(resolved.Port()), Addr: resolved.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("making a socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("making a socket: %w", err)
	}
	return permission(unix.Bind(fd, sockaddr))
}

// resolve finds the address that a listener would take.
func resolve(ctx context.Context, address string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("reading the port of %q: %w", address, err)
	}
	if host == "" {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(number)), nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(found[0].Unmap(), uint16(number)), nil
}
