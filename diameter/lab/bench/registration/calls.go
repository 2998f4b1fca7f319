package registration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"homeagent/diameter/lab/bench"
)

// counted is the round in which system calls are counted: strace slows everything
// down, so nothing else is measured in it.
var counted = load{outstanding, 256}

// calls are system calls by name.
type calls map[string]int

// String tells how many an operation took, and of which kinds most.
func (c calls) String() string {
	each := func(n int) float64 { return float64(n) / float64(counted.count) }
	names := slices.SortedFunc(maps.Keys(c), func(a, b string) int {
		return cmp.Or(cmp.Compare(c[b], c[a]), cmp.Compare(a, b))
	})
	total := 0
	words := make([]string, len(names))
	for i, name := range names {
		total += c[name]
		words[i] = fmt.Sprintf("%.2f %s", each(c[name]), name)
	}
	return fmt.Sprintf("%6.1f: %s", each(total), strings.Join(words[:min(len(words), shownCalls)], ", "))
}

// shownCalls is how many kinds of system calls are shown.
const shownCalls = 8

// count finds what system calls an operation takes of the daemon, and of the bare
// responder, if there is a strace.
func (s *section) count(ctx context.Context) error {
	path, err := exec.LookPath("strace")
	if err != nil {
		s.report.Linef("        (system calls are not counted: there is no strace)")
		return nil
	}
	s.report.Stepf("counting system calls")
	first := s.next
	for p := range partEnd {
		pid := s.rig.daemon.ID()
		if p == bare {
			pid = s.rig.responder.ID()
		}
		t := tracer{program: path, pid: pid, file: filepath.Join(s.cfg.Folder, "calls")}
		s.results.calls[p], err = t.count(ctx, func() error {
			_, err := s.figure(ctx, p, counted, first)
			return err
		})
		if err != nil {
			return fmt.Errorf("counting the system calls of a %v: %w", p, err)
		}
	}
	s.next = first + counted.count
	return nil
}

// A tracer counts the system calls of a process by strace.
type tracer struct {
	program string
	pid     int
	file    string // where strace leaves its summary
}

var errAttach = errors.New("strace did not attach in time")

// count counts while fn runs.
func (t tracer) count(ctx context.Context, fn func() error) (calls, error) {
	words := t.file + ".log"
	log, err := os.Create(words)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, t.program, "-f", "-c", "-U", "name,calls", "-o", t.file, "-p", strconv.Itoa(t.pid))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err = attached(ctx, words)
	if err == nil {
		err = fn()
	}
	// It ends by the signal it was sent, once it has written its summary.
	interrupt := cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	if err := errors.Join(err, interrupt); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(t.file)
	if err != nil {
		return nil, err
	}
	return parseCalls(string(text))
}

// attached waits until strace says that it has attached.
func attached(ctx context.Context, words string) error {
	for range 100 {
		text, err := os.ReadFile(words)
		if err != nil || strings.Contains(string(text), "attached") {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return errAttach
}

// parseCalls reads strace's summary with the columns name and calls.
func parseCalls(text string) (calls, error) {
	c := calls{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 2 || fields[0] == "syscall" || fields[0] == "total" || strings.HasPrefix(fields[0], "-") {
			continue
		}
		n, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("reading strace's summary: %q: %w", line, err)
		}
		c[fields[0]] = n
	}
	return c, nil
}

// showCalls writes what was counted.
func (r *results) showCalls(report *bench.Report) {
	for p := range partEnd {
		if c := r.calls[p]; c != nil {
			report.Linef("system calls of one operation, %d outstanding: %-16s %v", counted.outstanding, p, c)
		}
	}
}
