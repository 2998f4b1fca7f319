package agent_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/agent"
	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/agent/homelink"
	"homeagent/agent/mobilitysocket"
	"homeagent/agent/store/boltstore"
	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/rawpeer"
	"homeagent/ike/psk"
	"homeagent/ike/vici/vicitest"
	"homeagent/systemd"
	"homeagent/xfrm"
)

// kernel is a Kernel that only remembers, and fails when told to.
type kernel struct {
	mu    sync.Mutex
	bound map[netip.Addr]xfrm.Binding
	err   error

	associations []xfrm.Association
}

func (k *kernel) Set(context.Context, xfrm.Desired) (xfrm.Changes, error) { return nil, k.failure() }
func (k *kernel) Repair(context.Context) (xfrm.Changes, error)            { return nil, k.failure() }
func (k *kernel) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}
func (k *kernel) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}
func (k *kernel) Bind(_ context.Context, b xfrm.Binding) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.bound[b.HomeAddress] = b
	return k.err
}
func (k *kernel) Counters() (xfrm.Counters, error) {
	return xfrm.Counters{Spoofed: 3, IPsec: map[string]uint64{"XfrmInTmplMismatch": 2, "XfrmInError": 0}}, k.failure()
}
func (k *kernel) Migrate(context.Context, xfrm.Migration) error { return k.failure() }
func (k *kernel) Associate(_ context.Context, want []xfrm.Association) (xfrm.Changes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.associations = want
	return nil, k.err
}
func (k *kernel) Protect(context.Context, netip.Addr, xfrm.Protection) error {
	return k.failure()
}
func (k *kernel) Watch(ctx context.Context, _ xfrm.Watcher) error {
	<-ctx.Done()
	return nil
}
func (k *kernel) Unbind(_ context.Context, home netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.bound, home)
	return k.err
}

// A house is a home agent with real sockets and a real store around which
// charon and the kernel are played.
type house struct {
	dir    string
	charon *vicitest.Charon
	kernel *kernel
	mh     *mobilitysocket.Fake
	ctl    *control.Client
	port   string
	stop   func()
}

