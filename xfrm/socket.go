package xfrm

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
	"homeagent/xfrm/internal/wire"
)

// ProtectSocket makes all that a raw IPv6 socket sends from now on leave under
// the ESP association of a reqid, whatever the policies say: in transport mode, or
// with a valid address at either end in tunnel mode between these. Sending fails with
// EAGAIN if there is none. Reqid 0 ends it. It needs CAP_NET_ADMIN.
//
// This is how messages are sent to mobile nodes that have a reqid each (see
// [Desired.ReqID]): the socket is protected anew before each message, at a cost
// of one system call. A policy per mobile node would do the same but cost a
// walk over all routes when it is inserted. The caller makes sure that nobody
// else sends in between.
func ProtectSocket(fd int, reqID uint32, from, to netip.Addr) error {
	var value []byte
	if reqID != 0 {
		value = wire.AppendPolicy(nil, object.Policy{
			Selector:  object.Selector{Src: object.Everything(), Dst: object.Everything()},
			Direction: object.Out,
		})
		value = wire.AppendTemplate(value, espBetween(reqID, from, to))
	}
	if err := unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_XFRM_POLICY, string(value)); err != nil {
		return fmt.Errorf("protecting a socket by ESP with reqid %d: %w", reqID, err)
	}
	return nil
}

func espBetween(reqID uint32, from, to netip.Addr) object.Template {
	if !to.IsValid() {
		return espTransport(reqID)
	}
	return object.Template{Transform: object.ESP, Mode: object.TunnelMode, ReqID: reqID, Src: from, Dst: to}
}

func espTransport(reqID uint32) object.Template {
	return object.Template{Transform: object.ESP, Mode: object.Transport, ReqID: reqID}
}
