package vici

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"time"

	govici "github.com/strongswan/govici/vici"
)

// An IKESA is an IKE_SA as charon describes it.
type IKESA struct {
	Name        string // of its connection
	UniqueID    uint32 // charon's number for it, new with each rekeying
	State       string // such as "ESTABLISHED", "CONNECTING", "DELETING"
	Local       netip.Addr
	Remote      netip.Addr
	RemoteID    string
	Established time.Duration // its age
	Children    []ChildSA
}

// A ChildSA is a CHILD_SA as charon describes it.
type ChildSA struct {
	Name     string
	UniqueID uint32
	State    string // such as "INSTALLED"
	ReqID    uint32
	// LocalTS and RemoteTS are the traffic selectors that were agreed upon,
	// such as "2001:db8::1/128" or "::/0[udp]".
	LocalTS, RemoteTS []string
}

// IsEstablished reports whether the peers authenticated each other, and it was
// neither ended nor replaced by rekeying since.
func (sa IKESA) IsEstablished() bool { return sa.State == "ESTABLISHED" || sa.State == "REKEYING" }

// ListSAs streams the IKE_SAs of one connection, or all when name is "". The
// listing is complete unless it ends with an error, but not of one instant:
// what comes and goes meanwhile may be in it or not. It has a session of its
// own; an error does not end the Link.
func (l *Link) ListSAs(ctx context.Context, name string) iter.Seq2[IKESA, error] {
	return func(yield func(IKESA, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, l.client.cfg.CallTimeout)
		defer cancel()
		s, err := l.client.open(ctx)
		if err != nil {
			yield(IKESA{}, fmt.Errorf("listing IKE_SAs: %w", err))
			return
		}
		defer s.close()
		s.gate.open()
		for m, err := range s.CallStreaming(ctx, "list-sas", "list-sa", newMessage(str("ike", name))) {
			if err != nil {
				yield(IKESA{}, fmt.Errorf("listing IKE_SAs: %w", whyUnanswered(ctx, err)))
				return
			}
			s.gate.release()
			if !yieldSAs(m, yield) {
				// govici says goodbye to charon when the loop
				// ends, and would wait for its answer behind
				// all that is still to be streamed.
				s.close()
				return
			}
		}
	}
}

func yieldSAs(m *govici.Message, yield func(IKESA, error) bool) bool {
	for _, sa := range ikeSAs(m) {
		if !yield(sa, nil) {
			return false
		}
	}
	return true
}

// ikeSAs reads all IKE_SAs of a message: its sections, by connection.
func ikeSAs(m *govici.Message) []IKESA {
	var sas []IKESA
	for _, name := range m.Keys() {
		if s, ok := m.Get(name).(*govici.Message); ok {
			sas = append(sas, ikeSA(name, s))
		}
	}
	return sas
}

func ikeSA(name string, m *govici.Message) IKESA {
	sa := IKESA{
		Name:        name,
		UniqueID:    unsigned(m, "uniqueid"),
		State:       text(m, "state"),
		Local:       address(m, "local-host"),
		Remote:      address(m, "remote-host"),
		RemoteID:    text(m, "remote-id"),
		Established: time.Duration(unsigned(m, "established")) * time.Second,
	}
	children := sub(m, "child-sas")
	for _, key := range children.Keys() {
		sa.Children = append(sa.Children, childSA(sub(children, key)))
	}
	return sa
}

func childSA(m *govici.Message) ChildSA {
	return ChildSA{
		Name: text(m, "name"), UniqueID: unsigned(m, "uniqueid"), State: text(m, "state"), ReqID: unsigned(m, "reqid"),
		LocalTS: texts(m, "local-ts"), RemoteTS: texts(m, "remote-ts"),
	}
}

// Initiate has charon set up a CHILD_SA of a connection, and the IKE_SA before
// it, or with child "" only the IKE_SA. It waits until that has succeeded or
// failed, on a session of its own; the refusal says little of why, charon's log
// says more.
func (l *Link) Initiate(ctx context.Context, conn, child string) error {
	ctx, cancel := context.WithTimeout(ctx, l.client.cfg.CallTimeout)
	defer cancel()
	s, err := l.client.open(ctx)
	if err != nil {
		return fmt.Errorf("initiating %q: %w", conn, err)
	}
	defer s.close()
	reply, err := s.Call(ctx, "initiate", newMessage(str("ike", conn), str("child", child), str("timeout", "0")))
	switch {
	case err == nil:
		return nil
	case reply != nil:
		return &CommandError{Command: "initiate", Subject: conn, Reason: text(reply, "errmsg")}
	}
	return fmt.Errorf("initiating %q: %w", conn, whyUnanswered(ctx, err))
}

// Terminate ends all IKE_SAs of one connection with their CHILD_SAs and tells
// the peers; it does not wait for their answers. That there is none is no
// error. It returns how many there were.
func (l *Link) Terminate(ctx context.Context, name string) (int, error) {
	return l.terminate(ctx, name, str("ike", name))
}

// TerminateSA does as Terminate with the one IKE_SA of that id.
func (l *Link) TerminateSA(ctx context.Context, id uint32) (int, error) {
	text := strconv.FormatUint(uint64(id), 10)
	return l.terminate(ctx, text, str("ike-id", text))
}

func (l *Link) terminate(ctx context.Context, subject string, which field) (int, error) {
	m := newMessage(which, str("force", "yes"), str("timeout", "-1"))
	reply, err := l.call(ctx, controlLane, "terminate", subject, m)
	var refused *CommandError
	if err != nil && !errors.As(err, &refused) {
		return 0, err
	}
	return int(unsigned(reply, "matches")), unless(err, "no matching SAs")
}

// A Stats is how charon is doing.
type Stats struct {
	Since    time.Time // when it was started, give or take a second
	IKESAs   uint32
	HalfOpen uint32 // IKE_SAs that are being set up
	Workers  uint32 // threads
	Idle     uint32 // threads without work
	Plugins  []string
}

// Stats asks how charon is doing.
func (l *Link) Stats(ctx context.Context) (Stats, error) {
	reply, err := l.call(ctx, controlLane, "stats", "", nil)
	if err != nil {
		return Stats{}, err
	}
	since, err := date(text(sub(reply, "uptime"), "since"))
	if err != nil {
		return Stats{}, fmt.Errorf("reading charon's start time: %w", err)
	}
	return Stats{
		Since:    since,
		IKESAs:   unsigned(sub(reply, "ikesas"), "total"),
		HalfOpen: unsigned(sub(reply, "ikesas"), "half-open"),
		Workers:  unsigned(sub(reply, "workers"), "total"),
		Idle:     unsigned(sub(reply, "workers"), "idle"),
		Plugins:  texts(reply, "plugins"),
	}, nil
}

func (l *Link) version(ctx context.Context) (string, error) {
	reply, err := l.call(ctx, controlLane, "version", "", nil)
	if err != nil {
		return "", err
	}
	return text(reply, "version"), nil
}