const houseConfig = `
[diameter]
identity = "ha.example.net"
realm = "example.net"
[[diameter.listen]]
address = "127.0.0.1:%s"
tls = false
[[diameter.peer]]
identity = "aaah.example.com"
secured = "loopback"
bootstrapper = true
origins = ["behind.example.com"]
relays = ["trusted.example.com"]
[[diameter.peer]]
identity = "old.example.com"
secured = "loopback"
bootstrapper = true
fixed_key_id = 1
user_realms = ["example.com"]
[[diameter.peer]]
identity = "stranger.example.com"
secured = "loopback"
[[diameter.peer]]
identity = "clear.example.com"
secured = "none"
bootstrapper = true
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
first = "2001:db8:1::100"
last = "2001:db8:1::103"
[ike]
socket = "%[2]s/vici"
[store]
path = "%[2]s/state.db"
[control]
socket = "%[2]s/control"
[metrics]
listen = "%[2]s/metrics"
[limits]
effect_timeout = "5s"
`

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{dir: t.TempDir(), charon: vicitest.New(), port: freePort(t)}
	h.kernel = &kernel{bound: map[netip.Addr]xfrm.Binding{}}
	h.ctl = control.NewClient(filepath.Join(h.dir, "control"))
	serveVICI(t, filepath.Join(h.dir, "vici"), h.charon)
	text := fmt.Sprintf(houseConfig, h.port, h.dir)
	if err := os.WriteFile(h.file("homeagent.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h.start(t)
	return h
}

func (h *house) file(name string) string { return filepath.Join(h.dir, name) }

// start starts the agent and waits until it says that it is ready.
func (h *house) start(t *testing.T) {
	t.Helper()
	cfg, err := config.Load(h.file("homeagent.toml"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := boltstore.Open(cfg.Store.Path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	notifier, ready := serviceManager(t, h.file("notify"))
	h.mh = mobilitysocket.NewFake()
	a, err := agent.New(cfg, agent.Deps{
		Store: records, Kernel: h.kernel, Mobility: h.mh, HomeLink: homelink.Virtual{},
		Notifier: notifier, Log: slog.New(slog.DiscardHandler),
		Reload: agent.Reload{Load: func() (*config.Config, error) { return config.Load(h.file("homeagent.toml")) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := records.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	t.Cleanup(h.stop)
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("Run: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the agent did not get ready in 30 s")
	}
}

// serviceManager listens for READY as systemd does.
func serviceManager(t *testing.T, path string) (systemd.Notifier, <-chan struct{}) {
	t.Helper()
	os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ready := make(chan struct{})
	go func() {
		once := sync.OnceFunc(func() { close(ready) })
		for buf := make([]byte, 4096); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if strings.HasPrefix(string(buf[:n]), "READY=1") {
				once()
			}
		}
	}()
	return systemd.NewNotifier(func(string) (string, bool) { return path, true }), ready
}

// serveVICI puts the played charon behind a Unix socket.
func serveVICI(t *testing.T, path string, charon *vicitest.Charon) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := charon.Dial(context.Background())
			if err != nil {
				client.Close()
				continue
			}
			go pass(client, server)
			go pass(server, client)
		}
	}()
}

// pass copies until either end closes; what went wrong does not matter then.
func pass(to, from net.Conn) {
	io.Copy(to, from) //nolint:errcheck // see above
	to.Close()
	from.Close()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// A server is an AAA server that sends whatever a test wants.
type server struct {
	*rawpeer.Peer
	host  string
	codec *bootstrap.Codec
}

func (h *house) connect(t *testing.T, host string) *server {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+h.port)
	if err != nil {
		t.Fatal(err)
	}
	p, err := rawpeer.Open(conn, diameter.Identity{Host: host, Realm: "example.com"}, codes.Vendor, codes.Application)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	d, err := dictionary.Load(codes)
	if err != nil {
		t.Fatal(err)
	}
	return &server{Peer: p, host: host, codec: bootstrap.NewCodec(d)}
}

const must = diameter.AVPMandatory

// hmr is a request that is granted as it stands.
func (s *server) hmr(user string) *diameter.Message {
	key := make([]byte, 64)
	copy(key, user)
	return s.codec.EncodeHMR(&bootstrap.HMR{
		SessionID: "aaah.example.com;1;" + user, UserName: user,
		OriginHost: s.host, OriginRealm: "example.com", DestinationHost: "ha.example.net", DestinationRealm: "example.net",
		AuthorizationLifetime: 3600, Vector: bootstrap.Requested, Key: psk.NewAAAKey(key), KeyID: 1,
	})
}

// ask sends a request and returns its answer.
func (s *server) ask(t *testing.T, m *diameter.Message) *diameter.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	answer, err := s.Do(ctx, "", m)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Fault != nil {
		t.Fatalf("reading an answer: %v", answer.Fault)
	}
	return answer
}

// failedOf are the AVPs in Failed-AVP.
func failedOf(t *testing.T, m *diameter.Message) []diameter.AVP {
	t.Helper()
	group, ok := m.Find(avp.FailedAVP, 0)
	if !ok {
		return nil
	}
	failed, err := group.Group()
	if err != nil {
		t.Fatal(err)
	}
	return failed
}

func (h *house) users(t *testing.T) []string {
	t.Helper()
	sessions, err := h.ctl.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, s := range sessions.Sessions {
		users = append(users, s.UserName)
	}
	return users
}

// eventually waits for something that happens soon without being told.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}

func without(m *diameter.Message, code, vendor uint32) {
	m.AVPs = slices.DeleteFunc(m.AVPs, func(a diameter.AVP) bool { return a.Is(code, vendor) })
}

func replace(m *diameter.Message, with diameter.AVP) {
	without(m, with.Code, with.Vendor)
	m.Add(with)
}
