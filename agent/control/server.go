package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"homeagent/agent/unixsocket"
)

// What a Backend answers for what is not there.
var (
	ErrNotFound  = errors.New("no such session")
	ErrNoBinding = errors.New("it is not registered")
)

// A Backend answers the requests of operators. Its methods are called from
// several goroutines.
type Backend interface {
	Status(ctx context.Context) Status
	// Sessions lists all sessions, in the order of their user names.
	Sessions() []Session
	// Session finds one by Session-Id, User-Name or home address.
	Session(id string) (Session, error)
	// Release ends one, found the same way, as an administrative act.
	Release(ctx context.Context, id string) (Released, error)
}

// A Server listens on a Unix socket and answers from a Backend.
type Server struct {
	path    string
	group   string
	backend Backend
	log     *slog.Logger
	ready   chan struct{}
	mux     *http.ServeMux
	// stopping ends when the server does, for answers that would go on.
	stopping context.Context
	stop     context.CancelFunc

	requests, refused atomic.Uint64
}

// NewServer makes a server for the socket at path. The members of group may
// use it beside root and the daemon's own user; an empty group adds nobody.
func NewServer(path, group string, backend Backend, log *slog.Logger) *Server {
	s := &Server{path: path, group: group, backend: backend, log: log, ready: make(chan struct{}), mux: http.NewServeMux()}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.mux.HandleFunc("GET /v1/status", s.status)
	s.mux.HandleFunc("GET /v1/sessions", s.sessions)
	s.mux.HandleFunc("GET /v1/session", s.session)
	s.mux.HandleFunc("POST /v1/release", s.release)
	return s
}

// Handle adds a handler beside the server's own, for parts of the daemon that
// bring their own view.
func (s *Server) Handle(pattern string, handler http.Handler) { s.mux.Handle(pattern, handler) }

// Ready is closed when the socket listens.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// String names the task.
func (s *Server) String() string { return "control socket " + s.path }

// Run listens until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(done)
		s.shutdown(server)
	})
	close(s.ready)
	if err := server.Serve(credentialListener{listener, s.log, s.admit}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the control socket %q: %w", s.path, err)
	}
	<-done // requests under way end first
	return nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	s.mux.ServeHTTP(w, r)
}

// admit is allowed, counting.
func (s *Server) admit(cred *unix.Ucred) bool {
	allowed := s.allowed(cred)
	if !allowed {
		s.refused.Add(1)
	}
	return allowed
}

// Counters returns the number of requests, and of connections that were refused.
func (s *Server) Counters() (requests, refused uint64) { return s.requests.Load(), s.refused.Load() }

func (s *Server) shutdown(server *http.Server) {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		server.Close()
	}
}

func (s *Server) listen() (net.Listener, error) {
	if err := unixsocket.Clear(s.path); err != nil {
		return nil, fmt.Errorf("listening on the control socket: %w", err)
	}
	// Nobody may connect between bind and chmod.
	old := unix.Umask(0o177)
	listener, err := net.Listen("unix", s.path)
	unix.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("listening on the control socket %q: %w (is its folder there and writable?)", s.path, err)
	}
	if err := s.open(); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// open lets the group in, where there is one.
func (s *Server) open() error {
	if s.group == "" {
		return nil
	}
	group, err := user.LookupGroup(s.group)
	if err != nil {
		return fmt.Errorf("opening the control socket to group %q: %w", s.group, err)
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return fmt.Errorf("opening the control socket to group %q: %w", s.group, err)
	}
	if err := os.Chown(s.path, -1, gid); err != nil {
		return fmt.Errorf("opening the control socket to group %q: %w (the daemon's user must be a member)", s.group, err)
	}
	if err := os.Chmod(s.path, 0o660); err != nil {
		return fmt.Errorf("opening the control socket to group %q: %w", s.group, err)
	}
	return nil
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	status := s.backend.Status(r.Context())
	status.Schema = Schema
	s.Answer(w, status)
}

func (s *Server) sessions(w http.ResponseWriter, _ *http.Request) {
	s.Answer(w, Sessions{Schema: Schema, Sessions: s.backend.Sessions()})
}

func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	session, err := s.backend.Session(r.URL.Query().Get("id"))
	if err != nil {
		s.Refuse(w, err)
		return
	}
	s.Answer(w, OneSession{Schema: Schema, Session: session})
}

func (s *Server) release(w http.ResponseWriter, r *http.Request) {
	released, err := s.backend.Release(r.Context(), r.URL.Query().Get("id"))
	if err != nil {
		s.Refuse(w, err)
		return
	}
	released.Schema = Schema
	s.Answer(w, released)
}

// Answer writes a view as JSON. It is for handlers of Handle, too.
func (s *Server) Answer(w http.ResponseWriter, view any) { s.answer(w, http.StatusOK, view) }

// Refuse writes an error as a Problem.
func (s *Server) Refuse(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoBinding) {
		code = http.StatusNotFound
	}
	s.answer(w, code, Problem{Error: err.Error()})
}

func (s *Server) answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.log.Debug("answering on the control socket", "error", err)
	}
}
