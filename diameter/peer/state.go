package peer

import (
	"crypto/tls"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"homeagent/diameter/peer/machine"
)

// state is what others see of a peer, without asking its goroutine.
type state struct {
	count    counts
	draining atomic.Bool

	mu      sync.Mutex
	machine machine.State
	health  machine.Health
	conn    *conn // if it is open
	since   time.Time
	osid    uint32
	err     string
	errAt   time.Time
	refused memory     // the last
	seen    netip.Addr // where it was connected from last
}

type counts struct {
	connections, requestsReceived, answersSent, requestsSent, answersReceived, duplicates, refused, tooBusy,
	unknownAnswers, failovers, watchdogsSent, watchdogsReceived, stateLosses atomic.Uint64
}

// set shows the state; conn is nil if none is open.
func (s *state) set(m machine.State, h machine.Health, c *conn, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine != m || s.since.IsZero() {
		s.since = now
	}
	s.machine, s.health, s.conn = m, h, c
	if c != nil {
		s.seen = c.remote.Addr()
	}
}

// usable returns the connection for requests of ours, nil if there is none or
// it is not trusted.
func (s *state) usable() *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.health != machine.Okay {
		return nil
	}
	return s.conn
}

// originState keeps an Origin-State-Id, 0 for none. Grew tells that it is
// greater than the one before.
func (s *state) originState(id uint32) (before uint32, grew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == 0 {
		return s.osid, false
	}
	before, s.osid = s.osid, id
	if before == 0 || id <= before {
		return before, false
	}
	s.count.stateLosses.Add(1)
	return before, true
}

// isNews reports whether an error differs from the last one.
func (s *state) isNews(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != err.Error()
}

// fail keeps the reason for the end of a connection, if there is one.
func (s *state) fail(err error, now time.Time) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.errAt = err.Error(), now
}

// refuse keeps a connection that came to nothing, and reports whether that is news.
func (s *state) refuse(r Refusal) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused, news = s.refused.next(r)
	if !r.Initiated {
		s.err, s.errAt = r.Text, r.Time
	}
	return news
}

// lastSeen is where the peer was connected from last, zero if it never was.
func (s *state) lastSeen() netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// status is the state as others may know it.
func (p *peer) status() Status {
	running, queued := p.work.load()
	s := &p.state
	s.mu.Lock()
	defer s.mu.Unlock()
	status := Status{
		Host: p.config.Host, Realm: p.config.Realm, Connect: p.config.Connect, Secured: p.config.Secured,
		State: s.machine.String(), Health: s.health.String(), Open: s.conn != nil && s.health == machine.Okay,
		Since: s.since, OriginStateID: s.osid, LastError: s.err, LastErrorAt: s.errAt, LastRefusal: s.refused.Refusal,
		Counters: s.count.read(),
	}
	status.Counters.InProgress, status.Counters.Queued = uint64(running), uint64(queued)
	if c := s.conn; c != nil {
		status.Remote, status.Local, status.Product = c.remote, c.local, c.caps.Product
		status.Realm = c.info.Realm
		if c.transport == TLS {
			status.TLSName, status.TLSVersion = p.config.Host, tls.VersionName(c.tls.Version)
		}
	}
	return status
}

func (c *counts) read() Counters {
	return Counters{
		Connections:       c.connections.Load(),
		RequestsReceived:  c.requestsReceived.Load(),
		AnswersSent:       c.answersSent.Load(),
		RequestsSent:      c.requestsSent.Load(),
		AnswersReceived:   c.answersReceived.Load(),
		Duplicates:        c.duplicates.Load(),
		Refused:           c.refused.Load(),
		TooBusy:           c.tooBusy.Load(),
		UnknownAnswers:    c.unknownAnswers.Load(),
		Failovers:         c.failovers.Load(),
		WatchdogsSent:     c.watchdogsSent.Load(),
		WatchdogsReceived: c.watchdogsReceived.Load(),
		StateLosses:       c.stateLosses.Load(),
	}
}
