package kernel

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/wire"
)

// conn is a netlink socket for changes. A change costs it two system calls and
// no allocation of buffers; through nl.NetlinkRequest it takes three times as
// long.
type conn struct {
	mu       sync.Mutex
	fd       int
	port     uint32 // how the kernel names the socket
	sequence uint32
	request  []byte
	answer   []byte
}

// answerSize holds an acknowledgement with the request and the kernel's words
// about it.
const answerSize = 16 << 10

func openConn(family int) (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return nil, err
	}
	c := &conn{fd: fd, answer: make([]byte, answerSize)}
	if err := c.configure(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *conn) configure() error {
	if err := unix.Bind(c.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	name, err := unix.Getsockname(c.fd)
	if err != nil {
		return err
	}
	if own, ok := name.(*unix.SockaddrNetlink); ok {
		c.port = own.Pid
	}
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK} {
		if err := unix.SetsockoptInt(c.fd, unix.SOL_NETLINK, option, 1); err != nil {
			return err
		}
	}
	return unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
}

func (c *conn) close() { unix.Close(c.fd) }

// execute sends a change and waits until it is done.
func (c *conn) execute(m wire.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sequence++
	m.Flags |= unix.NLM_F_ACK
	c.request = wire.AppendMessage(c.request[:0], m, c.sequence, c.port)
	if err := unix.Sendto(c.fd, c.request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return c.await(c.sequence)
}

// await reads acknowledgements up to that of a sequence number; those before
// it are of calls which gave up waiting.
func (c *conn) await(wanted uint32) error {
	for {
		n, from, err := unix.Recvfrom(c.fd, c.answer, 0)
		switch kernel, _ := from.(*unix.SockaddrNetlink); {
		case err == unix.EINTR, kernel != nil && kernel.Pid != 0:
			continue
		case err != nil:
			return fmt.Errorf("receiving: %w", err)
		}
		sequence, result, err := wire.ParseAck(c.answer[:n])
		if err != nil || sequence == wanted {
			return errors.Join(err, result)
		}
	}
}
