package vici_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike/psk"
	"homeagent/ike/vici"
	"homeagent/ike/vici/vicitest"
)

// withLink runs a test in a bubble of its own time with a Link to a played
// charon.
func withLink(t *testing.T, test func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon)) {
	t.Helper()
	withClient(t, vici.Config{}, func(t *testing.T, client *vici.Client, c *vicitest.Charon) {
		ctx, cancel := context.WithCancel(t.Context())
		err := client.Run(ctx, func(ctx context.Context, l *vici.Link) error {
			defer cancel()
			test(t, ctx, l, c)
			return nil
		})
		if err != nil {
			t.Errorf("running the client: %v", err)
		}
	})
}

func withClient(t *testing.T, cfg vici.Config, test func(t *testing.T, client *vici.Client, c *vicitest.Charon)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := vicitest.New()
		defer c.Stop()
		cfg.Log = slog.New(slog.DiscardHandler)
		if cfg.Dial == nil {
			cfg.Dial = c.Dial
		}
		client, err := vici.New(cfg)
		if err != nil {
			t.Fatalf("making a client: %v", err)
		}
		test(t, client, c)
	})
}

func key(t testing.TB, octets string) psk.Key {
	t.Helper()
	k, err := psk.KeyFromBytes([]byte(octets))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const octets = "\x00\x01\xff\x00 twenty octets\n\x00"

var conn = vici.Conn{
	Name:      "mn-aaaa",
	Local:     netip.MustParseAddr("2001:db8:1::1"),
	LocalID:   "fqdn:ha.example.com",
	RemoteID:  "email:mn1@example.com",
	Proposals: []string{"aes128-sha256-x25519"},
	Rekey:     time.Hour,
	DPD:       1500 * time.Millisecond,
	Unique:    "replace",
	Children: []vici.Child{{
		Name: "mh", Mode: "transport_proxy", ReqID: 1001,
		LocalTS: []string{"2001:db8:1::1/128[135]"}, RemoteTS: []string{"2001:db8:1::42/128[135]"},
		Proposals: []string{"aes128-sha256"},
	}},
}

const connText = `version = 2
local_addrs = 2001:db8:1::1
remote_addrs = %any
proposals = aes128-sha256-x25519
mobike = no
reauth_time = 0
rekey_time = 3600s
dpd_delay = 2s
unique = replace
send_certreq = no
local {
  auth = psk
  id = fqdn:ha.example.com
}
remote {
  auth = psk
  id = email:mn1@example.com
}
children {
  mh {
    mode = transport_proxy
    policies = no
    reqid = 1001
    local_ts = 2001:db8:1::1/128[135]
    remote_ts = 2001:db8:1::42/128[135]
    esp_proposals = aes128-sha256
  }
}
`

func TestLoadAndUnload(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		shared := vici.Shared{ID: "mn-aaaa", Owners: []string{"email:mn1@example.com", "2001:db8:1::42"}, Key: key(t, octets)}
		if err := errors.Join(l.LoadShared(ctx, shared), l.LoadConns(ctx, conn, vici.Conn{Name: "mn-bbbb"})); err != nil {
			t.Fatalf("loading: %v", err)
		}
		m := c.Key("mn-aaaa")
		if diff := cmp.Diff(octets, m.Get("data")); diff != "" {
			t.Errorf("unexpected key (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(shared.Owners, m.Items("owners")); diff != "" || m.Get("type") != "IKE" {
			t.Errorf("unexpected type %q or owners (-want +got):\n%s", m.Get("type"), diff)
		}
		if diff := cmp.Diff(connText, c.Conn("mn-aaaa").String()); diff != "" {
			t.Errorf("unexpected connection (-want +got):\n%s", diff)
		}
		checkNames(t, ctx, l, []string{"mn-aaaa"}, []string{"mn-aaaa", "mn-bbbb"})

		for range 2 { // the second time it is not there any more
			if err := errors.Join(l.UnloadShared(ctx, "mn-aaaa"), l.UnloadConn(ctx, "mn-aaaa")); err != nil {
				t.Errorf("unloading: %v", err)
			}
		}
		checkNames(t, ctx, l, nil, []string{"mn-bbbb"})
	})
}

