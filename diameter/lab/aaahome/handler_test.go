package aaahome_test

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/lab/aaahome"
	"homeagent/diameter/peer"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	us := diameter.Identity{Host: "aaah.example.com", Realm: "example.com"}
	h := aaahome.Handler{Identity: us, Log: slog.New(slog.DiscardHandler)}
	request := func(command uint32) *diameter.Message {
		return &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: command}}
	}
	broken := request(275)
	broken.Fault = &diameter.Failure{Code: diameter.InvalidAVPLength, Text: "cut"}
	tests := []struct {
		name string
		req  *diameter.Message
		want diameter.ResultCode
	}{
		{"session termination", request(275), diameter.Success},
		{"abort of a session", request(274), diameter.UnableToComply},
		{"malformed", broken, diameter.InvalidAVPLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if f := h.Admit(peer.Info{}, tt.req.Header); f != nil {
				t.Errorf("not admitted: %v", f)
			}
			got := h.Serve(t.Context(), peer.Info{}, tt.req)
			if a, _ := got.Find(268, 0); !cmp.Equal(a, diameter.NewUnsigned32(268, 0, diameter.AVPMandatory, uint32(tt.want))) {
				t.Errorf("got Result-Code %x, want %d", a.Data, tt.want)
			}
		})
	}
}
