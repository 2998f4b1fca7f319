package vicitest

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// A session is one client's connection. What is sent to it queues up without
// bound, as in charon.
type session struct {
	charon *Charon
	conn   net.Conn
	events map[string]bool // registered for; under charon's lock

	mu     sync.Mutex
	wake   sync.Cond
	queue  [][]byte
	closed bool
}

func newSession(c *Charon, conn net.Conn) *session {
	s := &session{charon: c, conn: conn, events: make(map[string]bool)}
	s.wake.L = &s.mu
	return s
}

func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake.Broadcast()
	_ = s.conn.Close()
}

func (s *session) send(p packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, p.append(nil))
	s.wake.Signal()
}

func (s *session) write() {
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.wake.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			return
		}
		b := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		if _, err := s.conn.Write(b); err != nil {
			return
		}
	}
}

func (s *session) read() {
	defer s.close()
	for {
		p, err := readPacket(s.conn)
		if err != nil {
			return
		}
		switch p.kind {
		case cmdRequest:
			s.command(p)
		case eventRegister, eventUnregister:
			s.register(p)
		}
	}
}

func (s *session) register(p packet) {
	act := s.charon.record(Call{registration(p.kind), p.name})
	if act.Hang > 0 {
		time.Sleep(act.Hang)
	}
	if act.Drop {
		return
	}
	s.charon.mu.Lock()
	defer s.charon.mu.Unlock()
	if p.kind == eventRegister {
		s.events[p.name] = true
	} else {
		delete(s.events, p.name)
	}
	s.send(packet{kind: eventConfirm})
}

func registration(kind byte) string {
	if kind == eventRegister {
		return "subscribe"
	}
	return "unsubscribe"
}

func (s *session) command(p packet) {
	call := Call{p.name, subject(p.name, p.message)}
	act := s.charon.record(call)
	if act.Hang > 0 {
		time.Sleep(act.Hang)
	}
	switch {
	case act.Refuse != "":
		s.send(packet{kind: cmdResponse, message: refusal(act.Refuse)})
		return
	case act.Drop:
		return
	}
	reply := s.do(p)
	switch {
	case act.HangUp:
		s.close()
	case !act.Mute:
		s.send(reply)
	}
}

func (c *Charon) record(call Call) Action {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, strings.TrimSpace(call.Command+" "+call.Subject))
	if c.script == nil {
		return Action{}
	}
	return c.script(call)
}

func refusal(why string) Message { return Message{Value("success", "no"), Value("errmsg", why)} }

func success() Message { return Message{Value("success", "yes")} }

// do carries a command out.
func (s *session) do(p packet) packet {
	c, m := s.charon, p.message
	c.mu.Lock()
	defer c.mu.Unlock()
	reply := packet{kind: cmdResponse, message: success()}
	switch p.name {
	case "load-shared":
		c.keys[m.Get("id")] = m
	case "unload-shared":
		delete(c.keys, m.Get("id"))
	case "get-shared":
		reply.message = Message{List("keys", slices.Sorted(maps.Keys(c.keys)))}
	case "load-conn":
		reply.message = c.loadConns(m)
	case "unload-conn":
		reply.message = c.unloadConn(m.Get("name"))
	case "get-conns":
		reply.message = Message{List("conns", slices.Sorted(maps.Keys(c.conns)))}
	case "load-pool":
		for _, f := range m {
			c.pools[f.Name] = f.Section
		}
	case "unload-pool":
		reply.message = c.unloadPool(m.Get("name"))
	case "get-pools":
		reply.message = c.listPools(m.Get("name"))
	case "list-sas":
		s.listSAs(m.Get("ike"))
		reply.message = nil
	case "initiate":
		reply.message = c.initiate(m.Get("ike"))
	case "terminate":
		reply.message = c.terminate(m.Get("ike"), m.Get("ike-id"))
	case "stats":
		reply.message = c.stats()
	case "version":
		reply.message = Message{Value("daemon", "charon"), Value("version", "5.9.8")}
	default:
		reply.kind, reply.message = cmdUnknown, nil
	}
	return reply
}

// loadConns takes connections until there is one that it refuses.
func (c *Charon) loadConns(m Message) Message {
	for _, f := range m {
		if option := unknownAlgorithm(f.Section); option != "" {
			return refusal("invalid value for: " + option + ", config discarded")
		}
		c.conns[f.Name] = f.Section
		c.most = max(c.most, len(c.conns))
	}
	return success()
}

// Unknown is an algorithm that a played charon does not know.
const Unknown = "rot13"

// unknownAlgorithm is the option with a proposal that is not understood.
func unknownAlgorithm(conn Message) string {
	bad := func(proposal string) bool { return slices.Contains(strings.Split(proposal, "-"), Unknown) }
	if slices.ContainsFunc(conn.Items("proposals"), bad) {
		return "proposals"
	}
	for _, child := range conn.Sub("children") {
		if slices.ContainsFunc(child.Section.Items("esp_proposals"), bad) {
			return "esp_proposals"
		}
	}
	return ""
}

// unloadPool keeps a pool whose address is leased, as charon does.
func (c *Charon) unloadPool(name string) Message {
	if _, ok := c.pools[name]; !ok {
		return refusal(fmt.Sprintf("pool '%s' not found", name))
	}
	if c.isLeased(name) {
		return refusal(fmt.Sprintf("pool '%s' has online leases, unable to unload", name))
	}
	delete(c.pools, name)
	return success()
}

func (c *Charon) listPools(filter string) Message {
	var list Message
	for _, name := range slices.Sorted(maps.Keys(c.pools)) {
		if filter != "" && filter != name {
			continue
		}
		list = append(list, Section(name, Value("base", c.pools[name].Get("addrs")), Value("size", "1")))
	}
	return list
}

func (c *Charon) unloadConn(name string) Message {
	if _, ok := c.conns[name]; !ok {
		return refusal(fmt.Sprintf("unload: connection '%s' not found", name))
	}
	delete(c.conns, name)
	return success()
}

func (s *session) listSAs(name string) {
	for _, id := range slices.Sorted(maps.Keys(s.charon.sas)) {
		sa := s.charon.sas[id]
		if s.events["list-sa"] && (name == "" || name == sa.Name) {
			s.send(packet{event, "list-sa", Message{sa.section(sa.Name)}})
		}
	}
}

func (c *Charon) initiate(name string) Message {
	if _, err := c.establish(name, "2001:db8:2::1"); err != nil {
		return refusal(err.Error())
	}
	return success()
}

func (c *Charon) terminate(name, one string) Message {
	n := 0
	for _, id := range slices.Sorted(maps.Keys(c.sas)) {
		if c.sas[id].Name == name || fmt.Sprint(id) == one {
			c.drop(id, true)
			n++
		}
	}
	counts := Message{Value("matches", fmt.Sprint(n)), Value("terminated", fmt.Sprint(n))}
	if n == 0 {
		return append(refusal("no matching SAs to terminate found"), counts...)
	}
	return append(success(), counts...)
}

func (c *Charon) stats() Message {
	return Message{
		Section("uptime", Value("running", "1 minute"), Value("since", c.since.Local().Format("Jan 02 15:04:05 2006"))),
		Section("workers", Value("total", "16"), Value("idle", "11")),
		Section("ikesas", Value("total", fmt.Sprint(len(c.sas))), Value("half-open", "0")),
		List("plugins", []string{"kernel-netlink", "socket-default", "nonce", "kdf", "openssl", "vici"}),
	}
}
