package demo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
)

// A listener hears what a daemon tells its service manager (sd_notify(3)).
type listener struct {
	conn  *net.UnixConn
	ended sync.WaitGroup

	mu    sync.Mutex
	ready bool
	last  string // the latest status
}

// listen opens the notification socket; the daemon finds it by the environment
// variable NOTIFY_SOCKET.
func listen(path string) (*listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("opening the notification socket: %w", err)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("opening the notification socket: %w", err)
	}
	l := &listener{conn: conn}
	l.ended.Go(l.receive)
	return l, nil
}

func (l *listener) receive() {
	message := make([]byte, 4096)
	for {
		n, err := l.conn.Read(message)
		if err != nil {
			return
		}
		l.note(string(message[:n]))
	}
}

func (l *listener) note(message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(message) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "READY":
			l.ready = value == "1"
		case "STATUS":
			l.last = value
		}
	}
}

// isReady reports whether the daemon has said READY=1.
func (l *listener) isReady() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready
}

// status is what the daemon last said about itself.
func (l *listener) status() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *listener) close() {
	l.conn.Close()
	l.ended.Wait()
}
