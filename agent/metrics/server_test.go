package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var pong = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "pong") }) //nolint:errcheck // the test reads it

// A journal remembers what was logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// serve runs a Server and returns what ends it.
func serve(t *testing.T, place string, log io.Writer) (stop func()) {
	t.Helper()
	s := NewServer(place, pong, slog.New(slog.NewTextHandler(log, nil)))
	s.pause = time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	select {
	case <-s.Ready():
	case <-time.After(20 * time.Second):
		t.Error("not ready in 20 s")
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func ask(t *testing.T, network, address string) (string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://homeagent/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// eventually asks until there is an answer.
func eventually(t *testing.T, network, address string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		body, err := ask(t, network, address)
		if err == nil && body == "pong" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no answer in 20 s: %q, %v", body, err)
		}
	}
}

// waitFor waits for something in the log.
func waitFor(t *testing.T, log *journal, what string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), what); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in the log in 20 s: %q\n%s", what, log)
		}
	}
}

// Every user of the box can read at the socket, and a dead daemon's is replaced.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.sock")
	for range 2 {
		stop := serve(t, path, io.Discard)
		eventually(t, "unix", path)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o666 {
			t.Errorf("the socket is %v, %v", info.Mode(), err)
		}
		stop()
		leaveSocket(t, path)
	}
}

// leaveSocket leaves a socket behind that nobody listens on.
func leaveSocket(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// A place that is taken costs the metrics, until it is free, and nothing else.
func TestPlaceIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log journal
	serve(t, l.Addr().String(), &log)
	waitFor(t, &log, "address already in use")
	l.Close()
	eventually(t, "tcp", l.Addr().String())
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines were logged, want 1:\n%s", n, log.String())
	}
}

// A brokenListener fails to accept, as where the limit of open files is reached for
// good.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("accept: it is broken") }

// A listener that fails while it is in use is replaced, and ends nothing.
func TestListenerFails(t *testing.T) {
	t.Parallel()
	place := filepath.Join(t.TempDir(), "metrics.sock")
	var log journal
	s := NewServer(place, pong, slog.New(slog.NewTextHandler(&log, nil)))
	s.pause = time.Millisecond
	times := 0
	s.listener = func(ctx context.Context) (net.Listener, error) {
		l, err := s.listen(ctx)
		if times++; times <= 3 && err == nil {
			return brokenListener{l}, nil
		}
		return l, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	eventually(t, "unix", place)
	if n := strings.Count(log.String(), "accept: it is broken"); n != 1 {
		t.Errorf("it is %d times in the log, want once:\n%s", n, log.String())
	}
	cancel()
	if err := <-done; err != nil || times != 4 {
		t.Errorf("Run: %v after listening %d times", err, times)
	}
}

func TestOtherFilesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log journal
	serve(t, file, &log)
	waitFor(t, &log, "a file that is no socket is in its place")
	if b, err := os.ReadFile(file); err != nil || string(b) != "x" {
		t.Errorf("the file has %q, %v", b, err)
	}

	path := filepath.Join(dir, "taken")
	serve(t, path, io.Discard)
	eventually(t, "unix", path)
	var second journal
	serve(t, path, &second)
	waitFor(t, &second, "another process answers on it")
	eventually(t, "unix", path)

	var third journal
	serve(t, filepath.Join(dir, "no", "folder"), &third)
	waitFor(t, &third, "is the socket's folder there and writable?")
}

func TestNowhere(t *testing.T) {
	t.Parallel()
	var log journal
	serve(t, "", &log)()
	if log.String() != "" {
		t.Errorf("logged: %s", log.String())
	}
	s := NewServer("/no", pong, slog.New(slog.DiscardHandler))
	if s.String() != "metrics at /no" {
		t.Errorf("String: %s", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}
