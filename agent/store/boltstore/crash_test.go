package boltstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/agent/store/storetest"
)

// roleVariable makes the test binary play a process to be killed.
const roleVariable = "BOLTSTORE_TEST_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func(path string) error{
		"writer": writeUntilKilled, "sealer": sealUntilKilled, "full disk": writeToFullDisk,
	}
	if role, ok := roles[os.Getenv(roleVariable)]; ok {
		if err := role(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a process that is killed when ctx ends.
func child(ctx context.Context, t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, executable, path)
	c.Env = append(os.Environ(), roleVariable+"="+role)
	c.Stderr = os.Stderr
	return c
}

// writeUntilKilled adds sessions with their leases, one call each, from several
// goroutines, and says which are acknowledged. Every third is taken back.
func writeUntilKilled(path string) error {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	known := 0
	if err := s.Leases(func(store.Lease) error { known++; return nil }); err != nil {
		return err
	}
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format, args...)
	}
	var wg sync.WaitGroup
	const writers = 8
	for w := range writers {
		wg.Go(func() {
			for n := 10*known + w; ; n += writers {
				say("trying %d\n", n)
				if err := s.Apply(context.Background(), store.PutSession{Session: storetest.Session(n)}, store.PutLease{Lease: storetest.Lease(n)}); err != nil {
					panic(err)
				}
				say("put %d\n", n)
				if n%3 == 0 {
					if err := s.Apply(context.Background(), store.DeleteSession{UserName: storetest.Session(n).UserName}); err != nil {
						panic(err)
					}
					say("deleted %d\n", n)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// TestKill kills a writing process again and again. Whatever it acknowledged is
// there, and no call is there by half.
func TestKill(t *testing.T) {
	t.Parallel()
	p := path(t)
	put, deleted, tried := map[int]bool{}, map[int]bool{}, map[int]bool{}
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(150))*time.Millisecond)
		writer := child(ctx, t, "writer", p)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); errors.Is(err, context.DeadlineExceeded) {
			cancel()
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		follow(out, put, deleted, tried)
		if err := writer.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the writer ended: %v", err)
		}
		cancel()
		checkAcknowledged(t, p, put, deleted, tried)
	}
	if len(put) == 0 {
		t.Error("nothing was written: the writer was killed too early each time")
	}
}

// follow reads what a writer says until it is dead.
func follow(out io.Reader, put, deleted, tried map[int]bool) {
	said := map[string]map[int]bool{"trying": tried, "put": put, "deleted": deleted}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var what string
		var n int
		if _, err := fmt.Sscan(lines.Text(), &what, &n); err == nil && said[what] != nil {
			said[what][n] = true
		}
	}
}

func checkAcknowledged(t *testing.T, path string, put, deleted, tried map[int]bool) {
	t.Helper()
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatalf("after a kill: %v", err)
	}
	defer s.Close()
	got := storetest.Take(t, s)
	for n := range tried {
		user := storetest.Session(n).UserName
		_, session := got.Sessions[user]
		_, lease := got.Leases[user]
		switch {
		case put[n] && !lease:
			t.Errorf("%d was acknowledged and is not there", n)
		case deleted[n] && session:
			t.Errorf("%d was acknowledged as deleted and is there", n)
		case lease && !session && n%3 != 0, session && !lease:
			t.Errorf("%d is there by half", n)
		}
		delete(got.Leases, user)
	}
	if len(got.Leases) > 0 {
		t.Errorf("%d records that nobody tried to write", len(got.Leases))
	}
}

func sealUntilKilled(path string) error {
	key, err := store.NewSealer([store.SealKeySize]byte{1})
	if err != nil {
		return err
	}
	s, err := boltstore.Open(path, boltstore.Options{Sealer: key})
	if err != nil {
		return err
	}
	fmt.Println("sealed")
	return s.Close()
}

// TestKillWhileSealing kills processes that seal a plain store, until one is
// done with it.
func TestKillWhileSealing(t *testing.T) {
	t.Parallel()
	p := filled(t, boltstore.Options{})
	want := storetest.Take(t, open(t, filled(t, boltstore.Options{}), boltstore.Options{}))
	for wait := 5 * time.Millisecond; ; wait += wait / 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		out, err := child(ctx, t, "sealer", p).Output()
		killed := ctx.Err() != nil
		cancel()
		if err == nil && string(out) == "sealed\n" {
			break
		}
		if !killed {
			t.Fatalf("sealing after kills: %q, %v", out, err)
		}
	}
	s := open(t, p, boltstore.Options{Sealer: sealer(t, 1)})
	if diff := storetest.Diff(want, storetest.Take(t, s)); diff != "" {
		t.Errorf("after kills while sealing (-want +got):\n%s", diff)
	}
}

// TestFullDisk limits the size of files: the write that does not fit is
// refused, and later ones are taken when there is room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	p := path(t)
	if out, err := child(t.Context(), t, "full disk", p).Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := open(t, p, boltstore.Options{})
	if got := storetest.Take(t, s); len(got.Sessions) != 12 {
		t.Errorf("%d sessions, want the 12 acknowledged", len(got.Sessions))
	}
}

func writeToFullDisk(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	apply := func(from, to int) error {
		var changes []store.Change
		for n := from; n < to; n++ {
			changes = append(changes, store.PutSession{Session: storetest.Session(n)})
		}
		return s.Apply(context.Background(), changes...)
	}
	if err := apply(0, 10); err != nil {
		return err
	}
	unlimited := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	small := syscall.Rlimit{Cur: 64 << 10, Max: unlimited.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		return err
	}
	if err := apply(100, 5000); err == nil {
		return fmt.Errorf("a write beyond the limit was acknowledged")
	}
	if err := apply(10, 11); err != nil {
		return fmt.Errorf("a small write after the failure: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return err
	}
	if err := apply(11, 12); err != nil {
		return fmt.Errorf("a write with room again: %w", err)
	}
	return s.Close()
}
