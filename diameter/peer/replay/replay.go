// Package replay remembers the answers given, so that a request which comes a
// second time gets the same answer and has no second effect (RFC 6733 sections
// 3 and 5.5.4, RFC 3539 section 3.5).
//
// A [Memory] holds what is in progress and, for a time and within bounds, what
// was answered; [KeyOf] says which requests are the same; [Again] fits an
// answer to another copy of its request. Time is a parameter. The package must
// not know connections.
package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
)

// A Key stands for a request and all its retransmissions.
type Key [16]byte

// KeyOf returns the key of a request; false if it names no originator. It is
// made of the Origin-Host and the End-to-End Identifier, which identify
// duplicates (RFC 6733 section 5.5.4), and of what else no retransmission
// changes: the command and the session. So an originator that uses an
// identifier again too soon does not get the answer of another session.
func KeyOf(m *diameter.Message) (Key, bool) {
	origin, ok := m.Find(avp.OriginHost, 0)
	if !ok {
		return Key{}, false
	}
	session, _ := m.Find(avp.SessionID, 0)
	b := make([]byte, 0, 128)
	b = binary.BigEndian.AppendUint32(b, m.EndToEnd)
	b = binary.BigEndian.AppendUint32(b, m.Command)
	b = binary.BigEndian.AppendUint32(b, m.Application)
	b = binary.BigEndian.AppendUint32(b, uint32(len(session.Data)))
	b = append(b, session.Data...)
	b = append(b, strings.ToLower(string(origin.Data))...)
	sum := sha256.Sum256(b)
	return Key(sum[:len(Key{})]), true
}

// Again returns an answer made from the bytes of an earlier one, for another
// copy of the same request: with this copy's Hop-by-Hop Identifier, P bit and
// Proxy-Info, as it may have come by another way.
func Again(answer []byte, req *diameter.Message) (*diameter.Message, error) {
	m, err := diameter.Parse(answer)
	if err != nil {
		return nil, err
	}
	m.HopByHop = req.HopByHop
	m.Flags = m.Flags&^diameter.FlagProxiable | req.Flags&diameter.FlagProxiable
	kept := m.AVPs[:0]
	for _, a := range m.AVPs {
		if !a.Is(avp.ProxyInfo, 0) {
			kept = append(kept, a)
		}
	}
	m.AVPs = kept
	for a := range req.All(avp.ProxyInfo, 0) {
		m.Add(a)
	}
	return m, nil
}
