package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Clock tells the processor time of processes. For others than this one it
// trusts that their threads live on, as those of a daemon do.
type Clock struct{ pids []int }

// NewClock returns a clock for the processes together.
func NewClock(pids ...int) Clock { return Clock{pids} }

// Now is the processor time used so far.
func (c Clock) Now() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range c.pids {
		read := threadsTime
		if pid == os.Getpid() {
			read = ownTime
		}
		used, err := read(pid)
		if err != nil {
			return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
		}
		sum += used
	}
	return sum, nil
}

// ownTime is this process's, with that of threads that have ended.
func ownTime(int) (time.Duration, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// threadsTime is that of all threads a process has now.
func threadsTime(pid int) (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		return 0, errors.New("it has no threads (has it ended?)")
	}
	for _, path := range threads {
		used, err := threadTime(path)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// threadTime reads the first number of a thread's schedstat, which are
// nanoseconds on a processor. A thread that has ended meanwhile counts nothing.
func threadTime(path string) (time.Duration, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s holds %q (must begin with a number)", path, text)
	}
	return time.Duration(ns), nil
}

// Used is the processor time used while fn ran.
func (c Clock) Used(fn func() error) (time.Duration, error) {
	before, err := c.Now()
	if err != nil {
		return 0, err
	}
	if err := fn(); err != nil {
		return 0, err
	}
	after, err := c.Now()
	return after - before, err
}
