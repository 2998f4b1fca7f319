package ike_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// listen gives a played charon a socket.
func listen(t *testing.T, charon *vicitest.Charon) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vici")
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
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				go func() {
					io.Copy(way[0], way[1]) //nolint:errcheck // it ends when either end closes
					client.Close()
					server.Close()
				}()
			}
		}
	}()
	return path
}

// What is ours goes, the IKE_SA of an evicted session too; what others have
// stays.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	charon := vicitest.New()
	evicted := name(3)
	charon.LoadAll([]string{name(1), evicted, "ike-x"}, []string{name(1), evicted, "x"})
	for _, conn := range []string{name(1), evicted} {
		if _, err := charon.Establish(conn, "2001:db8:2::1"); err != nil {
			t.Fatal(err)
		}
	}
	charon.LoadAll([]string{name(1), name(2), "ike-x"}, []string{name(1), "x"})
	removed, err := ike.CleanUp(t.Context(), listen(t, charon), slog.New(slog.DiscardHandler))
	if err != nil || len(removed) != 5 {
		t.Errorf("CleanUp: %v, removed %q, want a connection, two keys and two IKE_SAs", err, removed)
	}
	if diff := cmp.Diff([]string{"ike-x"}, charon.Keys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x"}, charon.Conns()); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	if sas := charon.SAs(); len(sas) != 0 {
		t.Errorf("IKE_SAs are left: %q", sas)
	}
}

func TestCleanUpOfNothing(t *testing.T) {
	t.Parallel()
	if removed, err := ike.CleanUp(t.Context(), filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); err != nil || removed != nil {
		t.Errorf("without charon: %q, %v", removed, err)
	}
}

// A charon that ended holds nothing, though its socket is left.
func TestCleanUpOfStoppedCharon(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vici")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
	if removed, err := ike.CleanUp(t.Context(), path, slog.New(slog.DiscardHandler)); err != nil || removed != nil {
		t.Errorf("with a charon that ended: %q, %v", removed, err)
	}
}

func TestCleanUpGivesUp(t *testing.T) {
	t.Parallel()
	charon := vicitest.New()
	charon.LoadAll([]string{name(1)}, nil)
	path := listen(t, charon)
	charon.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ike.CleanUp(ctx, path, slog.New(slog.DiscardHandler)); !errors.Is(err, ike.ErrUnavailable) {
		t.Errorf("with a charon that is not there: %v, want ErrUnavailable", err)
	}
}
