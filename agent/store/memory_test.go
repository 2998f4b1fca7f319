package store_test

import (
	"testing"

	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Store { return store.NewMemory() })
}
