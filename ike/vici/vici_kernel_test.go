//go:build kerneltest

package vici_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"homeagent/ike/charontest"
	"homeagent/ike/vici"
)

// withCharon runs a test with a Link to a real charon.
func withCharon(t *testing.T, test func(ctx context.Context, l *vici.Link)) {
	t.Helper()
	d, err := charontest.Start(charontest.Config{Dir: filepath.Join(t.TempDir(), "c")})
	if err != nil {
		t.Fatal(err)
	}
	client, err := vici.New(vici.Config{Socket: d.Socket(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_ = client.Run(ctx, func(ctx context.Context, l *vici.Link) error {
		defer cancel()
		go ignoreEvents(ctx, l)
		test(ctx, l)
		return nil
	})
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
}

// TestKernelCommands: what the played charon is taught, the real one does.
func TestKernelCommands(t *testing.T) {
	withCharon(t, func(ctx context.Context, l *vici.Link) {
		if age := time.Since(l.Since); age < -2*time.Second || age > time.Minute {
			t.Errorf("charon runs since %v", l.Since)
		}
		shared := vici.Shared{ID: "mn-aaaa", Owners: []string{"email:mn1@example.com", "2001:db8:1::42"}, Key: key(t, octets)}
		if err := errors.Join(l.LoadShared(ctx, shared), l.LoadConns(ctx, conn, vici.Conn{Name: "mn-bbbb"})); err != nil {
			t.Fatalf("loading: %v", err)
		}
		checkNames(t, ctx, l, []string{"mn-aaaa"}, []string{"mn-aaaa", "mn-bbbb"})
		for range 2 {
			if err := errors.Join(l.UnloadShared(ctx, "mn-aaaa"), l.UnloadConn(ctx, "mn-aaaa")); err != nil {
				t.Errorf("unloading: %v", err)
			}
		}
		checkNames(t, ctx, l, nil, []string{"mn-bbbb"})
		if n, err := l.Terminate(ctx, "mn-aaaa"); n != 0 || err != nil {
			t.Errorf("ended %d IKE_SAs, error %v", n, err)
		}
		if st, err := l.Stats(ctx); st.Workers != 16 || st.IKESAs != 0 || err != nil {
			t.Errorf("unexpected statistics %+v, error %v", st, err)
		}
		for sa, err := range l.ListSAs(ctx, "") {
			t.Errorf("listed %+v, error %v", sa, err)
		}
	})
}

// TestKernelRefusals: charon refuses in words, and the Link lives on.
func TestKernelRefusals(t *testing.T) {
	withCharon(t, func(ctx context.Context, l *vici.Link) {
		bad := conn
		bad.Proposals = []string{"rot13"}
		good := conn
		good.Name = "mn-good"
		var refused *vici.CommandError
		if err := l.LoadConns(ctx, good, bad); !errors.As(err, &refused) || refused.Reason != "invalid value for: proposals, config discarded" {
			t.Errorf("a bad proposal gives %v", err)
		}
		if err := l.Initiate(ctx, "mn-none", "mh"); !errors.As(err, &refused) {
			t.Errorf("initiating what is not loaded gives %v", err)
		}
		checkNames(t, ctx, l, nil, []string{"mn-good"}) // those before the bad one are loaded
		err := l.LoadConns(ctx, many(200, fmt.Sprintf("%060000d", 1))...)
		if err == nil || errors.Is(err, vici.ErrDead) {
			t.Errorf("a request that is too long gives %v", err)
		}
		checkNames(t, ctx, l, nil, []string{"mn-good"})
	})
}

// TestKernelManyNames: the lists of thousands of names come in one reply.
func TestKernelManyNames(t *testing.T) {
	const n = 3000
	withCharon(t, func(ctx context.Context, l *vici.Link) {
		var want []string
		for i := range n {
			name := fmt.Sprintf("mn-abcdefgh%04d", i)
			want = append(want, name)
			if err := l.LoadShared(ctx, vici.Shared{ID: name, Owners: []string{"a"}, Key: key(t, octets)}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := l.SharedIDs(ctx)
		slices.Sort(got)
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("charon lists %d of %d keys, error %v", len(got), n, err)
		}
	})
}
