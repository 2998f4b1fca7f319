package peer

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Refusal is a connection that came to nothing before it was open: one that
// was refused here, or an attempt of ours.
type Refusal struct {
	Time   time.Time
	Reason Reason
	// Remote is the other end's address, zero if it is not known.
	Remote netip.AddrPort
	// Host is whom the other end claims to be, in its Origin-Host or by a
	// certificate that was not believed; empty if it did not get that far.
	Host string
	// Initiated is true if we connected.
	Initiated bool
	// Text is the reason as a sentence. Parts of it can be the other end's.
	Text string
	// Times is how often the same came from this address, one after the other, this
	// time included.
	Times uint64
}

const (
	// strangersKept is how many refusals of nobody listed are remembered.
	strangersKept = 16
	// maxHost is the longest Origin-Host that is remembered, and maxText the
	// longest sentence.
	maxHost = 255
	maxText = 400
	// tellAgain is the pause before the same refusal is told again.
	tellAgain = 10 * time.Minute
)

// clip bounds what others made us write.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// refusals are what is remembered of connections that came to nothing: counts,
// and the last ones of nobody listed, so that it takes no more room however many
// there are.
type refusals struct {
	counts [reasonEnd]atomic.Uint64

	mu   sync.Mutex
	last []memory // the newest at the end
}

// A memory is a refusal and when it, or one like it, was told.
type memory struct {
	Refusal
	told time.Time
}

// next is what is remembered when another refusal has come. It is news if it is
// not like the one before, or that was told long ago.
func (m memory) next(now Refusal) (next memory, news bool) {
	if m.Reason != now.Reason || m.Host != now.Host || m.Remote.Addr() != now.Remote.Addr() || m.Initiated != now.Initiated {
		return memory{now, now.Time}, true
	}
	now.Times += m.Times
	if now.Time.Sub(m.told) < tellAgain {
		return memory{now, m.told}, false
	}
	return memory{now, now.Time}, true
}

// keep remembers a refusal of nobody listed, and reports whether it is news. The
// same from the same address takes one place.
func (r *refusals) keep(now Refusal) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := memory{now, now.Time}
	news = true
	for i, before := range r.last {
		if next, again := before.next(now); next.Times > now.Times {
			last, news = next, again
			r.last = slices.Delete(r.last, i, i+1)
			break
		}
	}
	if len(r.last) == strangersKept {
		oldest := max(0, slices.IndexFunc(r.last, func(before memory) bool { return before.Reason.mute() }))
		r.last = slices.Delete(r.last, oldest, oldest+1)
	}
	r.last = append(r.last, last)
	return news
}

// Refusals returns the last connections that were refused and claimed to be of
// no listed peer, or did not get that far; the newest first.
func (t *Table) Refusals() []Refusal {
	t.refusals.mu.Lock()
	defer t.refusals.mu.Unlock()
	var all []Refusal
	for _, m := range slices.Backward(t.refusals.last) {
		all = append(all, m.Refusal)
	}
	return all
}

// refusedHere counts, keeps and tells that a connection which came to us was
// refused. Of those that said nothing only the first two are done: they are
// what checks of a load balancer look like. Telling is bounded: for each listed peer by itself, and for all
// others together, so that those drown nobody's; and who comes again and again for
// the same reason is told now and then.
func (t *Table) refusedHere(remote netip.AddrPort, err error) {
	r := Refusal{Time: time.Now(), Reason: reasonOf(err), Remote: remote, Text: clip(err.Error(), maxText), Times: 1}
	if claim, ok := errors.AsType[*refused](err); ok {
		r.Host = clip(claim.host, maxHost)
	}
	t.refusals.counts[r.Reason].Add(1)
	if r.Reason.mute() {
		t.refusals.keep(r)
		t.config.Log.Debug("a connection ended before it was known whose it is", "remote", remote, "error", err)
		return
	}
	change := Change{Kind: Refused, Host: r.Host, Remote: remote, Reason: r.Reason, Err: errors.New(r.Text)}
	bound, news := &t.strangers, true
	if p := t.claimant(r.Host, remote.Addr()); p != nil {
		change.Host, bound = p.config.Host, &p.told
		news = p.state.refuse(r)
	} else {
		news = t.refusals.keep(r)
	}
	if !news {
		bound.skip()
	} else if leftOut, ok := bound.allow(r.Time); ok {
		change.LeftOut = leftOut
		t.tell(t.config.Log.With("peer", change.Host), change)
	}
}

// claimant is the listed peer that a refused connection claims to be of, or that
// is known to be at its address if it claims nothing; nil for none.
func (t *Table) claimant(host string, remote netip.Addr) *peer {
	if host != "" {
		p, _ := t.find(host)
		return p
	}
	var found *peer
	for _, p := range t.all() {
		if !p.isAt(remote) {
			continue
		}
		if found != nil {
			return nil // it could be of either
		}
		found = p
	}
	return found
}

// isAt reports whether the peer was last seen at an address, or is to be
// connected to there.
func (p *peer) isAt(remote netip.Addr) bool {
	if to, err := netip.ParseAddrPort(withPort(p.config.Connect, TCP)); err == nil && to.Addr().Unmap() == remote {
		return true
	}
	return remote.IsValid() && p.state.lastSeen() == remote
}

// unreached counts and keeps that an attempt of ours came to nothing.
func (p *peer) unreached(err error) Refusal {
	r := Refusal{
		Time: time.Now(), Reason: reasonOf(err), Remote: p.tried, Initiated: true, Text: clip(err.Error(), maxText), Times: 1,
	}
	p.table.refusals.counts[r.Reason].Add(1)
	p.state.refuse(r)
	return r
}
