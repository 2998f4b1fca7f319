package ike_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"homeagent/ike"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(cfg *ike.Config)
		want   string
	}{
		{"no logger", func(cfg *ike.Config) { cfg.Log = nil }, "configuring charon: a logger is required"},
		{"no identity", func(cfg *ike.Config) { cfg.Identity = "" }, "configuring charon: the home agent's identity: the user name is empty"},
		{"wildcard", func(cfg *ike.Config) { cfg.Identity = "*.example.com" }, "charon reads as a wildcard"},
		{"window", func(cfg *ike.Config) { cfg.Window = 1 }, "configuring charon: sizing the window of loaded sessions: 1 places (must be 2 to 2000)"},
		{"turns", func(cfg *ike.Config) { cfg.Turn, cfg.FirstTurn = time.Minute, time.Second }, "the first turn not shorter"},
		{"no dead peer detection", func(cfg *ike.Config) { cfg.DPDDelay = -1 }, "configuring charon: DPDDelay is -1ns (must be above 0)"},
		{"poll", func(cfg *ike.Config) { cfg.Poll = -time.Second }, "configuring charon: Poll is -1s (must be above 0)"},
		{"call timeout", func(cfg *ike.Config) { cfg.CallTimeout = -time.Second }, "configuring charon: making a VICI client: call timeout -1s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := ike.Config{Identity: "ha.example.com", Log: slog.New(slog.DiscardHandler)}
			tt.change(&cfg)
			_, err := ike.New(cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestNewDefaults(t *testing.T) {
	t.Parallel()
	c, err := ike.New(ike.Config{Identity: "2001:db8::1", Turn: 5 * time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("got error %v", err)
	}
	if got := c.String(); got != "charon" {
		t.Errorf("the task is called %q", got)
	}
	select {
	case <-c.Ready():
		t.Error("it is ready before it ran")
	default:
	}
}
