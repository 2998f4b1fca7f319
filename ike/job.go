package ike

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"homeagent/ike/vici"
)

// A job is one call: to load one kind of part of these sessions, or to unload
// it of the only one.
type job struct {
	kind     partKind
	load     bool
	sessions []*session
	versions []uint64
	keys     []vici.Shared
	conns    []vici.Conn
	pools    []vici.Pool // of the connections, where they have any
	guard    bool        // load the sentinel with them
}

// next takes the next job out of the lanes, nil if there is none. Sessions with
// a job are busy until it is finished.
func (c *Charon) next() *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys, conns := c.lanes[keyPart], c.lanes[connPart]
	first, second := conns, keys
	if keys.before(conns) {
		first, second = keys, conns
	}
	if j := c.take(first); j != nil {
		return j
	}
	return c.take(second)
}

// take takes the next job out of one lane.
func (c *Charon) take(l *lane) *job {
	s, _ := l.pop()
	if s == nil {
		return nil
	}
	j := &job{kind: l.kind, load: s.target() != absent, guard: !c.pools.guarded}
	c.add(j, s)
	l.loaded = j.load
	for j.load && l.kind == connPart && len(j.sessions) < connBatch {
		s, p := l.pop()
		if s == nil {
			break
		}
		if s.target() == absent {
			l.unpop(s, p)
			break
		}
		c.add(j, s)
	}
	return j
}

func (c *Charon) add(j *job, s *session) {
	c.clock++
	part := &s.parts[j.kind]
	part.busy, part.touched = true, c.clock
	j.sessions = append(j.sessions, s)
	j.versions = append(j.versions, s.target())
	switch {
	case !j.load:
	case j.kind == keyPart:
		j.keys = append(j.keys, shared(s.name, s.cred, s.user))
	default:
		j.conns = append(j.conns, c.connection(s.name, s.cred, s.user))
		for _, name := range c.poolsOf(s.name) {
			c.pools.pooled(s.name)
			j.pools = append(j.pools, vici.Pool{Name: name, Address: s.cred.HomeAddress})
		}
	}
}

// work does jobs until ctx ends.
func (c *Charon) work(ctx context.Context, link *vici.Link) {
	for {
		j := c.next()
		if j == nil {
			if !c.rest(ctx, link) {
				return
			}
			continue
		}
		err := j.run(ctx, link)
		if len(j.sessions) > 1 && isRefusal(err) {
			c.runEach(ctx, link, j)
			continue
		}
		c.finish(j, err)
		if c.hasManyPools() {
			_, dead := c.unloadIdle(ctx, link)
			err = errors.Join(err, dead)
		}
		if errors.Is(err, vici.ErrDead) || ctx.Err() != nil {
			return
		}
	}
}

// rest unloads pools while there is no job, or waits for one. It returns false when
// there is nothing more to do over this connection.
func (c *Charon) rest(ctx context.Context, link *vici.Link) bool {
	if done, dead := c.unloadIdle(ctx, link); done {
		return dead == nil
	}
	select {
	case <-c.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

func (j *job) run(ctx context.Context, link *vici.Link) error {
	switch {
	case j.load && j.kind == keyPart:
		return link.LoadShared(ctx, j.keys[0])
	case j.load:
		return j.loadConns(ctx, link)
	case j.kind == keyPart:
		return link.UnloadShared(ctx, j.sessions[0].name)
	default:
		return link.UnloadConn(ctx, j.sessions[0].name)
	}
}

// runEach repeats a job of which charon refused a part, to find out which.
func (c *Charon) runEach(ctx context.Context, link *vici.Link, j *job) {
	for i := range j.sessions {
		one := &job{kind: j.kind, load: true, sessions: j.sessions[i : i+1], versions: j.versions[i : i+1], conns: j.conns[i : i+1], guard: j.guard}
		if each := len(j.pools) / len(j.sessions); each > 0 {
			one.pools = j.pools[each*i : each*(i+1)]
		}
		c.finish(one, one.run(ctx, link))
	}
}

func isRefusal(err error) bool {
	var refused *vici.CommandError
	return errors.As(err, &refused)
}

// finish records what became of a job.
func (c *Charon) finish(j *job, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pools.guarded = c.pools.guarded || err == nil && j.guards()
	for i, s := range j.sessions {
		c.clock++
		part := &s.parts[j.kind]
		part.busy, part.touched = false, c.clock
		switch {
		case err == nil:
			c.hold(j.kind, s, j.versions[i])
		case !j.load && isRefusal(err):
			c.hold(j.kind, s, absent) // unless the next comparison finds it
			c.fail(s, absent, err)
		default:
			c.hold(j.kind, s, unknown)
			c.fail(s, j.versions[i], err)
		}
		c.settle(s)
		c.tidy(s.name)
	}
}

// hold records what charon holds of a part.
func (c *Charon) hold(kind partKind, s *session, version uint64) {
	s.parts[kind].held = version
	if version == absent {
		delete(c.present[kind], s.name)
		c.gone[kind][s.name] = true
		return
	}
	c.present[kind][s.name] = s
}

// fail records a call that failed. A refusal is final for that version until
// the next comparison; a call without an answer is repeated over the next
// connection.
func (c *Charon) fail(s *session, version uint64, err error) {
	c.lastError, c.lastErrorAt = err, time.Now()
	if !isRefusal(err) {
		return
	}
	c.say(slog.LevelError, "charon refuses a mobile node's key or connection", "user_name", s.cred.UserName, "home_address", s.cred.HomeAddress, "error", err)
	if version == s.version {
		s.refused = version
		s.answer(err)
	}
}
