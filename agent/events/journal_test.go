package events_test

import (
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeagent/agent/events"
	"homeagent/systemd"
)

// In the journal an event has the fields that operators look for, and the message
// id under which journalctl -x explains it.
func TestEventsInTheJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	handler, err := systemd.NewJournalHandler(path, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	events.New(1, slog.New(handler)).Record(events.Event{
		Kind: events.HMRRefused, UserName: "mn1@example.com", HomeAddress: home, SessionID: "a;1;2",
		Peer: "aaah.example.com", Result: "DIAMETER_TOO_BUSY", Detail: "the store is slow",
	})
	buf := make([]byte, 65536)
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	got := "\n" + string(buf[:n])
	for _, field := range []string{
		"HOA=2001:db8:1::100", "SESSION=a;1;2", "PEER=aaah.example.com", "RESULT=DIAMETER_TOO_BUSY", "USER_NAME=mn1@example.com",
		"DETAIL=the store is slow", "PRIORITY=4", "MESSAGE_ID=26a5bf6a5f9e4f6da670ab4272ead1fd",
	} {
		if !strings.Contains(got, "\n"+field+"\n") {
			t.Errorf("the journal lacks %s:\n%s", field, got)
		}
	}
}
