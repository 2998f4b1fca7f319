package bootstrapping

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike"
	"homeagent/ike/psk"
)

// A population are mobile nodes that were bootstrapped and authenticated at some
// earlier time. Each has a real IKE_SA between the two strongSwans.
type population struct {
	sessions []store.Session
}

const (
	// crowd is how many mobile nodes come at a time while a population is made,
	// and how many the home agent's strongSwan then holds: few, as many make
	// each IKE_SA expensive.
	crowd = 32
	// atOnce is how many of them authenticate side by side.
	atOnce = 4
	// commitSize is how many sessions are written to a store in one go.
	commitSize = 1000
)

// grow adds mobile nodes until there are n. No home agent may run meanwhile: what
// it does is done by its IKE part alone.
func (p *population) grow(ctx context.Context, r *rig, n int) error {
	agent, err := ike.New(ike.Config{
		Socket: r.agent.Socket(), Identity: agentIdentity, Window: crowd,
		IKEProposals: ikeProposals, ESPProposals: espProposals, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	agent.Restore(p.credentials())
	running, cancel := context.WithCancel(ctx)
	var parts errgroup.Group
	parts.Go(func() error { return agent.Run(running) })
	parts.Go(func() error {
		defer cancel()
		return p.fill(ctx, r.nodes, agent, n)
	})
	return parts.Wait()
}

// fill bootstraps and authenticates crowd by crowd.
func (p *population) fill(ctx context.Context, charon *testbed.Charon, agent *ike.Charon, n int) error {
	<-agent.Ready()
	nodes, err := newNodes(ctx, charon)
	if err != nil {
		return err
	}
	defer nodes.close()
	for len(p.sessions) < n {
		some := make([]store.Session, min(crowd, n-len(p.sessions)))
		for i := range some {
			if some[i], err = newSession(len(p.sessions) + i); err != nil {
				return err
			}
		}
		if err := settleIn(ctx, nodes, agent, some); err != nil {
			return fmt.Errorf("making mobile nodes %d to %d: %w", len(p.sessions), len(p.sessions)+len(some), err)
		}
		p.sessions = append(p.sessions, some...)
	}
	return nil
}

// settleIn has some mobile nodes armed and authenticated.
func settleIn(ctx context.Context, nodes *nodes, agent *ike.Charon, some []store.Session) error {
	creds := make([]ike.Credential, len(some))
	for i := range some {
		creds[i] = credential(&some[i])
	}
	var arming errgroup.Group
	arming.Go(func() error { return nodes.configure(ctx, creds...) })
	for _, c := range creds {
		c.EstablishedAt = time.Time{}
		arming.Go(func() error { return agent.Arm(ctx, c) })
	}
	if err := arming.Wait(); err != nil {
		return err
	}
	var authenticating errgroup.Group
	authenticating.SetLimit(atOnce)
	for i, c := range creds {
		authenticating.Go(func() error {
			_, err := nodes.authenticate(ctx, c)
			some[i].EstablishedAt = time.Now()
			return err
		})
	}
	if err := authenticating.Wait(); err != nil {
		return err
	}
	return nodes.dismiss(ctx, creds...)
}

// newSession makes what an HMR for user i would have left behind, an hour ago.
func newSession(i int) (store.Session, error) {
	octets := make([]byte, psk.Size)
	if _, err := rand.Read(octets); err != nil {
		return store.Session{}, err
	}
	key, err := psk.KeyFromBytes(octets)
	now := time.Now()
	return store.Session{
		UserName: fmt.Sprintf("resident%d@bench.example", i), SessionID: fmt.Sprintf("%s;1;%d", aaaIdentity, i),
		OriginHost: aaaIdentity, OriginRealm: realm, PeerHost: aaaIdentity, AcctMultiSessionID: fmt.Sprintf("%s;1;%d", agentIdentity, i),
		HomeAddress: residence(i), HomeAgent: homeAgent, KeyID: 1, PSK: key, Stateful: true,
		Fingerprint:  psk.NewAAAKey(octets).Fingerprint(),
		AuthorizedAt: now, ExpiresAt: now.Add(24 * time.Hour), EstablishedAt: now, CareOf: careOf(i),
	}, err
}

// residence is the home address of a population's mobile node, far above those
// that the home agent gives out next.
func residence(i int) netip.Addr {
	octets := homePrefix.Addr().As16()
	octets[8] = 0x40
	octets[13], octets[14], octets[15] = byte(i>>16), byte(i>>8), byte(i)
	return netip.AddrFrom16(octets)
}

func credential(s *store.Session) ike.Credential {
	return ike.Credential{
		UserName: s.UserName, HomeAddress: s.HomeAddress, HomeAgent: s.HomeAgent, PSK: s.PSK, EstablishedAt: s.EstablishedAt,
	}
}

func (p *population) credentials() []ike.Credential {
	creds := make([]ike.Credential, len(p.sessions))
	for i := range p.sessions {
		creds[i] = credential(&p.sessions[i])
	}
	return creds
}

// write makes a store that holds the population.
func (p *population) write(ctx context.Context, path string) (err error) {
	records, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := records.Close(); err == nil {
			err = closeErr
		}
	}()
	for some := range slices.Chunk(p.sessions, commitSize) {
		var changes []store.Change
		for _, s := range some {
			changes = append(changes, recordsOf(s)...)
		}
		if err := records.Apply(ctx, changes...); err != nil {
			return err
		}
	}
	return nil
}

// recordsOf are the records of a session, as the home agent writes them.
func recordsOf(s store.Session) []store.Change {
	return []store.Change{
		store.PutSession{Session: s},
		store.PutLease{Lease: store.Lease{UserName: s.UserName, Address: s.HomeAddress}},
	}
}
