package ike_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/ike"
)

// Whoever wants to know hears of charon's coming and going, and of the reason; at
// the daemon's own end there is nobody to be told.
func TestLinkIsReported(t *testing.T) {
	t.Parallel()
	var heard []string
	cfg := ike.Config{OnLink: func(err error) {
		if err == nil {
			heard = append(heard, "up")
		} else {
			heard = append(heard, "down: "+err.Error())
		}
	}}
	run(t, cfg, func(r *rig) {
		synctest.Wait()
		r.charon.Stop()
		time.Sleep(10 * time.Second)
		r.charon.Start()
		time.Sleep(10 * time.Second)
	})
	if len(heard) != 3 || heard[0] != "up" || !strings.HasPrefix(heard[1], "down: ") || heard[2] != "up" {
		t.Errorf("heard %q, want up, down with a reason, up", heard)
	}
}
