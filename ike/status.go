package ike

import "time"

// A Status is a view of what charon holds and should hold.
type Status struct {
	Connected   bool
	Since       time.Time // when charon was started, give or take a second
	Sessions    int       // wanted, loaded or not
	Loaded      int       // key and connection are in charon
	Pending     int       // should be loaded and are not yet
	Armed       int       // loaded for a mobile node that has to authenticate
	Established int       // with an IKE_SA, loaded or not
	Evicted     int       // with an IKE_SA and not loaded
	Waiting     int       // without IKE_SA and waiting for a place
	Reconciled  uint64    // comparisons made
	Repaired    uint64    // keys and connections found missing and loaded again
	Removed     uint64    // keys and connections of ours found and not wanted
	Reconnects  uint64    // connections to charon made
	LastError   string    // of charon, "" if there was none
	LastErrorAt time.Time
	Refused     []Refusal // proposals of the configuration that charon does not take
}

// Status reports the present state. Its cost grows with the sessions loaded,
// not with all.
func (c *Charon) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := Status{
		Connected: c.connected, Since: c.since,
		Reconciled: c.counts.reconciled, Repaired: c.counts.repaired, Removed: c.counts.removed, Reconnects: c.counts.reconnects,
		LastErrorAt: c.lastErrorAt, Refused: c.refused,
	}
	if c.lastError != nil {
		st.LastError = c.lastError.Error()
	}
	for _, w := range c.windows {
		n := w.Counts()
		st.Sessions += n.Loaded() + n.Queued + n.Evicted
		st.Armed += n.Newcomers + n.Turns
		st.Established += n.Kept + n.Evicted
		st.Evicted += n.Evicted
		st.Waiting += n.Queued
		for s := range w.Loaded() {
			if s.held(s.version) {
				st.Loaded++
			} else {
				st.Pending++
			}
		}
	}
	return st
}
