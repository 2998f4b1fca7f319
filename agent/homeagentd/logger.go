package main

import (
	"fmt"
	"log/slog"
	"os"

	"homeagent/systemd"
)

// newLogger logs to the journal with fields where standard error is the
// journal, and as text elsewhere. setLevel changes what is logged from then on.
func newLogger(name string) (log *slog.Logger, setLevel func(name string) error, err error) {
	level := new(slog.LevelVar)
	setLevel = func(name string) error {
		if err := level.UnmarshalText([]byte(name)); err != nil {
			return fmt.Errorf("setting log.level: %w", err)
		}
		return nil
	}
	if err := setLevel(name); err != nil {
		return nil, nil, err
	}
	if systemd.StderrIsJournal(os.LookupEnv) {
		handler, err := systemd.NewJournalHandler(systemd.JournalSocket, level)
		if err != nil {
			return nil, nil, err
		}
		return slog.New(handler), setLevel, nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: forPeople})), setLevel, nil
}

// forPeople leaves out what only the journal makes use of.
func forPeople(_ []string, a slog.Attr) slog.Attr {
	if a.Key == "message_id" {
		return slog.Attr{}
	}
	return a
}
