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
	"sync"
	"time"

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

// A Verdict says what a request is.
type Verdict int

// The verdicts.
const (
	Fresh      Verdict = iota // never seen: serve it, then call Finish or Forget
	InProgress                // being served: its answer comes with Finish or Forget
	Answered                  // served: here is the answer
	Crowded                   // being served, and too many wait for the answer
)

// maxWaiting bounds the copies of one request that wait for its answer.
const maxWaiting = 16

// overhead is about what one answer takes beside its bytes.
const overhead = 160

// Limits bound a Memory. Answers are forgotten after Age, and earlier when there
// are more than Entries, or more than Bytes octets of them.
type Limits struct {
	Entries, Bytes int
	Age            time.Duration
}

// A Memory is safe for concurrent use. W is what the caller needs to send an
// answer to one copy of a request.
type Memory[W any] struct {
	limits Limits

	mu       sync.Mutex
	entries  map[Key]*entry[W]
	answered int
	bytes    int
	evicted  uint64
	// oldest and newest are the ends of the list of those answered.
	oldest, newest *entry[W]
}

type entry[W any] struct {
	key     Key
	done    bool
	answer  []byte
	at      time.Time
	next    *entry[W]
	waiting []W
}

// New makes an empty Memory.
func New[W any](limits Limits) *Memory[W] {
	return &Memory[W]{limits: limits, entries: map[Key]*entry[W]{}}
}

// Begin looks a request up and, if it is fresh, notes that it is in progress. If
// it is in progress already, w is kept until Finish or Forget return it. The
// answer must not be modified.
func (m *Memory[W]) Begin(k Key, w W, now time.Time) (Verdict, []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(now)
	e := m.entries[k]
	switch {
	case e == nil:
		m.entries[k] = &entry[W]{key: k}
		return Fresh, nil
	case e.done:
		return Answered, e.answer
	case len(e.waiting) >= maxWaiting:
		return Crowded, nil
	}
	e.waiting = append(e.waiting, w)
	return InProgress, nil
}

// Finish keeps the answer, which must not be modified from now on, and returns
// who waits for it.
func (m *Memory[W]) Finish(k Key, answer []byte, now time.Time) []W {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[k]
	if e == nil || e.done {
		return nil
	}
	waiting := e.waiting
	e.done, e.answer, e.at, e.waiting = true, answer, now, nil
	if m.newest == nil {
		m.oldest = e
	} else {
		m.newest.next = e
	}
	m.newest = e
	m.answered++
	m.bytes += len(answer) + overhead
	for m.answered > m.limits.Entries || m.bytes > m.limits.Bytes {
		m.evicted++
		m.drop()
	}
	return waiting
}

// Forget is instead of Finish where the request must be served anew when it
// comes again. It returns who waits.
func (m *Memory[W]) Forget(k Key) []W {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[k]
	if e == nil || e.done {
		return nil
	}
	delete(m.entries, k)
	return e.waiting
}

// Evicted returns how many answers were forgotten before their time.
func (m *Memory[W]) Evicted() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.evicted
}

// Len returns how many requests are known, in progress or answered.
func (m *Memory[W]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

func (m *Memory[W]) expire(now time.Time) {
	for m.oldest != nil && now.Sub(m.oldest.at) > m.limits.Age {
		m.drop()
	}
}

// drop forgets the oldest answer.
func (m *Memory[W]) drop() {
	e := m.oldest
	m.oldest = e.next
	if m.oldest == nil {
		m.newest = nil
	}
	delete(m.entries, e.key)
	m.answered--
	m.bytes -= len(e.answer) + overhead
}
