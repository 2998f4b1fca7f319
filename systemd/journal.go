package systemd

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// JournalSocket is where journald takes messages in its native protocol.
const JournalSocket = "/run/systemd/journal/socket"

// A JournalHandler writes log records to journald with a field for each
// attribute, so that "journalctl HOA=2001:db8::1000" finds all that happened to
// a mobile node. It is a slog.Handler.
type JournalHandler struct {
	conn   *net.UnixConn
	level  slog.Leveler
	fields []byte // of WithAttrs, encoded
	prefix string // of WithGroup
}

// fieldNames are the attributes with a name of their own in the journal; others
// keep theirs in capitals.
var fieldNames = map[string]string{
	"home_address": "HOA",
	"session_id":   "SESSION",
	"message_id":   "MESSAGE_ID",
}

// NewJournalHandler connects to journald at path (JournalSocket on a running
// system).
func NewJournalHandler(path string, level slog.Leveler) (*JournalHandler, error) {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("connecting to the journal: %w", err)
	}
	return &JournalHandler{conn: conn, level: level}, nil
}

// StderrIsJournal reports whether standard error is connected to the journal,
// as systemd says with JOURNAL_STREAM in the environment.
func StderrIsJournal(lookup func(string) (string, bool)) bool {
	stream, ok := lookup("JOURNAL_STREAM")
	if !ok {
		return false
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(os.Stderr.Fd()), &stat); err != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// Enabled reports whether records of this level are written.
func (h *JournalHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle writes one record. A record that journald does not take is an error,
// which slog drops: logging never stops the agent.
func (h *JournalHandler) Handle(_ context.Context, record slog.Record) error {
	text := record.Message
	fields := append([]byte(nil), h.fields...)
	record.Attrs(func(a slog.Attr) bool {
		fields = appendAttr(fields, h.prefix, a)
		text = appendText(text, a)
		return true
	})
	fields = appendField(fields, "MESSAGE", text)
	fields = appendField(fields, "PRIORITY", priority(record.Level))
	fields = appendField(fields, "SYSLOG_IDENTIFIER", "homeagentd")
	if _, err := h.conn.Write(fields); err != nil {
		return fmt.Errorf("writing to the journal: %w", err)
	}
	return nil
}

// WithAttrs returns a handler that adds the attributes to each record.
func (h *JournalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.fields = append([]byte(nil), h.fields...)
	for _, a := range attrs {
		next.fields = appendAttr(next.fields, h.prefix, a)
	}
	return &next
}

// WithGroup returns a handler whose attributes' names begin with the group's.
func (h *JournalHandler) WithGroup(name string) slog.Handler {
	next := *h
	next.prefix = h.prefix + name + "_"
	return &next
}

// priority is the syslog priority of a level.
func priority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "3"
	case level >= slog.LevelWarn:
		return "4"
	case level >= slog.LevelInfo:
		return "6"
	default:
		return "7"
	}
}

// appendText shows an attribute behind the message, for readers of plain
// journalctl.
func appendText(text string, a slog.Attr) string {
	if a.Key == "message_id" {
		return text
	}
	return text + " " + a.Key + "=" + quoted(a.Value.Resolve().String())
}

// quoted quotes a value that would read as several.
func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " =\"\n\t") {
		return fmt.Sprintf("%q", s)
	}
	return s
}

func appendAttr(b []byte, prefix string, a slog.Attr) []byte {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		for _, member := range value.Group() {
			b = appendAttr(b, prefix+a.Key+"_", member)
		}
		return b
	}
	return appendField(b, fieldName(prefix+a.Key), value.String())
}

// fieldName makes a name that journald takes: capitals, digits and underscores,
// not beginning with an underscore or a digit.
func fieldName(key string) string {
	if name, ok := fieldNames[key]; ok {
		return name
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		default:
			return '_'
		}
	}, key)
	return strings.TrimLeft(name, "_0123456789")
}

// appendField encodes a field: NAME=value, or for a value of several lines the
// name, its length as 64 bits little endian, and the value. Values come from
// the network, and a line break in one must not begin another field.
func appendField(b []byte, name, value string) []byte {
	if name == "" {
		return b
	}
	b = append(b, name...)
	if !strings.Contains(value, "\n") {
		b = append(b, '=')
		b = append(b, value...)
		return append(b, '\n')
	}
	b = append(b, '\n')
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	b = append(b, value...)
	return append(b, '\n')
}
