package agent_test

import (
	"os"
	"testing"
	"time"
)

// TestMain puts the tests into a zone of their own, so that times which should be
// UTC show if they are not.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("lab", 5400)
	os.Exit(m.Run())
}
