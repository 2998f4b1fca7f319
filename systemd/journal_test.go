package systemd_test

import (
	"encoding/binary"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/systemd"
)

// journal is a stand-in for journald's socket that parses what it gets.
func journal(t *testing.T, level slog.Level) (*slog.Logger, func() map[string]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	handler, err := systemd.NewJournalHandler(path, level)
	if err != nil {
		t.Fatal(err)
	}
	return slog.New(handler), func() map[string]string {
		buf := make([]byte, 65536)
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return fields(t, string(buf[:n]))
	}
}

func fields(t *testing.T, datagram string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for datagram != "" {
		line, rest, _ := strings.Cut(datagram, "\n")
		if name, value, ok := strings.Cut(line, "="); ok {
			got[name], datagram = value, rest
			continue
		}
		if len(rest) < 8 {
			t.Fatalf("field %q has no length", line)
		}
		n := binary.LittleEndian.Uint64([]byte(rest[:8]))
		got[line], datagram = rest[8:8+n], rest[8+n+1:]
	}
	return got
}

func TestJournalFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		log  func(*slog.Logger)
		want map[string]string
	}{
		{
			"the agent's attributes",
			func(l *slog.Logger) {
				l.Info("session ended", "home_address", "2001:db8::1", "session_id", "a;1;2", "peer", "aaah")
			},
			map[string]string{
				"MESSAGE": "session ended home_address=2001:db8::1 session_id=a;1;2 peer=aaah", "PRIORITY": "6",
				"HOA": "2001:db8::1", "SESSION": "a;1;2", "PEER": "aaah",
			},
		},
		{
			"message id stays out of the text",
			func(l *slog.Logger) { l.Warn("lost", "message_id", "0123") },
			map[string]string{"MESSAGE": "lost", "PRIORITY": "4", "MESSAGE_ID": "0123"},
		},
		{
			"a value cannot forge a field",
			func(l *slog.Logger) { l.Error("refused", "user_name", "x\nPRIORITY=0") },
			map[string]string{"MESSAGE": `refused user_name="x\nPRIORITY=0"`, "PRIORITY": "3", "USER_NAME": "x\nPRIORITY=0"},
		},
		{
			"a name cannot be one of journald's own",
			func(l *slog.Logger) { l.Info("m", "_uid", "0", "1=a\n", "b") },
			map[string]string{"MESSAGE": "m _uid=0 1=a\n=b", "PRIORITY": "6", "UID": "0", "A_": "b"},
		},
		{
			"groups and earlier attributes",
			func(l *slog.Logger) {
				l.With("peer", "p").WithGroup("g").Info("m", "a", 1, slog.Group("h", "b", true))
			},
			map[string]string{"MESSAGE": `m a=1 h="[b=true]"`, "PRIORITY": "6", "PEER": "p", "G_A": "1", "G_H_B": "true"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			logger, read := journal(t, slog.LevelInfo)
			tt.log(logger)
			got := read()
			delete(got, "SYSLOG_IDENTIFIER")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJournalLevel(t *testing.T) {
	t.Parallel()
	logger, read := journal(t, slog.LevelInfo)
	logger.Debug("not this")
	logger.Info("but this")
	if got := read()["MESSAGE"]; got != "but this" {
		t.Errorf("the journal got %q", got)
	}
}

func TestNewJournalHandlerWithoutJournal(t *testing.T) {
	t.Parallel()
	if _, err := systemd.NewJournalHandler(filepath.Join(t.TempDir(), "none"), slog.LevelInfo); err == nil {
		t.Error("a journal that is not there was found")
	}
}

func TestStderrIsJournal(t *testing.T) {
	t.Parallel()
	if systemd.StderrIsJournal(environment(nil)) || systemd.StderrIsJournal(environment(map[string]string{"JOURNAL_STREAM": "1:1"})) {
		t.Error("standard error of a test was taken for the journal")
	}
}