func checkNames(t *testing.T, ctx context.Context, l *vici.Link, keys, conns []string) {
	t.Helper()
	gotKeys, err := l.SharedIDs(ctx)
	if diff := cmp.Diff(keys, gotKeys); diff != "" || err != nil {
		t.Errorf("unexpected keys, error %v (-want +got):\n%s", err, diff)
	}
	gotConns, err := l.ConnNames(ctx)
	if diff := cmp.Diff(conns, gotConns); diff != "" || err != nil {
		t.Errorf("unexpected connections, error %v (-want +got):\n%s", err, diff)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		c.Script(func(vicitest.Call) vicitest.Action { return vicitest.Action{Refuse: "invalid value"} })
		err := l.LoadConns(ctx, conn)
		want := &vici.CommandError{Command: "load-conn", Subject: "mn-aaaa", Reason: "invalid value"}
		var got *vici.CommandError
		if !errors.As(err, &got) || *got != *want {
			t.Errorf("got %v, want %v", err, want)
		}
		if _, err := l.Terminate(ctx, "mn-aaaa"); !errors.As(err, &got) {
			t.Errorf("terminating gives %v, want a refusal", err)
		}
		c.Script(nil)
		if err := l.LoadConns(ctx, conn); err != nil {
			t.Errorf("after a refusal: %v", err)
		}
	})
}

// TestSizes: what charon would cut off or end the connection for is refused
// before it is sent, and the Link lives on.
func TestSizes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		tests := []struct {
			name string
			err  error
			want string
		}{
			{"owner", l.LoadShared(ctx, vici.Shared{ID: "a", Owners: []string{long}}), `loading key "a": an owner has 300 octets (must be 1 to 255)`},
			{"empty owner", l.LoadShared(ctx, vici.Shared{ID: "a", Owners: []string{""}}), `loading key "a": an owner has 0 octets (must be 1 to 255)`},
			{"name", l.LoadConns(ctx, vici.Conn{Name: long}), `the name "xxxxxxxxxxxxxxxxxxxx" has 300 octets (must be 1 to 255)`},
			{"no name", l.LoadConns(ctx, vici.Conn{}), `the name "" has 0 octets (must be 1 to 255)`},
			{"value", l.LoadConns(ctx, vici.Conn{Name: "a", LocalID: strings.Repeat(long, 300)}), `the value of "id" has 90000 octets (must be up to 65535)`},
			{"item", l.LoadConns(ctx, vici.Conn{Name: "a", Proposals: []string{strings.Repeat(long, 300)}}), `the value of "proposals" has 90000 octets (must be up to 65535)`},
			{"request", l.LoadConns(ctx, many(10, strings.Repeat("y", 60000))...), "octets (must be up to 524288)"},
		}
		for _, tt := range tests {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("%s: got %.300v, want ...%s", tt.name, tt.err, tt.want)
			}
		}
		if err := l.LoadConns(ctx, conn); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func many(n int, id string) []vici.Conn {
	conns := make([]vici.Conn, n)
	for i := range conns {
		conns[i] = vici.Conn{Name: fmt.Sprint("c", i), LocalID: id}
	}
	return conns
}

// TestUnanswered: a call without an answer ends the Link; the next Link works.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		action vicitest.Action
		call   func(ctx context.Context, l *vici.Link) error
		want   string
	}{
		{"dropped", vicitest.Action{Drop: true}, loadShared, "charon did not answer in time"},
		{"done but not said", vicitest.Action{Mute: true}, loadShared, "charon did not answer in time"},
		{"late", vicitest.Action{Hang: time.Hour}, loadShared, "charon did not answer in time"},
		{"hung up", vicitest.Action{HangUp: true}, loadShared, "charon closed the connection"},
		{"given up by the caller", vicitest.Action{Drop: true}, func(ctx context.Context, l *vici.Link) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return loadShared(ctx, l)
		}, "charon did not answer in time"},
		{"given up for good", vicitest.Action{Drop: true}, func(ctx context.Context, l *vici.Link) error {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return loadShared(ctx, l)
		}, "context canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			withClient(t, vici.Config{}, func(t *testing.T, client *vici.Client, c *vicitest.Charon) {
				c.Script(func(call vicitest.Call) vicitest.Action {
					if call.Command == "load-shared" {
						return tt.action
					}
					return vicitest.Action{}
				})
				testUnanswered(t, client, c, tt.call, tt.want)
				time.Sleep(time.Hour) // whoever still hangs in charon
			})
		})
	}
}

func testUnanswered(t *testing.T, client *vici.Client, c *vicitest.Charon, call func(context.Context, *vici.Link) error, want string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	links := 0
	_ = client.Run(ctx, func(ctx context.Context, l *vici.Link) error {
		if links++; links == 2 {
			defer cancel()
			c.Script(nil)
			return loadShared(ctx, l)
		}
		err := call(ctx, l)
		if !errors.Is(err, vici.ErrDead) || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %v: ...%s", err, vici.ErrDead, want)
		}
		<-ctx.Done()
		if _, err := l.SharedIDs(context.Background()); !errors.Is(err, vici.ErrDead) {
			t.Errorf("a dead link gives %v, want %v", err, vici.ErrDead)
		}
		return err
	})
	if links != 2 {
		t.Errorf("there were %d links, want 2", links)
	}
}

