package rawsocket

import (
	"errors"
	"fmt"
	"net"

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
	control := ancillary.Append(make([]byte, 0, ancillary.SendSpace), ancillary.Sent{Source: p.Source, CareOf: p.CareOf})
	if s.cfg.Protect != nil {
		s.sending.Lock()
		defer s.sending.Unlock()
		if err := s.protect(conn, p.Association); err != nil {
			return err
		}
	}
	_, _, err = conn.WriteMsgIP(p.Payload, control, &net.IPAddr{IP: p.Destination.AsSlice()})
	return err
}

func (s *Socket) protect(conn *net.IPConn, association uint32) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = s.cfg.Protect(int(fd), association) })
	return errors.Join(err, failed)
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
