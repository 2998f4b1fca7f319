//go:build kerneltest

package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"homeagent/agent/control"
	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/mobilenode"
	"homeagent/diameter/lab/rawpeer"
	"homeagent/diameter/lab/strongswan"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike/charontest"
	"homeagent/ike/psk"
	"homeagent/ike/vici"
)

// asDaemon in the environment makes this test binary the daemon itself.
const asDaemon = "HOMEAGENTD_TEST_AS_DAEMON"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		main()
		return
	}
	if file := os.Getenv(asDoctor); file != "" {
		examine(file)
		return
	}
	os.Exit(m.Run())
}

// A system is the daemon as its own process, real strongSwan and real kernels,
// with an AAA server and a mobile node around it.
type system struct {
	*testbed.Mobile
	dir              string
	charon, mnCharon *testbed.Charon
	daemon           *testbed.Process
	ctl              *control.Client
	aaa              *rawpeer.Peer
	codec            *bootstrap.Codec
}

const systemConfig = `
[diameter]
identity = "ha.example.com"
realm = "example.com"
[[diameter.listen]]
address = "[2001:db8:1::1]:3868"
tls = false
[[diameter.peer]]
identity = "aaah.example.com"
secured = "ipsec"
bootstrapper = true
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
reserved = ["2001:db8:1::2"]
[ike]
socket = "%[1]s"
%[3]s
[store]
path = "%[2]s/state.db"
[control]
socket = "%[2]s/control"
`

// newSystem builds a system. ike holds lines for the configuration's section of
// that name and sections after it.
func newSystem(t *testing.T, ike string) *system {
	t.Helper()
	s := &system{dir: t.TempDir()}
	lab, err := testbed.NewMobile(filepath.Join(s.dir, "lab"))
	if err != nil {
		t.Fatal(err)
	}
	s.Mobile = lab
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Errorf("closing the laboratory: %v", err)
		}
	})
	if err := lab.MoveTo(lab.AtForeignA()); err != nil {
		t.Fatal(err)
	}
	s.charon, s.mnCharon = startCharon(t, lab.HomeAgent), startCharon(t, lab.MobileNode)
	text := fmt.Sprintf(systemConfig, s.charon.Socket(), s.dir, ike)
	if err := os.WriteFile(s.file("homeagent.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.ctl = control.NewClient(s.file("control"))
	t.Cleanup(func() {
		if t.Failed() && s.daemon != nil {
			t.Logf("the daemon:\n%s\nits strongSwan:\n%s", s.daemon.Output(), s.charon.Log())
		}
	})
	s.startDaemon(t)
	s.connect(t)
	return s
}

func startCharon(t *testing.T, host *testbed.Host) *testbed.Charon {
	t.Helper()
	charon, err := host.StartCharon(charontest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return charon
}

func (s *system) file(name string) string { return filepath.Join(s.dir, name) }

func (s *system) startDaemon(t *testing.T) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.daemon, err = s.HomeAgent.Start(testbed.Program{
		Name: "homeagentd", Path: binary, Arguments: []string{"--config", s.file("homeagent.toml")},
		Environment: []string{asDaemon + "=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.await(t, "the daemon is ready", func() bool {
		status, err := s.ctl.Status(t.Context())
		return err == nil && status.State != control.Starting && status.IKE.Connected && status.Kernel.InSync
	})
}

// await waits for what happens soon.
func (s *system) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in a minute: %s", what)
		}
	}
}

func (s *system) connect(t *testing.T) {
	t.Helper()
	codes := dictionary.Default()
	d, err := dictionary.Load(codes)
	if err != nil {
		t.Fatal(err)
	}
	s.codec = bootstrap.NewCodec(d)
	err = s.AAA.Do(func() error {
		conn, err := net.DialTimeout("tcp", "[2001:db8:1::1]:3868", 10*time.Second)
		if err != nil {
			return err
		}
		s.aaa, err = rawpeer.Open(conn, diameter.Identity{Host: "aaah.example.com", Realm: "example.com"}, codes.Vendor, codes.Application)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.aaa.Close() })
}

// soon is a context for what must not take long.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func user(n int) string { return fmt.Sprintf("mn%d@example.com", n) }

func keyOf(n int) psk.AAAKey {
	octets := make([]byte, 64)
	copy(octets, user(n))
	return psk.NewAAAKey(octets)
}

