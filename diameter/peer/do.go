package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
)

// ErrNoPeer is the error of Do when no connection can carry the request.
var ErrNoPeer = errors.New("no peer is connected that could answer")

// Do sends a request of ours and returns its answer, whatever the Result-Code.
// To is the identity of a peer, or a realm, of which any connected peer will
// do. It waits until ctx ends.
//
// Do sets the R bit and the identifiers, but keeps an End-to-End Identifier
// other than 0: that of a request which was sent before, whose T bit is the
// caller's to set. All else, Origin-Host and Origin-Realm too, is the caller's.
//
// When the connection fails, or RFC 3539 suspects it, the request goes to
// another peer of the same realm with the T bit and the same End-to-End
// Identifier (RFC 6733 section 5.5.4), unless its Destination-Host is the peer
// that failed. Without such a peer the error wraps [ErrNoPeer].
func (t *Table) Do(ctx context.Context, to string, req *diameter.Message) (*diameter.Message, error) {
	m := *req
	m.Flags |= diameter.FlagRequest
	if m.EndToEnd == 0 {
		m.EndToEnd = t.ends.next()
	}
	answer, err := t.do(ctx, to, &m)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", to, err)
	}
	return answer, nil
}

// errElsewhere says that another peer should be asked.
var errElsewhere = errors.New("the request goes to another peer")

func (t *Table) do(ctx context.Context, to string, m *diameter.Message) (*diameter.Message, error) {
	tried := map[*peer]bool{}
	for {
		p, c := t.route(to, m, tried)
		if p == nil {
			return nil, ErrNoPeer
		}
		tried[p] = true
		answer, err := p.ask(ctx, c, m, func() bool { other, _ := t.route(to, m, tried); return other != nil })
		if !errors.Is(err, errElsewhere) {
			return answer, err
		}
		m.Flags |= diameter.FlagRetransmit
	}
}

// ask sends a request on one connection. Elsewhere tells whether another peer
// could be asked if this one is in trouble.
func (p *peer) ask(ctx context.Context, c *conn, m *diameter.Message, elsewhere func() bool) (*diameter.Message, error) {
	id, answer, trouble := c.asked.add(m.Command)
	defer c.asked.drop(id)
	m.HopByHop = id
	switch {
	case !c.out.room(c.gone, ctx.Done()) && ctx.Err() != nil:
		return nil, ctx.Err()
	case c.closing.Load() || !c.send(m):
		return nil, errElsewhere
	}
	p.state.count.requestsSent.Add(1)
	for {
		select {
		case a := <-answer:
			return a, nil
		case <-c.gone:
			return nil, errElsewhere
		case <-trouble:
			if elsewhere() {
				return nil, errElsewhere
			}
			trouble = nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// route chooses the peer for a request: the one named, or else another of its
// realm, but none of those tried. Where the request is for the named peer itself
// no other will do.
func (t *Table) route(to string, m *diameter.Message, tried map[*peer]bool) (*peer, *conn) {
	realm := to
	if p, ok := t.find(to); ok {
		if c := p.state.usable(); c != nil && !tried[p] {
			return p, c
		}
		if destination, ok := m.Find(avp.DestinationHost, 0); ok && strings.EqualFold(string(destination.Data), to) {
			return nil, nil
		}
		realm = p.config.Realm
	}
	for _, p := range t.all() {
		if c := p.state.usable(); c != nil && !tried[p] && realm != "" && strings.EqualFold(c.info.Realm, realm) {
			return p, c
		}
	}
	return nil, nil
}

// endToEnd makes End-to-End Identifiers. The high 12 bits begin as the time in
// seconds and the others at random, so that no identifier is used twice within
// four minutes, across restarts too (RFC 6733 section 3).
type endToEnd struct{ last atomic.Uint32 }

func (e *endToEnd) init(now time.Time) {
	e.last.Store(uint32(now.Unix())<<20 | rand.Uint32N(1<<20))
}

func (e *endToEnd) next() uint32 {
	for {
		if id := e.last.Add(1); id != 0 {
			return id
		}
	}
}
