// Package kernel carries objects to and from the kernel of one network
// namespace: [Linux] over netlink, [Fake] in memory for tests, printing itself
// as the commands an engineer would type.
//
// It knows how each single object is listed, put and deleted, and nothing of
// which should exist or in what order they change: that is its caller's.
package kernel

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
	"homeagent/xfrm/internal/wire"
)

// Linux is the kernel of the network namespace it was opened in. Calls may
// come from several goroutines; each holds its socket alone meanwhile.
type Linux struct {
	handle  *netlink.Handle
	sockets map[int]*nl.SocketHandle // for lists
	conns   map[int]*conn            // for changes

	listeners map[int]*nl.NetlinkSocket
	// counters is /proc/net/xfrm_stat, which stays that of the namespace it
	// was opened in; nil if the kernel does not count.
	counters *os.File
}

// timeout is how long one answer may take; a policy insert takes 11 ms with
// 100,000 routes, on a busy machine more.
var timeout = unix.Timeval{Sec: 30}

// dumpAttempts is how often a dump is begun again that others' changes
// interrupted.
const dumpAttempts = 8

// OpenLinux opens the sockets, which stay in the calling thread's network
// namespace.
func OpenLinux() (*Linux, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink handle: %w", err)
	}
	l := &Linux{
		handle:    handle,
		sockets:   make(map[int]*nl.SocketHandle),
		conns:     make(map[int]*conn),
		listeners: make(map[int]*nl.NetlinkSocket),
	}
	for _, family := range []int{unix.NETLINK_ROUTE, unix.NETLINK_XFRM} {
		socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), family)
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("opening a netlink socket of family %d: %w", family, err)
		}
		l.sockets[family] = &nl.SocketHandle{Socket: socket}
		if err := configure(socket); err != nil {
			l.Close()
			return nil, fmt.Errorf("configuring a netlink socket of family %d: %w", family, err)
		}
		if l.conns[family], err = openConn(family); err != nil {
			l.Close()
			return nil, fmt.Errorf("opening a netlink socket of family %d: %w", family, err)
		}
	}
	if err := errors.Join(l.openCounters(), l.openListeners()); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func configure(s *nl.NetlinkSocket) error {
	return errors.Join(s.SetReceiveTimeout(&timeout), s.SetSendTimeout(&timeout), s.SetExtAck(true), strict(s))
}

// Close closes the sockets.
func (l *Linux) Close() {
	l.handle.Close()
	for _, s := range l.sockets {
		s.Close()
	}
	for _, c := range l.conns {
		c.close()
	}
	for _, s := range l.listeners {
		s.Close()
	}
	l.counters.Close() // an error if it is nil
}

// Apply does v to o. Adding what exists is an error, as is deleting what does
// not; replacing adds what does not exist.
func (l *Linux) Apply(v object.Verb, o object.Object) error {
	var err error
	switch o := o.(type) {
	case object.Policy:
		err = l.applyPolicy(v, o)
	case object.State:
		err = l.applyState(v, o)
	case object.Association:
		err = l.applyAssociation(v, o)
	case object.Tunnel:
		err = l.applyTunnel(v, o)
	case object.Gate:
		err = l.applyGate(v, o)
	case object.Filter:
		err = l.applyFilter(v, o)
	case object.Route:
		err = l.applyRoute(v, o)
	default:
		err = fmt.Errorf("objects of type %T cannot be changed", o)
	}
	if err != nil {
		return fmt.Errorf("executing %q: %w", o.Command(v), hint(err))
	}
	return nil
}

// hint adds what an operator can do about err.
func hint(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w (CAP_NET_ADMIN is needed)", err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w (the kernel needs CONFIG_IPV6_MIP6, CONFIG_IPV6_TUNNEL, CONFIG_INET6_ESP, "+
			"CONFIG_XFRM_MIGRATE, CONFIG_NET_CLS_FLOWER and CONFIG_NET_SCH_INGRESS)", err)
	default:
		return err
	}
}

// exchange sends one message and waits for its acknowledgement.
func (l *Linux) exchange(family, typ, flags int, body []byte) error {
	return l.conns[family].execute(wire.Message{Type: uint16(typ), Flags: uint16(flags), Body: body})
}

// get asks for one object.
func (l *Linux) get(family, typ int, body []byte, answer uint16) ([]byte, error) {
	req := nl.NewNetlinkRequest(typ, 0)
	req.AddRawData(body)
	req.Sockets = l.sockets
	answers, err := req.Execute(family, answer)
	if err != nil {
		return nil, err
	}
	if len(answers) != 1 {
		return nil, fmt.Errorf("%d answers to a request for one object", len(answers))
	}
	return answers[0], nil
}

// dump lists objects of a kind, leaving out those which parse calls foreign.
func dump[T any](l *Linux, family, typ int, body []byte, answer uint16, parse func([]byte) (T, error)) ([]T, error) {
	for range dumpAttempts {
		list, err := dumpOnce(l, family, typ, body, answer, parse)
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			return list, err
		}
	}
	return nil, fmt.Errorf("%d attempts: %w", dumpAttempts, nl.ErrDumpInterrupted)
}

func dumpOnce[T any](l *Linux, family, typ int, body []byte, answer uint16, parse func([]byte) (T, error)) ([]T, error) {
	req := nl.NewNetlinkRequest(typ, unix.NLM_F_DUMP)
	req.AddRawData(body)
	req.Sockets = l.sockets
	var (
		list []T
		bad  error
	)
	err := req.ExecuteIter(family, answer, func(m []byte) bool {
		item, err := parse(m)
		switch {
		case err == nil:
			list = append(list, item)
		case !errors.Is(err, wire.ErrForeign):
			bad = err
		}
		return bad == nil
	})
	return list, errors.Join(err, bad)
}

// isGone tells whether err says that the object does not exist.
func isGone(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ESRCH)
}