// hmr asks for user n and returns the home address granted.
func (s *system) hmr(ctx context.Context, n int) (netip.Addr, error) {
	answer, err := s.aaa.Do(ctx, "", s.codec.EncodeHMR(&bootstrap.HMR{
		SessionID: "aaah.example.com;1;" + user(n), UserName: user(n),
		OriginHost: "aaah.example.com", OriginRealm: "example.com",
		DestinationHost: "ha.example.com", DestinationRealm: "example.com",
		AuthorizationLifetime: 3600, Vector: bootstrap.Requested, Key: keyOf(n), KeyID: 1,
	}))
	if err != nil {
		return netip.Addr{}, err
	}
	hma, failure := s.codec.DecodeHMA(answer)
	if failure != nil {
		return netip.Addr{}, failure
	}
	if hma.Result != diameter.Success {
		return netip.Addr{}, fmt.Errorf("user %d: %v: %s", n, hma.Result, hma.ErrorMessage)
	}
	return hma.HomeAddress, nil
}

func (s *system) bootstrap(t *testing.T, n int) netip.Addr {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	home, err := s.hmr(ctx, n)
	if err != nil {
		t.Fatal(err)
	}
	return home
}

// node is the mobile node as user n, with what it should know or, for an
// impostor, should not.
func (s *system) node(t *testing.T, userName string, home netip.Addr, key psk.AAAKey) *mobilenode.Node {
	t.Helper()
	var node *mobilenode.Node
	err := s.MobileNode.Do(func() (err error) {
		node, err = mobilenode.Open(mobilenode.Config{
			UserName: userName, HomeAddress: home, HomeAgent: testbed.HomeAgentAddress, HomeAgentIdentity: "ha.example.com",
			Key: key, KeyID: 1, Socket: s.mnCharon.Socket(), Interface: testbed.Interface,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

// ask talks to the home agent's strongSwan.
func (s *system) ask(t *testing.T, work func(context.Context, *vici.Link) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := strongswan.Ask(ctx, s.charon.Socket(), work); err != nil {
		t.Fatal(err)
	}
}

// loaded lists the keys and connections in the home agent's strongSwan, sorted.
func (s *system) loaded(t *testing.T) (keys, conns []string) {
	t.Helper()
	s.ask(t, func(ctx context.Context, link *vici.Link) (err error) {
		if keys, err = link.SharedIDs(ctx); err == nil {
			conns, err = link.ConnNames(ctx)
		}
		return err
	})
	slices.Sort(keys)
	slices.Sort(conns)
	return keys, conns
}

func TestH47_WrongKeyIsRefused(t *testing.T) {
	s := newSystem(t, "")
	home := s.bootstrap(t, 1)
	impostor := s.node(t, user(1), home, keyOf(2))
	if _, err := impostor.Secure(soon(t), testbed.CareOfAddressA); err == nil || !strings.Contains(err.Error(), "AUTHENTICATION_FAILED") {
		t.Errorf("Secure with another's key: %v, want AUTHENTICATION_FAILED", err)
	}
}

// A mobile node with a right key of its own gets no security association for
// another's home address, and cannot pass for the other.
func TestH47_NobodyGetsAnothersAddress(t *testing.T) {
	s := newSystem(t, "")
	mine, others := s.bootstrap(t, 1), s.bootstrap(t, 2)
	// The pre-shared key is bound to the home address, so a thief derives its
	// own and asks for the other's traffic selectors.
	own, err := psk.Derive(keyOf(1), 1, mine, testbed.HomeAgentAddress)
	if err != nil {
		t.Fatal(err)
	}
	for name, identity := range map[string]string{"under its own name": user(1), "under the other's name": user(2)} {
		t.Run(name, func(t *testing.T) {
			err := s.steal(t, identity, own, others)
			if err == nil {
				t.Fatal("the CHILD_SA for another's home address was set up")
			}
			if want := map[string]string{user(1): "TS_UNACCEPTABLE", user(2): "AUTHENTICATION_FAILED"}[identity]; !strings.Contains(err.Error()+s.mnCharon.Log(), want) {
				t.Errorf("refused with %v, want %s", err, want)
			}
		})
	}
	states, err := s.HomeAgent.Netlink().XfrmStateList(10)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range states {
		if a, _ := netip.AddrFromSlice(state.Src); a == others {
			t.Errorf("the kernel has a state for the other's home address: %v", state)
		}
	}
}

// steal has the mobile node's strongSwan ask for a CHILD_SA by hand.
func (s *system) steal(t *testing.T, identity string, key psk.Key, home netip.Addr) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	err := strongswan.Ask(ctx, s.mnCharon.Socket(), func(ctx context.Context, link *vici.Link) error {
		if err := link.LoadShared(ctx, vici.Shared{ID: "thief", Owners: []string{"ha.example.com"}, Key: key}); err != nil {
			return err
		}
		return link.LoadConns(ctx, vici.Conn{
			Name: "thief", Local: testbed.CareOfAddressA, Remote: testbed.HomeAgentAddress, LocalID: "email:" + identity, RemoteID: "ha.example.com",
			Children: []vici.Child{{
				Name: "mh", Mode: "transport_proxy", ReqID: 77,
				LocalTS: []string{home.String() + "/128[135]"}, RemoteTS: []string{"2001:db8:1::1/128[135]"},
			}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strongswan.Initiate(ctx, s.mnCharon.Socket(), "thief", "mh")
}

// charon is killed while requests arrive. What was granted is in charon again
// when it is back, and newcomers are served.
func TestCharonRestartsUnderLoad(t *testing.T) {
	s := newSystem(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	granted := make(chan int, 200)
	go func() {
		defer close(granted)
		for n := range 200 {
			if _, err := s.hmr(ctx, n); err == nil {
				granted <- n
			}
		}
	}()
	<-granted
	if err := s.charon.Kill(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if err := s.charon.Start(); err != nil {
		t.Fatal(err)
	}
	want := 1
	for range granted {
		want++
	}
	s.await(t, "what was granted is in charon again", func() bool {
		keys, conns := s.loaded(t)
		return len(keys) == want && slices.Equal(keys, conns)
	})
	s.bootstrap(t, 1000)
	if want < 20 {
		t.Errorf("only %d of 200 were granted", want)
	}
}

// An administrator's swanctl unloads what is not in its files. Ours comes back,
// theirs stays.
func TestSwanctlLoadAllIsRepaired(t *testing.T) {
	s := newSystem(t, "")
	for n := range 5 {
		s.bootstrap(t, n)
	}
	before, _ := s.loaded(t)
	err := s.charon.WriteSwanctl(`connections { theirs { remote_addrs = 192.0.2.1
 local { auth = psk } 
 remote { auth = psk } } }
secrets { ike-theirs { id-1 = theirs
 secret = "abc" } }`)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.charon.Swanctl("--load-all"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.await(t, "ours is back beside theirs", func() bool {
		keys, conns := s.loaded(t)
		return len(keys) == len(before)+1 && len(conns) == len(before)+1 && slices.Contains(conns, "theirs")
	})
}

// A session that is not in charon any more rekeys all the same, and comes back
// to charon when its IKE_SA goes down.
func TestEvictedSessionRekeysAndReturns(t *testing.T) {
	s := newSystem(t, "window = 2")
	home := s.bootstrap(t, 1)
	node := s.node(t, user(1), home, keyOf(1))
	if _, err := node.Register(soon(t), testbed.CareOfAddressA); err != nil {
		t.Fatal(err)
	}
	s.await(t, "the session is known to be established", func() bool {
		view, err := s.ctl.Session(t.Context(), user(1))
		return err == nil && view.State == "established"
	})
	s.bootstrap(t, 2)
	s.bootstrap(t, 3)
	mine := ""
	s.await(t, "it is evicted", func() bool {
		keys, conns := s.loaded(t)
		return len(keys) == 2 && len(conns) == 2
	})
	s.ask(t, func(ctx context.Context, link *vici.Link) error {
		for sa, err := range link.ListSAs(ctx, "") {
			if err != nil {
				return err
			}
			mine = sa.Name
		}
		return nil
	})
	for _, what := range []string{"--child", "--ike"} {
		name := mine
		if what == "--child" {
			name = "mh"
		}
		for _, end := range []struct {
			who    string
			charon *testbed.Charon
			name   string
		}{{"home agent", s.charon, name}, {"mobile node", s.mnCharon, map[string]string{"--child": "mobility", "--ike": "home-" + home.String()}[what]}} {
			if out, err := end.charon.Swanctl("--rekey", what, end.name); err != nil {
				t.Fatalf("rekeying %s from the %s: %v: %s", what, end.who, err, out)
			}
			time.Sleep(time.Second)
			if _, err := node.Register(soon(t), testbed.CareOfAddressA); err != nil {
				t.Fatalf("registering after a rekeying of %s from the %s: %v", what, end.who, err)
			}
		}
	}
	if out, err := s.charon.Swanctl("--terminate", "--ike", mine, "--force"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.await(t, "it is back in charon", func() bool {
		keys, _ := s.loaded(t)
		return slices.Contains(keys, mine)
	})
	if _, err := node.Secure(soon(t), testbed.CareOfAddressA); err != nil {
		t.Errorf("a new IKE_AUTH: %v", err)
	}
}

// The daemon is killed without notice while requests arrive, again and again.
// What was answered is there afterwards, at the same address, and nothing twice.
func TestKilledDaemonLosesNothing(t *testing.T) {
	s := newSystem(t, "")
	answered := map[int]netip.Addr{}
	next := 0
	for range 4 {
		type result struct {
			n    int
			home netip.Addr
		}
		results := make(chan result, 1000)
		for range 16 {
			go func(first int) {
				for n := first; n < first+40; n++ {
					home, err := s.hmr(t.Context(), n)
					results <- result{n, home}
					if err != nil {
						return
					}
				}
			}(next)
			next += 40
		}
		time.Sleep(700 * time.Millisecond)
		s.daemon.Kill()
		for ended := 0; ended < 16; {
			r := <-results
			if r.home.IsValid() {
				answered[r.n] = r.home
			} else {
				ended++
			}
		}
		s.startDaemon(t)
		s.connect(t)
		s.checkAnswered(t, answered)
	}
	if len(answered) < 16 {
		t.Errorf("only %d requests were answered between four kills", len(answered))
	}
}

func (s *system) checkAnswered(t *testing.T, answered map[int]netip.Addr) {
	t.Helper()
	sessions, err := s.ctl.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := map[netip.Addr]string{}
	of := map[string]netip.Addr{}
	for _, view := range sessions.Sessions {
		if other, twice := at[view.HomeAddress]; twice {
			t.Errorf("%s and %s have %s", other, view.UserName, view.HomeAddress)
		}
		at[view.HomeAddress], of[view.UserName] = view.UserName, view.HomeAddress
	}
	for n, home := range answered {
		if of[user(n)] != home {
			t.Errorf("%s was given %s and has %s now", user(n), home, of[user(n)])
		}
	}
	s.await(t, "charon holds the sessions and nothing else", func() bool {
		keys, conns := s.loaded(t)
		return len(keys) == min(len(sessions.Sessions), 500) && slices.Equal(keys, conns)
	})
}

func TestThousandSessions(t *testing.T) {
	s := newSystem(t, "")
	done := make(chan error, 16)
	for worker := range 16 {
		go func() {
			for n := worker; n < 1000; n += 16 {
				if _, err := s.hmr(t.Context(), n); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	status, err := s.ctl.Status(t.Context())
	if err != nil || status.Sessions.Total != 1000 || status.IKE.Loaded > 500 {
		t.Errorf("status = %+v, %v", status, err)
	}
	// The last one to come can authenticate, with all the others there.
	home := s.bootstrap(t, 5000)
	if _, err := s.node(t, user(5000), home, keyOf(5000)).Secure(soon(t), testbed.CareOfAddressA); err != nil {
		t.Error(err)
	}
}

// The daemon is killed under traffic: not one packet is lost, and the binding
// goes on as if nothing had happened.
func TestH26_ForwardingOutlivesTheDaemon(t *testing.T) {
	s := newSystem(t, "[mobility]\nhome_link = \"physical\"\ninterface = \""+testbed.Interface+"\"")
	home := s.bootstrap(t, 1)
	node := s.node(t, user(1), home, keyOf(1))
	first, err := node.Register(soon(t), testbed.CareOfAddressA)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Correspondent.Ping(soon(t), home); err != nil {
		t.Fatal(err)
	}
	traffic, err := s.Correspondent.SendTraffic(home, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	s.daemon.Kill()
	time.Sleep(time.Second)
	s.startDaemon(t)
	time.Sleep(time.Second)
	if report := traffic.Stop(); report.Lost() > 0 || report.Sent < 100 {
		t.Errorf("traffic over a kill and a restart: %v", report)
	}
	// On a busy machine the mobile node has sent another Binding Update before the
	// acknowledgement of this one came.
	var bindings control.Bindings
	if err := s.ctl.Get(t.Context(), "/v1/bindings", nil, &bindings); err != nil || len(bindings.Bindings) != 1 ||
		bindings.Bindings[0].Sequence-first.Sequence >= uint16(first.Updates) {
		t.Errorf("bindings = %+v, %v, want one with sequence %d, after %d Binding Updates", bindings.Bindings, err, first.Sequence, first.Updates)
	}
	if second, err := node.Register(soon(t), testbed.CareOfAddressA); err != nil {
		t.Errorf("a refresh afterwards: %+v, %v", second, err)
	}
}