func loadShared(ctx context.Context, l *vici.Link) error {
	return l.LoadShared(ctx, vici.Shared{ID: "mn-aaaa", Owners: []string{"a"}})
}

// TestErrorsHideKeys prints every error of loading a key in every way.
func TestErrorsHideKeys(t *testing.T) {
	t.Parallel()
	const secret = "twenty octets secret"
	shared := vici.Shared{ID: "a", Owners: []string{"b"}, Key: key(t, secret)}
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		var out bytes.Buffer
		for _, action := range []vicitest.Action{{Refuse: "no"}, {Drop: true}, {}} {
			c.Script(func(vicitest.Call) vicitest.Action { return action })
			err := l.LoadShared(ctx, shared)
			fmt.Fprintf(&out, "%v %+v %#v %q %v %+v\n", err, err, err, err, shared, shared)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("loading", "error", err, "key", shared)
		}
		for _, form := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret))} {
			if strings.Contains(out.String(), form) {
				t.Errorf("the key is shown:\n%s", out.String())
			}
		}
	})
}

// TestPauses: a charon that is away is dialled ever more slowly, and found
// within a second when it is back.
func TestPauses(t *testing.T) {
	t.Parallel()
	withClient(t, vici.Config{}, func(t *testing.T, client *vici.Client, c *vicitest.Charon) {
		c.Stop()
		start := time.Now()
		time.AfterFunc(time.Minute, c.Start)
		ctx, cancel := context.WithCancel(t.Context())
		_ = client.Run(ctx, func(context.Context, *vici.Link) error {
			cancel()
			return nil
		})
		if took := time.Since(start); took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("connected after %v, want within a second after a minute", took)
		}
		if n := c.Dialled(); n < 60 || n > 140 {
			t.Errorf("dialled %d times in a minute, want about 80", n)
		}
	})
}

func TestRunEndsWhileAway(t *testing.T) {
	t.Parallel()
	withClient(t, vici.Config{}, func(t *testing.T, client *vici.Client, c *vicitest.Charon) {
		c.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := client.Run(ctx, func(context.Context, *vici.Link) error { return errors.New("there is no charon") })
		if err != nil {
			t.Errorf("got error %v, want none", err)
		}
	})
}

// TestBacklogFull: EAGAIN is charon's listen backlog and passes.
func TestBacklogFull(t *testing.T) {
	t.Parallel()
	var refused atomic.Int32
	var charon *vicitest.Charon
	cfg := vici.Config{Dial: func(ctx context.Context) (net.Conn, error) {
		if refused.Add(1)%5 != 0 {
			return nil, &net.OpError{Op: "dial", Err: syscall.EAGAIN}
		}
		return charon.Dial(ctx)
	}}
	withClient(t, cfg, func(t *testing.T, client *vici.Client, c *vicitest.Charon) {
		charon = c
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		_ = client.Run(ctx, func(context.Context, *vici.Link) error { cancel(); return nil })
		if took := time.Since(start); took > time.Second {
			t.Errorf("connecting took %v, want below a second", took)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for _, cfg := range []vici.Config{
		{}, {Log: log, CallTimeout: -1}, {Log: log, MinPause: time.Minute}, {Log: log, MinPause: -1},
	} {
		if _, err := vici.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "making a VICI client: ") {
			t.Errorf("%+v: got error %v", cfg, err)
		}
	}
}

func TestSocketMissing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	client, err := vici.New(vici.Config{Socket: "/nonexistent/charon.vici", Log: slog.New(slog.NewTextHandler(&out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_ = client.Run(ctx, nil)
	if want := "connecting to charon at /nonexistent/charon.vici: dial unix /nonexistent/charon.vici: connect: no such file or directory (is strongSwan running"; !strings.Contains(out.String(), want) {
		t.Errorf("the log does not say %q:\n%s", want, out.String())
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		got, err := l.Stats(ctx)
		want := vici.Stats{
			Since: time.Now().Local(), Workers: 16, Idle: 11,
			Plugins: []string{"kernel-netlink", "socket-default", "nonce", "kdf", "openssl", "vici"},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("unexpected statistics, error %v (-want +got):\n%s", err, diff)
		}
		if l.Version != "5.9.8" || !l.Since.Equal(time.Now()) {
			t.Errorf("got version %q since %v", l.Version, l.Since)
		}
	})
}
