//go:build kerneltest

package instance_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

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

// Whoever has the lock is found, in the system's folder as in another one.
func TestOneInANamespace(t *testing.T) {
	inNamespace(t, func() {
		if pid, err := instance.Holder(""); pid != 0 || err != nil {
			t.Errorf("Holder before anybody took it: %d, %v", pid, err)
		}
		lock, err := instance.Take("")
		if err != nil {
			t.Error(err)
			return
		}
		if pid, err := instance.Holder(t.TempDir()); pid != os.Getpid() || err != nil {
			t.Errorf("Holder: %d, %v, want %d", pid, err, os.Getpid())
		}
		_, err = instance.Take(t.TempDir())
		if !errors.Is(err, instance.ErrTaken) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
			t.Errorf("the second Take: %v", err)
		}
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(instance.SystemFolder); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder that was made for the lock: %v", err)
		}
		again, err := instance.Take("")
		if err != nil {
			t.Errorf("Take after Release: %v", err)
			return
		}
		again.Release()
	})
}

// Home agents in other network namespaces are not in the way.
func TestOneInEachNamespace(t *testing.T) {
	inNamespace(t, func() {
		lock, err := instance.Take("")
		if err != nil {
			t.Error(err)
			return
		}
		defer lock.Release()
		inNamespace(t, func() {
			if pid, err := instance.Holder(""); pid != 0 || err != nil {
				t.Errorf("Holder in another namespace: %d, %v", pid, err)
			}
			other, err := instance.Take("")
			if err != nil {
				t.Error(err)
				return
			}
			other.Release()
		})
	})
}

// asHolder in the environment makes this test binary take the lock and wait for its
// death.
const asHolder = "INSTANCE_TEST_AS_HOLDER"

func TestMain(m *testing.M) {
	if os.Getenv(asHolder) == "" {
		os.Exit(m.Run())
	}
	lock, err := instance.Take("")
	fmt.Println("taken", err)
	time.Sleep(time.Hour)
	runtime.KeepAlive(lock)
}

// A process that was killed has nothing any more, though its file is there.
func TestKilledHolder(t *testing.T) {
	inNamespace(t, func() {
		holder := exec.Command("/proc/self/exe")
		holder.Env = append(os.Environ(), asHolder+"=1")
		out, err := holder.StdoutPipe()
		if err := errors.Join(err, holder.Start()); err != nil {
			t.Error(err)
			return
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if pid, holderErr := instance.Holder(""); line != "taken <nil>\n" || pid != holder.Process.Pid || errors.Join(err, holderErr) != nil {
			t.Errorf("the holder says %q, %v; Holder: %d, %v", line, err, pid, holderErr)
		}
		if _, err := instance.Take(""); !errors.Is(err, instance.ErrTaken) {
			t.Errorf("Take beside it: %v", err)
		}
		err = holder.Process.Kill()
		_, waitErr := holder.Process.Wait()
		if err := errors.Join(err, waitErr); err != nil {
			t.Error(err)
		}
		if pid, err := instance.Holder(""); pid != 0 || err != nil {
			t.Errorf("Holder after its death: %d, %v", pid, err)
		}
		lock, err := instance.Take("")
		if err != nil {
			t.Error(err)
			return
		}
		lock.Release()
	})
}

// Nobody else can hold the lock, or see who does; and without rights to the system's
// folder another one does.
func TestStrangersToTheLock(t *testing.T) {
	folder, err := os.MkdirTemp("", "instance") // t.TempDir's is closed to others
	if err := errors.Join(err, os.Chmod(folder, 0o777)); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.MkdirAll(instance.SystemFolder, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(instance.SystemFolder)
	inNamespace(t, func() {
		stranger(t)
		lock, err := instance.Take(folder)
		if err != nil {
			t.Error(err)
			return
		}
		defer lock.Release()
		if pid, err := instance.Holder(folder); pid != os.Getpid() || err != nil {
			t.Errorf("Holder: %d, %v", pid, err)
		}
		if _, err := instance.Take(""); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Take without another folder: %v", err)
		}
	})
	inNamespace(t, func() {
		lock, err := instance.Take("")
		if err != nil {
			t.Error(err)
			return
		}
		stranger(t)
		if _, err := instance.Take(folder); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a stranger's Take: %v", err)
		}
		if pid, err := instance.Holder(""); pid != 0 || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a stranger's Holder: %d, %v", pid, err)
		}
		runtime.KeepAlive(lock)
	})
}

// stranger makes the calling thread one of the user nobody, without rights.
func stranger(t *testing.T) {
	for _, id := range []uintptr{unix.SYS_SETRESGID, unix.SYS_SETRESUID} {
		if _, _, errno := unix.RawSyscall(id, 65534, 65534, 65534); errno != 0 {
			t.Errorf("giving up rights: %v", errno)
		}
	}
}
