package session

import (
	"container/list"

	"homeagent/agent/addresspool"
	"homeagent/ike/psk"
)

// prints are the users without a lease whose last key is remembered all the same, so
// that no AAA server's message of long ago brings it back. There are as many as there
// may be released leases; then those who lost their lease first are forgotten, of those
// that a start found any.
type prints struct {
	order *list.List // of user names
	place map[string]*list.Element
}

func newPrints() prints {
	return prints{order: list.New(), place: map[string]*list.Element{}}
}

func (p *prints) add(user string) {
	p.remove(user)
	p.place[user] = p.order.PushBack(user)
}

func (p *prints) remove(user string) {
	if e, ok := p.place[user]; ok {
		p.order.Remove(e)
		delete(p.place, user)
	}
}

// keepPrint remembers the last key of a user who has no lease any more. The caller
// holds the lock.
func (m *Manager) keepPrint(user string) {
	_, leased := m.pool.Lease(user)
	if leased || m.dormant.users[user] != nil {
		m.prints.remove(user)
		return
	}
	if m.keyPrints[user] == (psk.Fingerprint{}) {
		delete(m.keyPrints, user)
		return
	}
	m.prints.add(user)
	for m.prints.order.Len() > m.remembered() {
		oldest := m.prints.order.Front().Value.(string)
		m.prints.remove(oldest)
		delete(m.keyPrints, oldest)
		m.unsettled[oldest] = struct{}{}
	}
}

func (m *Manager) remembered() int {
	if m.cfg.Remembered == 0 {
		return addresspool.DefaultRememberMax
	}
	return m.cfg.Remembered
}
