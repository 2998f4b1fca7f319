package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"homeagent/agent/unixsocket"
)

// listenPause lies between two attempts to listen. Metrics are worth no outage:
// where the place is taken, or accepting fails, the home agent works without them.
const listenPause = 10 * time.Second

// A Server answers scrapes at one place.
type Server struct {
	place   string
	handler http.Handler
	log     *slog.Logger
	ready   chan struct{}
	pause   time.Duration

	listener func(ctx context.Context) (net.Listener, error) // other in tests
}

// NewServer makes a server that listens at a place: an address with a port, the
// path of a Unix socket, which every user of the box can connect to, or empty
// for nowhere.
func NewServer(place string, handler http.Handler, log *slog.Logger) *Server {
	s := &Server{place: place, handler: handler, log: log, ready: make(chan struct{}), pause: listenPause}
	s.listener = s.listen
	close(s.ready)
	return s
}

// Ready is closed: nothing waits for this task.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// String names the task.
func (s *Server) String() string { return "metrics at " + s.place }

// Run listens until ctx ends. A place that cannot be had, or is lost, is tried
// again.
func (s *Server) Run(ctx context.Context) error {
	if s.place == "" {
		<-ctx.Done()
		return nil
	}
	told := ""
	for {
		err := s.attempt(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if told != err.Error() {
			told = err.Error()
			s.log.Warn("there are no metrics, which is tried again", "error", err)
		}
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// attempt listens and serves until that fails, or ctx ends.
func (s *Server) attempt(ctx context.Context) error {
	listener, err := s.listener(ctx)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: s.handler, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 3 * time.Minute, MaxHeaderBytes: 1 << 14,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	defer server.Close() // who is connected still would be served by nobody's listener
	return fmt.Errorf("serving metrics at %s: %w", s.place, server.Serve(listener))
}

func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	if !strings.HasPrefix(s.place, "/") {
		listener, err := config.Listen(ctx, "tcp", s.place)
		if err != nil {
			return nil, fmt.Errorf("listening at metrics.listen: %w", err)
		}
		return listener, nil
	}
	if err := unixsocket.Clear(s.place); err != nil {
		return nil, fmt.Errorf("listening at metrics.listen: %w", err)
	}
	listener, err := config.Listen(ctx, "unix", s.place)
	if err != nil {
		return nil, fmt.Errorf("listening at metrics.listen: %w (is the socket's folder there and writable?)", err)
	}
	if err := os.Chmod(s.place, 0o666); err != nil {
		listener.Close()
		return nil, fmt.Errorf("opening the socket of metrics.listen: %w", err)
	}
	return listener, nil
}
