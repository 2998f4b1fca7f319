package xfrm

import (
	"fmt"

	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
	"homeagent/xfrm/internal/wire"
)

// ProtectSocket makes all that a raw IPv6 socket sends from now on leave under
// the ESP transport mode association of a reqid, whatever the policies say;
// sending fails with EAGAIN if there is none. Reqid 0 ends it. It needs
// CAP_NET_ADMIN.
//
// This is how messages are sent to mobile nodes that have a reqid each (see
// [Desired.ReqID]): the socket is protected anew before each message, at a cost
// of one system call. A policy per mobile node would do the same but cost a
// walk over all routes when it is inserted. The caller makes sure that nobody
// else sends in between.
func ProtectSocket(fd int, reqID uint32) error {
	var value []byte
	if reqID != 0 {
		value = wire.AppendPolicy(nil, object.Policy{
			Selector:  object.Selector{Src: object.Everything(), Dst: object.Everything()},
			Direction: object.Out,
		})
		value = wire.AppendTemplate(value, espTransport(reqID))
	}
	if err := unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_XFRM_POLICY, string(value)); err != nil {
		return fmt.Errorf("protecting a socket by ESP with reqid %d: %w", reqID, err)
	}
	return nil
}

func espTransport(reqID uint32) object.Template {
	return object.Template{Transform: object.ESP, Mode: object.Transport, ReqID: reqID}
}
