package session

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"homeagent/agent/addresspool"
	"homeagent/agent/store"
	"homeagent/ike/psk"
)

// A Keyer holds keys in the IKE daemon. The agent implements it over strongSwan.
type Keyer interface {
	// Identify returns the identity that the IKE daemon takes a user name for:
	// it cannot tell two users of one identity apart. The error is for a name
	// that it has no identity for.
	Identify(userName string) (string, error)
	// Arm returns nil when an IKE_AUTH with this key and for this home address
	// can succeed. It replaces what was armed for that home address.
	Arm(ctx context.Context, c Credential) error
	// Forget removes the key and ends the security associations made with it.
	// It is no error if there is nothing to remove.
	Forget(ctx context.Context, home netip.Addr) error
}

// A Credential is what the IKE daemon must know of a mobile node.
type Credential struct {
	UserName               string
	HomeAddress, HomeAgent netip.Addr
	PSK                    psk.Key
	ReqID                  uint32
	EstablishedAt          time.Time  // zero: not proven yet
	CareOf                 netip.Addr // of the IKE_SA, if known
	// RoutabilitySA and PayloadSA are what else than signalling is under ESP.
	RoutabilitySA, PayloadSA bool
}

// A Config holds the limits and names of a Manager.
type Config struct {
	// HomeAgents are the addresses over which mobile nodes are spread, at least
	// one.
	HomeAgents []netip.Addr
	// MaxSessions bounds the number of sessions, 0 for no bound.
	MaxSessions int
	// MaxLifetime caps every authorization, 0 for no cap.
	MaxLifetime time.Duration
	// Remembered bounds the users who have no lease any more and whose last key is
	// refused; 0 stands for addresspool.DefaultRememberMax.
	Remembered int
	// EffectTimeout bounds the time that store and IKE daemon may take for one
	// request.
	EffectTimeout time.Duration
	// Identity begins the Acct-Multi-Session-Ids made here.
	Identity string
	// Nodes are the mobile nodes of the configuration, for Restore.
	Nodes []Node
	// Ended is told of every session that has ended, once nothing of it is left,
	// and of one that goes on with another home address.
	Ended func(store.Session)
	// Began and Over are told for the operator: of every session that was made or,
	// with renewed, authorized again, and of every one that has ended. They must
	// not wait. Each may be nil.
	Began func(s store.Session, renewed bool)
	Over  func(s store.Session, why Cause)
}

// A Manager holds all sessions. Its methods may be called from several
// goroutines.
type Manager struct {
	cfg   Config
	store store.Store
	keys  Keyer
	log   *slog.Logger
	turns turns
	// vacating are turns of home addresses.
	vacating turns
	ready    chan struct{}
	kick     chan struct{} // wakes Run: an earlier expiry, or something to settle
	late     chan struct{} // wakes the arming of keys that failed

	configuring sync.Mutex // held while mobile nodes of the configuration are taken over
	nodes       []Node     // those that were last, guarded by it
	freed       chan struct{}

	mu        sync.Mutex
	pool      *addresspool.Pool
	users     map[string]*entry
	known     map[string]*entry // by the user's identity
	ids       map[string]*entry // by Session-Id
	promised  map[string]string // users by the Session-Ids of plans under way
	homes     map[netip.Addr]*entry
	ours      map[netip.Addr]bool // home agent addresses
	load      map[netip.Addr]int  // sessions by home agent address
	expiry    expiryQueue
	unsettled map[string]struct{}        // users whose durable state may lag behind memory
	keyPrints map[string]psk.Fingerprint // of users' last keys
	prints    prints
	proven    int                     // sessions that an IKE_AUTH has proven
	lingering map[netip.Addr]struct{} // home addresses; see linger
	// strays are home addresses of which the store may hold a binding that is nobody's.
	strays    map[netip.Addr]struct{}
	dropped   []dropped       // by Restore, until Run tells of them
	dormant   dormant         // sessions that the configuration has no place for
	displaced []Displaced     // mobile nodes of the configuration that have no session
	planned   int             // newcomers under way, who count against MaxSessions
	reqIDs    uint32          // the highest one given, firstReqID-1 if none was
	manualIDs uint32          // the same of manual sessions
	manual    int             // sessions that use no IKE
	unarmed   map[string]bool // configured users for whom the IKE daemon is not as it has to be yet
	minted    uint64          // Acct-Multi-Session-Ids made
}

