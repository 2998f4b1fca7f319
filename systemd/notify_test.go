package systemd_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"homeagent/systemd"
)

func environment(kv map[string]string) func(string) (string, bool) {
	return func(key string) (string, bool) { v, ok := kv[key]; return v, ok }
}

func manager(t *testing.T) (systemd.Notifier, func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return systemd.NewNotifier(environment(map[string]string{"NOTIFY_SOCKET": path})), func() string {
		buf := make([]byte, 4096)
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func TestNotifierMessages(t *testing.T) {
	t.Parallel()
	n, read := manager(t)
	for _, tt := range []struct {
		name string
		send func() error
		want string
	}{
		{"ready", func() error { return n.Ready("3 sessions") }, `^READY=1\nSTATUS=3 sessions$`},
		{"status is one line", func() error { return n.Status("a\nREADY=1") }, `^STATUS=a READY=1$`},
		{"reloading", n.Reloading, `^RELOADING=1\nMONOTONIC_USEC=\d+$`},
		{"stopping", func() error { return n.Stopping("draining") }, `^STOPPING=1\nSTATUS=draining$`},
		{"alive", n.Alive, `^WATCHDOG=1$`},
	} {
		if err := tt.send(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := read(); !regexp.MustCompile(tt.want).MatchString(got) {
			t.Errorf("%s sent %q, want %s", tt.name, got, tt.want)
		}
	}
}

func TestNotifierOutsideSystemd(t *testing.T) {
	t.Parallel()
	n := systemd.NewNotifier(environment(nil))
	if err := n.Ready("x"); err != nil {
		t.Errorf("Ready without NOTIFY_SOCKET: %v", err)
	}
}

func TestNotifierReportsDeadSocket(t *testing.T) {
	t.Parallel()
	n := systemd.NewNotifier(environment(map[string]string{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "none")}))
	if err := n.Alive(); err == nil {
		t.Error("Alive on a socket nobody listens on succeeded")
	}
}

func TestWatchdog(t *testing.T) {
	t.Parallel()
	self := strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		name string
		env  map[string]string
		want time.Duration
		ok   bool
	}{
		{"none", nil, 0, false},
		{"for us", map[string]string{"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": self}, 30 * time.Second, true},
		{"for anyone", map[string]string{"WATCHDOG_USEC": "1500000"}, 1500 * time.Millisecond, true},
		{"for another process", map[string]string{"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, 0, false},
		{"nonsense", map[string]string{"WATCHDOG_USEC": "soon"}, 0, false},
		{"zero", map[string]string{"WATCHDOG_USEC": "0"}, 0, false},
	} {
		if got, ok := systemd.Watchdog(environment(tt.env)); got != tt.want || ok != tt.ok {
			t.Errorf("%s: Watchdog = %v, %v, want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}
