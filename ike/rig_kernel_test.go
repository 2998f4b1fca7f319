//go:build kerneltest

package ike_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeagent/ike"
	"homeagent/ike/charontest"
	"homeagent/ike/vici"
)

var (
	careOf   = netip.MustParseAddr("2001:db8:2::100")
	pairs    atomic.Int32
	patience = 30 * time.Second
)

// A field is a home agent and a mobile node with real charons, each in a
// network namespace of its own, and an ike.Charon for the home agent's.
type field struct {
	t        testing.TB
	pair     *charontest.Pair
	ha, mn   *charontest.Daemon
	ike      *ike.Charon
	node     *vici.Link // to the mobile node's charon
	log      logBuffer
	ups      chan ike.Established
	downs    chan ike.Lost
	tunnels  chan ike.Tunneled
	endAgent func()
}

func newField(t testing.TB, cfg ike.Config) *field {
	t.Helper()
	f := &field{t: t, ups: make(chan ike.Established, 1<<16), downs: make(chan ike.Lost, 1<<16), tunnels: make(chan ike.Tunneled, 1<<16)}
	var err error
	f.pair, err = charontest.NewPair(fmt.Sprintf("i%d%c", os.Getpid()%1000, 'a'+pairs.Add(1)), []netip.Addr{homeAgent}, []netip.Addr{careOf})
	f.must(err)
	t.Cleanup(func() { f.check(f.pair.Close()) })
	f.ha = f.startCharon(f.pair.HA, "h")
	f.mn = f.startCharon(f.pair.MN, "m")
	f.startAgent(cfg, nil)
	t.Cleanup(func() { f.endAgent() })
	f.node = f.link(f.mn)
	return f
}

func (f *field) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *field) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Error(err)
	}
}

func (f *field) startCharon(ns, name string) *charontest.Daemon {
	f.t.Helper()
	dir, err := os.MkdirTemp("", "ike"+name)
	f.must(err)
	d, err := charontest.Start(charontest.Config{Dir: dir, NetNS: ns})
	f.must(err)
	f.t.Cleanup(func() {
		f.check(d.Stop())
		if f.t.Failed() {
			log := d.Log()
			f.t.Logf("log of charon %s:\n%s", name, log[max(0, len(log)-6000):])
		}
		f.check(os.RemoveAll(dir))
	})
	return d
}

// startAgent starts the home agent's ike.Charon as the daemon does.
func (f *field) startAgent(cfg ike.Config, creds []ike.Credential) {
	f.t.Helper()
	cfg.Socket, cfg.Identity = f.ha.Socket(), "ha.example.com"
	cfg.IKEProposals, cfg.ESPProposals = []string{"aes128-sha256-x25519"}, []string{"aes128-sha256"}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	}
	cfg.OnUp = func(e ike.Established) { f.ups <- e }
	cfg.OnDown = func(e ike.Lost) { f.downs <- e }
	cfg.OnTunnels = func(e ike.Tunneled) { f.tunnels <- e }
	c, err := ike.New(cfg)
	f.must(err)
	c.Restore(creds)
	f.ike = c
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f.check(c.Run(ctx)) })
	f.endAgent = func() {
		cancel()
		running.Wait()
	}
	select {
	case <-c.Ready():
	case <-time.After(patience):
		f.t.Fatalf("charon was not reached within %v:\n%s", patience, f.log.String())
	}
}

// link connects to a charon for the test's duration.
func (f *field) link(d *charontest.Daemon) *vici.Link {
	f.t.Helper()
	client, err := vici.New(vici.Config{Socket: d.Socket(), Log: slog.New(slog.DiscardHandler)})
	f.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	links := make(chan *vici.Link, 10)
	var running sync.WaitGroup
	running.Go(func() {
		_ = client.Run(ctx, func(ctx context.Context, l *vici.Link) error {
			links <- l
			for {
				select {
				case <-l.Events():
				case <-ctx.Done():
					return nil
				}
			}
		})
	})
	f.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return <-links
}

// arm arms on the home agent.
func (f *field) arm(c ike.Credential) error {
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	return f.ike.Arm(ctx, c)
}

// configure gives the mobile node's charon its side of a credential, under the
// connection's name at the home agent.
func (f *field) configure(c ike.Credential) string {
	f.t.Helper()
	conn := f.side(c)
	f.must(f.load(c, conn))
	return conn.Name
}

func (f *field) load(c ike.Credential, conn vici.Conn) error {
	ctx := f.t.Context()
	if err := f.node.LoadShared(ctx, vici.Shared{ID: conn.Name, Owners: []string{"email:" + c.UserName}, Key: c.PSK}); err != nil {
		return err
	}
	return f.node.LoadConns(ctx, conn)
}

// side is the mobile node's connection for a credential.
func (f *field) side(c ike.Credential) vici.Conn {
	return vici.Conn{
		Name: ike.ConnectionName(c.HomeAddress), Local: careOf, Remote: homeAgent, LocalID: "email:" + c.UserName, RemoteID: "fqdn:ha.example.com",
		Proposals: []string{"aes128-sha256-x25519"},
		Children: []vici.Child{{
			Name: "mh", Mode: "transport_proxy", ReqID: 7, Proposals: []string{"aes128-sha256"},
			LocalTS: []string{c.HomeAddress.String() + "/128[135]"}, RemoteTS: []string{homeAgent.String() + "/128[135]"},
		}},
	}
}

// authenticate has the mobile node set up IKE_SA and CHILD_SA.
func (f *field) authenticate(c ike.Credential) error {
	f.t.Helper()
	return f.node.Initiate(f.t.Context(), f.configure(c), "mh")
}

// states are the home agent's kernel's security associations, as lines of
// "source destination reqid", sorted.
func (f *field) states() string {
	f.t.Helper()
	out, err := exec.Command("ip", "-n", f.pair.HA, "xfrm", "state").CombinedOutput()
	f.must(err)
	var lines []string
	var from, to string
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		switch {
		case len(words) >= 4 && words[0] == "src":
			from, to = words[1], words[3]
		case len(words) >= 6 && words[0] == "proto":
			lines = append(lines, fmt.Sprintf("%s %s %s\n", from, to, words[5]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (f *field) awaitUp() ike.Established {
	f.t.Helper()
	select {
	case e := <-f.ups:
		return e
	case <-time.After(patience):
		f.t.Fatal("no mobile node came up")
		return ike.Established{}
	}
}

func (f *field) awaitDown() ike.Lost {
	f.t.Helper()
	select {
	case e := <-f.downs:
		return e
	case <-time.After(patience):
		f.t.Fatal("no mobile node went down")
		return ike.Lost{}
	}
}

// eventually waits until charon is as a test expects it.
func (f *field) eventually(what string, is func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("not within %v: %s; status %+v", patience, what, f.ike.Status())
		}
	}
}

// withKey gives a credential a key that begins with these octets.
func withKey(c ike.Credential, octets string) ike.Credential {
	c.PSK = mustKey(append([]byte(octets), bytes.Repeat([]byte{1}, 20-len(octets))...))
	return c
}
