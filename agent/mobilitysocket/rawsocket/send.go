package rawsocket

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/mobilitysocket/ancillary"
)

// Send sends one packet. It does not wait for the network.
func (s *Socket) Send(p Outgoing) error {
	err := s.send(p)
	if err != nil {
		s.count.sendErrors.Add(1)
		return fmt.Errorf("sending to %s: %w", p.Destination, err)
	}
	s.count.sent.Add(1)
	return nil
}

func (s *Socket) send(p Outgoing) error {
	conn, err := s.connFor(p.Interface)
	if err != nil {
		return err
	}
	ancillaryData := ancillary.Append(make([]byte, 0, ancillary.SendSpace), ancillary.Sent{Source: p.Source, CareOf: p.CareOf})
	if s.cfg.Protect != nil {
		s.sending.Lock()
		defer s.sending.Unlock()
	}
	return control(conn, func(fd int) error {
		if s.cfg.Protect != nil {
			if err := s.cfg.Protect(fd, p.Association, p.Source, p.TunnelEnd); err != nil {
				return err
			}
		}
		return transmit(fd, p.Payload, ancillaryData, &unix.SockaddrInet6{Addr: p.Destination.As16()})
	})
}

// ErrNoAssociation says that there is no security association for a packet that
// has to leave under one.
var ErrNoAssociation = errors.New("there is no security association to send it under")

// roomPatience is how long a packet waits for others in the socket's buffer to
// leave.
const roomPatience = 100 * time.Millisecond

// transmit does not leave a packet that cannot be sent to the runtime's poller: the
// kernel's error for a missing security association is that for a full buffer,
// and the one would be waited for in vain, with all other packets behind it.
func transmit(fd int, payload, control []byte, to unix.Sockaddr) error {
	return tryToSend(func() error {
		return os.NewSyscallError("sendmsg", unix.Sendmsg(fd, payload, control, to, unix.MSG_DONTWAIT))
	}, func() bool { return hasRoom(fd, roomPatience) })
}

// tryToSend tells a full buffer from a missing security association. There is none if
// a packet is refused that there was room for beforehand: who sends on a socket has
// it to himself. Room that is found afterwards proves nothing, as the buffer empties
// meanwhile.
func tryToSend(send func() error, hasRoom func() bool) error {
	err := send()
	if !errors.Is(err, unix.EAGAIN) || !hasRoom() {
		return err
	}
	if err = send(); errors.Is(err, unix.EAGAIN) {
		return ErrNoAssociation
	}
	return err
}

// hasRoom waits for the socket's buffer to be half empty.
func hasRoom(fd int, patience time.Duration) bool {
	events := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(events, int(patience.Milliseconds()))
	return err == nil && n == 1 && events[0].Revents&unix.POLLOUT != 0
}

// connFor returns the socket whose packets leave by the interface. One that is
// bound to it is needed: naming the interface in packet information does not keep
// the kernel from following a more specific route through another.
func (s *Socket) connFor(index int) (*net.IPConn, error) {
	if index == 0 {
		return s.conn, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if conn, ok := s.bound[index]; ok {
		return conn, nil
	}
	conn, err := listen(s.cfg.Protocol)
	if err != nil {
		return nil, err
	}
	if err := bindForSending(conn, index); err != nil {
		conn.Close()
		return nil, fmt.Errorf("binding a raw IPv6 socket to interface %d: %w", index, err)
	}
	s.bound[index] = conn
	return conn, nil
}
