package kernel

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
	"homeagent/xfrm/internal/wire"
)

// groups are the multicast groups to listen to: few messages come there, as
// changes of routes and filters are not among them.
var groups = map[int][]int{
	unix.NETLINK_XFRM:  {nl.XFRMNLGRP_SA, nl.XFRMNLGRP_POLICY, nl.XFRMNLGRP_REPORT},
	unix.NETLINK_ROUTE: {unix.RTNLGRP_LINK},
}

// openListeners opens the sockets of Watch; they hear nothing yet.
func (l *Linux) openListeners() error {
	for family := range groups {
		s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), family)
		if err != nil {
			return fmt.Errorf("opening a netlink socket of family %d: %w", family, err)
		}
		l.listeners[family] = s
	}
	return nil
}

// Watch calls handle, from several goroutines, for what others do in the
// kernel until ctx ends. It can be called once.
func (l *Linux) Watch(ctx context.Context, handle func(object.Event)) error {
	done := make(chan error, len(l.listeners))
	for family, s := range l.listeners {
		for _, group := range groups[family] {
			if err := unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group); err != nil {
				return fmt.Errorf("listening to group %d of netlink family %d: %w", group, family, err)
			}
		}
		stop := context.AfterFunc(ctx, s.Close)
		defer stop()
		go func() { done <- l.listen(family, s, handle) }()
	}
	var err error
	for range l.listeners {
		err = errors.Join(err, <-done)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (l *Linux) listen(family int, s *nl.NetlinkSocket, handle func(object.Event)) error {
	for {
		messages, _, err := s.Receive()
		if errors.Is(err, syscall.ENOBUFS) {
			handle(object.Event{Kind: object.Missed})
			continue
		}
		if err != nil {
			return fmt.Errorf("listening to netlink family %d: %w", family, err)
		}
		for _, m := range messages {
			if m.Header.Pid == l.conns[family].port {
				continue // our own doing
			}
			if e, err := wire.ParseEvent(family, m.Header.Type, m.Data); err == nil {
				handle(e)
			}
		}
	}
}
