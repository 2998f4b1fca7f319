package ike

import "fmt"

// Inconsistencies looks for sessions in a state they cannot be in.
func (c *Charon) Inconsistencies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	complain := func(s *session, what string) {
		found = append(found, fmt.Sprintf("%s of %q, version %d, parts %+v, wanted %v, suspended %v, placed %v, ending %v: %s",
			s.name, s.cred.UserName, s.version, s.parts, s.wanted, s.suspended, s.placed, s.ending, what))
	}
	placed := make(map[*session]bool)
	for _, w := range c.windows {
		for s := range w.Loaded() {
			placed[s] = true
			if c.sessions[s.name] != s || !s.wanted {
				complain(s, "has a place and is not wanted")
			}
		}
	}
	for name, s := range c.sessions {
		switch {
		case s.name != name:
			complain(s, "is known as "+name)
		case s.placed != placed[s]:
			complain(s, "does not know whether it has a place")
		case s.wanted && !s.suspended && c.users[s.user.fold] != s:
			complain(s, "is not its user's")
		case len(s.waiters) == 0 && !s.wanted && s.held(absent) && !c.endings.has(name):
			complain(s, "is not forgotten")
		case s.wanted && s.due(keyPart) && s.parts[keyPart].queued == none, s.wanted && s.due(connPart) && s.parts[connPart].queued == none:
			complain(s, "has something to do and is in no queue")
		}
	}
	for k, present := range c.present {
		for name, s := range present {
			if c.sessions[name] != s || s.parts[k].held == absent {
				complain(s, "is held to be present")
			}
		}
	}
	for fold, s := range c.users {
		if !s.wanted || s.user.fold != fold {
			complain(s, "is the session of "+fold)
		}
	}
	return found
}
