// Package systemd speaks to the service manager: readiness, status, reload and
// watchdog messages of sd_notify(3).
//
// It knows the notification socket and nothing of the agent. Exported:
// [Notifier] and the interval of [Watchdog].
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Notifier sends state messages to the service manager. The zero Notifier,
// and one made outside systemd, sends nothing.
type Notifier struct{ address string }

// NewNotifier takes the socket of NOTIFY_SOCKET from the environment, as
// lookup (os.LookupEnv) gives it.
func NewNotifier(lookup func(string) (string, bool)) Notifier {
	address, _ := lookup("NOTIFY_SOCKET")
	return Notifier{address: address}
}

// Ready says that the service has finished starting or reloading.
func (n Notifier) Ready(status string) error { return n.send("READY=1", "STATUS="+oneLine(status)) }

// Reloading says that the service is reading its configuration again; Ready
// ends it. The time is the monotonic clock's, as Type=notify-reload asks.
func (n Notifier) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("reading the monotonic clock: %w", err)
	}
	return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10))
}

// Stopping says that the service is shutting down.
func (n Notifier) Stopping(status string) error {
	return n.send("STOPPING=1", "STATUS="+oneLine(status))
}

// Status sets the one line that systemctl status shows.
func (n Notifier) Status(status string) error { return n.send("STATUS=" + oneLine(status)) }

// Alive feeds the watchdog.
func (n Notifier) Alive() error { return n.send("WATCHDOG=1") }

func (n Notifier) send(assignments ...string) error {
	if n.address == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("connecting to the service manager at %q: %w", n.address, err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(strings.Join(assignments, "\n"))); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return nil
}

// oneLine keeps a status from smuggling in a second assignment.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// Watchdog reports the interval after which systemd kills a service that has
// not called Alive (WatchdogSec of its unit), and false when none is set for
// this process. Feed it at half that interval.
func Watchdog(lookup func(string) (string, bool)) (time.Duration, bool) {
	text, _ := lookup("WATCHDOG_USEC")
	usec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || usec <= 0 {
		return 0, false
	}
	if pid, ok := lookup("WATCHDOG_PID"); ok && pid != strconv.Itoa(os.Getpid()) {
		return 0, false
	}
	return time.Duration(usec) * time.Microsecond, true
}