// An entry is a session and its place in the expiry queue.
type entry struct {
	store.Session
	identity string
	place    int // -1: never expires
}

// firstReqID is above what charon gives to connections without a reqid of their
// own, which counts from 1, and what operators write into theirs.
const firstReqID = 1_000_001

// firstManualReqID begins the range by which the kernel's security associations
// that are keyed by hand are known to be ours.
const firstManualReqID = 1 << 29

// New makes a Manager without sessions; Restore brings back those of the store.
func New(cfg Config, st store.Store, pool *addresspool.Pool, keys Keyer, log *slog.Logger) *Manager {
	m := &Manager{
		cfg: cfg, store: st, pool: pool, keys: keys, log: log,
		ready: make(chan struct{}), kick: make(chan struct{}, 1), late: make(chan struct{}, 1), freed: make(chan struct{}, 1),
		users: map[string]*entry{}, known: map[string]*entry{}, promised: map[string]string{}, ours: map[netip.Addr]bool{}, ids: map[string]*entry{}, homes: map[netip.Addr]*entry{},
		load: map[netip.Addr]int{}, unsettled: map[string]struct{}{}, keyPrints: map[string]psk.Fingerprint{}, prints: newPrints(),
		dormant: newDormant(), lingering: map[netip.Addr]struct{}{}, strays: map[netip.Addr]struct{}{}, reqIDs: firstReqID - 1, manualIDs: firstManualReqID - 1, unarmed: map[string]bool{},
	}
	for _, ha := range cfg.HomeAgents {
		m.ours[ha] = true
	}
	return m
}

// SetLimits replaces MaxSessions and MaxLifetime. They are for bootstraps from
// then on.
func (m *Manager) SetLimits(maxSessions int, maxLifetime time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cfg.MaxSessions, m.cfg.MaxLifetime = maxSessions, maxLifetime
}

func credential(s *store.Session) Credential {
	return Credential{
		UserName: s.UserName, HomeAddress: s.HomeAddress, HomeAgent: s.HomeAgent,
		PSK: s.PSK, ReqID: s.ReqID, EstablishedAt: s.EstablishedAt, CareOf: s.CareOf,
		RoutabilitySA: s.RoutabilitySA, PayloadSA: s.PayloadSA,
	}
}

// insert puts a session into the indexes, in place of the user's earlier one.
// The caller holds the lock.
func (m *Manager) insert(s store.Session) {
	m.remove(s.UserName)
	m.prints.remove(s.UserName)
	e := &entry{Session: s, identity: m.identity(s.UserName), place: -1}
	m.users[s.UserName], m.known[e.identity], m.homes[s.HomeAddress] = e, e, e
	if s.SessionID != "" {
		m.ids[s.SessionID] = e
	}
	m.manual += manual(&s)
	m.load[s.HomeAgent]++
	m.proven += proven(&s)
	m.expiry.add(e)
}

// proven is 1 for a session whose key an IKE_AUTH has proven, and else 0.
func proven(s *store.Session) int {
	if s.EstablishedAt.IsZero() {
		return 0
	}
	return 1
}

// manual is 1 for a session that uses no IKE, and else 0.
func manual(s *store.Session) int {
	if s.Manual {
		return 1
	}
	return 0
}

// remove takes a user's session out of the indexes, also a dormant one. The caller
// holds the lock.
func (m *Manager) remove(user string) {
	if e, ok := m.dormant.users[user]; ok {
		m.dormant.remove(e)
		m.expiry.drop(e)
	}
	e, ok := m.users[user]
	if !ok {
		return
	}
	delete(m.users, user)
	deleteOwn(m.known, e.identity, e)
	deleteOwn(m.ids, e.SessionID, e)
	deleteOwn(m.homes, e.HomeAddress, e)
	m.load[e.HomeAgent]--
	m.proven -= proven(&e.Session)
	m.manual -= manual(&e.Session)
	m.expiry.drop(e)
}

// deleteOwn takes an entry out of an index unless the place is another's by now.
func deleteOwn[K comparable](index map[K]*entry, key K, e *entry) {
	if index[key] == e {
		delete(index, key)
	}
}

// identity is the one of a user whose name was accepted once. The turns are
// taken by it, so that users who cannot be told apart follow one another.
func (m *Manager) identity(user string) string {
	identity, err := m.keys.Identify(user)
	if err != nil {
		return user
	}
	return identity
}

// wake makes Run look again.
func (m *Manager) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}
