//go:build kerneltest

package instance_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"homeagent/agent/instance"
)

// inNamespace runs fn in a network namespace of its own.
func inNamespace(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("making a network namespace (as root): %w", err)
			return
		}
		fn()
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestOneInANamespace(t *testing.T) {
	inNamespace(t, func() {
		if pid, err := instance.Holder(); pid != 0 || err != nil {
			t.Errorf("Holder before anybody took it: %d, %v", pid, err)
		}
		lock, err := instance.Take()
		if err != nil {
			t.Error(err)
			return
		}
		if pid, err := instance.Holder(); pid != os.Getpid() || err != nil {
			t.Errorf("Holder: %d, %v, want %d", pid, err, os.Getpid())
		}
		_, err = instance.Take()
		if !errors.Is(err, instance.ErrTaken) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
			t.Errorf("the second Take: %v", err)
		}
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
		again, err := instance.Take()
		if err != nil {
			t.Errorf("Take after Release: %v", err)
			return
		}
		again.Release()
	})
}

func TestHolderOftenAsked(t *testing.T) {
	inNamespace(t, func() {
		lock, err := instance.Take()
		if err != nil {
			t.Error(err)
			return
		}
		defer lock.Release()
		go lock.Answer()
		for range 100 {
			if pid, err := instance.Holder(); pid != os.Getpid() || err != nil {
				t.Errorf("Holder: %d, %v", pid, err)
				return
			}
		}
	})
}
