package ike_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// badProposals have one of each kind that charon does not know.
var badProposals = ike.Proposals{
	IKE: []string{"aes128-sha256-x25519", "aes128-" + vicitest.Unknown + "-x25519"},
	ESP: []string{vicitest.Unknown, "aes128gcm16"},
}

var badOnes = []ike.Refusal{{Proposal: "aes128-rot13-x25519"}, {ESP: true, Proposal: "rot13"}}

// Each proposal is tried by itself, and what it was tried with is gone afterwards.
func TestRefusedProposals(t *testing.T) {
	t.Parallel()
	charon := vicitest.New()
	charon.LoadAll(nil, []string{"x"})
	socket := listen(t, charon)
	refused, err := ike.RefusedProposals(t.Context(), socket, badProposals)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(badOnes, refused); diff != "" {
		t.Errorf("unexpected refusals (-want +got):\n%s", diff)
	}
	if got := charon.Conns(); !slices.Equal(got, []string{"x"}) {
		t.Errorf("charon holds %q, want x only", got)
	}
	if refused, err := ike.RefusedProposals(t.Context(), socket, ike.Proposals{IKE: badProposals.IKE[:1], ESP: badProposals.ESP[1:]}); refused != nil || err != nil {
		t.Errorf("good ones: %v, %v", refused, err)
	}
}

// Nobody is asked where nothing is proposed; elsewhere it is an error not to be
// answered, or to be answered something else.
func TestProposalsCannotBeTried(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "vici")
	if refused, err := ike.RefusedProposals(t.Context(), nowhere, ike.Proposals{}); refused != nil || err != nil {
		t.Errorf("without proposals: %v, %v", refused, err)
	}
	if _, err := ike.RefusedProposals(t.Context(), nowhere, badProposals); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without charon: %v", err)
	}
	charon := vicitest.New()
	charon.Script(func(c vicitest.Call) vicitest.Action {
		if c.Command == "load-conn" {
			return vicitest.Action{Refuse: "out of memory"}
		}
		return vicitest.Action{}
	})
	if _, err := ike.RefusedProposals(t.Context(), listen(t, charon), badProposals); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("with a charon that takes nothing: %v", err)
	}
}

// Every charon that is reached is asked, and the operator hears of what it refuses.
func TestProposalsAreVetted(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	onRefused := func(all []ike.Refusal) { told.Add(int32(len(all))) }
	run(t, ike.Config{IKEProposals: badProposals.IKE, ESPProposals: badProposals.ESP, OnRefused: onRefused}, func(r *rig) {
		time.Sleep(time.Second)
		if diff := cmp.Diff(badOnes, r.ike.Status().Refused); diff != "" {
			t.Errorf("unexpected refusals (-want +got):\n%s", diff)
		}
		if got := r.charon.Conns(); len(got) != 0 {
			t.Errorf("charon holds %q, want nothing", got)
		}
		if got := told.Load(); got != 2 {
			t.Errorf("told of %d refusals, want 2", got)
		}
	})
}
