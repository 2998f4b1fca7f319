// Package instance makes sure that there is one home agent in a network
// namespace. Two would undo each other's policies in the kernel and unload each
// other's keys and connections from strongSwan.
//
// The lock is one on a file (F_OFD_SETLK), which only who could be a home agent may
// open: the kernel gives it back when its process ends, however that does. The file
// is named after the network namespace and holds the process id. It is in
// [SystemFolder], or, for those who have no rights to that, in the folder that they
// name.
//
// Exported: [Take], [Lock] and [Holder]. It must not know what a home agent is.
package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SystemFolder is where a home agent that is run by systemd keeps what goes away
// with it.
const SystemFolder = "/run/homeagent"

// ErrTaken says that a home agent runs already.
var ErrTaken = errors.New("another home agent runs in this network namespace")

// errReplaced says that a file was removed while it was being locked.
var errReplaced = errors.New("the file was removed meanwhile")

// A Lock is held until Release, or until the process ends.
type Lock struct {
	file   *os.File
	folder string // which we made, empty if it was there
}

// Take takes the lock of the calling thread's network namespace. The folder is used
// where [SystemFolder] can be neither made nor written to. The error wraps [ErrTaken]
// and names the process that has it.
func Take(folder string) (*Lock, error) {
	name, err := fileName()
	if err != nil {
		return nil, err
	}
	made, err := makeFolder(SystemFolder)
	if err != nil {
		return nil, err
	}
	lock, err := take(filepath.Join(SystemFolder, name))
	if folder != "" && cannotWrite(SystemFolder, name, err) {
		lock, err = take(filepath.Join(folder, name))
	}
	if err != nil {
		return nil, err
	}
	if made {
		lock.folder = SystemFolder
	}
	return lock, nil
}

// makeFolder makes one if there is none and we may.
func makeFolder(folder string) (made bool, err error) {
	err = os.Mkdir(folder, 0o755)
	if err == nil {
		return true, nil
	}
	for _, known := range []error{fs.ErrExist, fs.ErrNotExist, fs.ErrPermission, unix.EROFS} {
		if errors.Is(err, known) {
			return false, nil // taking the lock will show what that means
		}
	}
	return false, fmt.Errorf("making the folder for the lock: %w", err)
}

// cannotWrite reports whether there is no lock in a folder as that is not ours. A
// file in it that is not ours is one of another home agent.
func cannotWrite(folder, name string, err error) bool {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EROFS) {
		return true
	}
	if !errors.Is(err, fs.ErrPermission) {
		return false
	}
	_, statErr := os.Stat(filepath.Join(folder, name))
	return statErr != nil
}

// take opens and locks until it has the file that others find.
func take(path string) (*Lock, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("taking the lock of this network namespace: %w", err)
		}
		err = hold(file, path)
		if err == nil {
			return &Lock{file: file}, nil
		}
		file.Close()
		if !errors.Is(err, errReplaced) {
			return nil, err
		}
	}
}

// hold locks a file and writes who we are into it.
func hold(file *os.File, path string) error {
	err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return taken(file)
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", path, err)
	}
	ours, err := file.Stat()
	if err != nil {
		return fmt.Errorf("locking %s: %w", path, err)
	}
	if there, err := os.Lstat(path); err != nil || !os.SameFile(ours, there) {
		return errReplaced
	}
	text := strconv.Itoa(os.Getpid()) + "\n"
	if err := errors.Join(file.Truncate(0), writeAt(file, text)); err != nil {
		return fmt.Errorf("writing the process id to %s: %w", path, err)
	}
	return nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func taken(file *os.File) error {
	if pid := written(file); pid != 0 {
		return fmt.Errorf("%w, as process %d", ErrTaken, pid)
	}
	return ErrTaken
}

// written is the process id in a file, 0 while there is none.
func written(file *os.File) int {
	text := make([]byte, 32)
	n, _ := file.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		return 0
	}
	return pid
}

// Release gives the lock back, and removes its file and the folder that was made for
// it.
func (l *Lock) Release() error {
	err := errors.Join(os.Remove(l.file.Name()), l.file.Close())
	if l.folder != "" {
		_ = os.Remove(l.folder) // somebody else may have use for it by now
	}
	return err
}

// Holder is the process that has the lock, 0 if there is none. The folder is that
// of [Take]. The error wraps fs.ErrPermission for those who may not know.
func Holder(folder string) (pid int, err error) {
	name, err := fileName()
	if err != nil {
		return 0, err
	}
	pid, err = holder(filepath.Join(SystemFolder, name))
	if pid == 0 && folder != "" {
		var other error
		pid, other = holder(filepath.Join(folder, name))
		err = errors.Join(err, other)
	}
	if pid != 0 {
		return pid, nil
	}
	return 0, err
}

func holder(path string) (pid int, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("asking who has the lock: %w", err)
	}
	defer file.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("asking who has the lock %s: %w", path, err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return written(file), nil
}

// fileName is one for each network namespace, of which the cookie is never used
// again.
func fileName() (string, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("asking for the network namespace: %w", err)
	}
	defer unix.Close(fd)
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return "", fmt.Errorf("asking for the network namespace: %w", err)
	}
	return fmt.Sprintf("network-%d.lock", cookie), nil
}
