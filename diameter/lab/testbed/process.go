package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// stopTime is how long a program may take to end once it was asked to.
const stopTime = 10 * time.Second

// A Program says what to run on a host.
type Program struct {
	Name        string   // for messages and the log's name
	Path        string   // the executable, looked up in PATH if it holds no slash
	Arguments   []string // without the program's name
	Environment []string // "NAME=value", in addition to ours
}

// A Process is a program running on a host. What it prints goes to its log.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // why it ended; to be read once done is closed
}

// Start runs a program until it ends, Stop or Kill is called, or the bed closes.
func (h *Host) Start(program Program) (*Process, error) {
	p := &Process{
		name: program.Name + " on " + h.name,
		log:  h.File(program.Name + ".log"),
		cmd:  exec.Command(program.Path, program.Arguments...),
		done: make(chan struct{}),
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	defer log.Close()
	p.cmd.Env = append(os.Environ(), program.Environment...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A group of its own, so that what it starts ends with it, and so that an
	// interrupt at the terminal reaches it through us.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := h.Do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	h.running = append(h.running, p)
	go p.wait()
	return p, nil
}

// Run runs a program on the host to its end and returns its standard output; the
// error holds what it wrote to standard error.
func (h *Host) Run(ctx context.Context, path string, arguments ...string) (string, error) {
	var output, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Stdout, cmd.Stderr = &output, &complaint
	err := h.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return output.String(), fmt.Errorf("running %s on %s: %w: %s", path, h.name, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return output.String(), nil
}

// String returns the program's name and its host's.
func (p *Process) String() string { return p.name }

// ID returns the process id, which is also that of its process group.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Output returns all that the process, and those of this name before it, printed
// so far.
func (p *Process) Output() string {
	output, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(output)
}

// Stop asks the process to end and waits until it has; one that does not is
// killed, which is an error. A process that has ended already is fine.
func (p *Process) Stop() error {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		p.signal(syscall.SIGKILL) // what it left behind
		return nil
	case <-time.After(stopTime):
		p.Kill()
		return fmt.Errorf("stopping %s: killed, for it did not end within %v", p.name, stopTime)
	}
}

// Kill ends the process without notice, as a crash would.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Await waits until a condition holds; it asks often. The error tells what the
// process printed, should it end first.
func (p *Process) Await(ctx context.Context, what string, holds func() bool) error {
	for !holds() {
		select {
		case <-p.done:
			if holds() { // of its last words
				return nil
			}
			return fmt.Errorf("waiting for %s to be %s: ended: %w:\n%s", p.name, what, p.Err(), p.Output())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be %s: %w:\n%s", p.name, what, ctx.Err(), p.Output())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// Err tells how an ended process ended: nil stands for exit status 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

func (p *Process) wait() {
	p.err = p.cmd.Wait()
	close(p.done)
}

func (p *Process) signal(signal syscall.Signal) {
	// No such process is what we want in the end.
	if err := syscall.Kill(-p.ID(), signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.cmd.Process.Signal(signal)
	}
}
