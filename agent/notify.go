package agent

import (
	"context"
	"time"

	"homeagent/systemd"
)

const (
	// charonPatience is how long the start waits for charon. The agent starts
	// without it, too: it takes what it can and says what it lacks.
	charonPatience = 5 * time.Second
	statusPause    = 10 * time.Second
)

// patient makes a task that may take long to get ready not hold up the start.
type patient struct {
	Task
	most time.Duration
}

// Ready is closed when the task is ready or patience is over.
func (p patient) Ready() <-chan struct{} {
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		select {
		case <-p.Task.Ready():
		case <-time.After(p.most):
		}
	}()
	return ready
}

// notifyTask tells the service manager how things are.
type notifyTask struct {
	notifier systemd.Notifier
	watchdog time.Duration
	agent    *Agent
}

// Ready is closed: nothing waits for this task.
func (n *notifyTask) Ready() <-chan struct{} {
	ready := make(chan struct{})
	close(ready)
	return ready
}

// String names the task.
func (n *notifyTask) String() string { return "service notification" }

// Run says READY once all tasks are ready, keeps the status line right, and
// feeds the watchdog as long as the sessions and the store answer.
func (n *notifyTask) Run(ctx context.Context) error {
	select {
	case <-n.agent.ready:
	case <-ctx.Done():
		return nil
	}
	if err := n.notifier.Ready(n.agent.statusLine(ctx)); err != nil {
		return err
	}
	pause := statusPause
	if n.watchdog > 0 {
		pause = min(pause, n.watchdog/2)
	}
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			n.tick(ctx, pause)
		}
	}
}

// tick reports life only if there is some: a part that hangs keeps it from
// answering, and systemd restarts the daemon. What takes long and proves nothing
// comes after that.
func (n *notifyTask) tick(ctx context.Context, within time.Duration) {
	if n.lives(ctx, within) {
		n.tell(n.notifier.Alive())
		n.tell(n.notifier.Status(n.agent.statusLine(ctx)))
	}
}

// lives finds out whether the parts without which nobody is served answer: none of
// them keeps its lock for long, and the store writes.
func (n *notifyTask) lives(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	n.agent.sessions.Counts()
	n.agent.charon.Status()
	n.agent.registrar.Len()
	err := n.agent.ledger.pulse(ctx)
	if err != nil {
		n.agent.deps.Log.Error("the store does not answer", "error", err)
	}
	return err == nil
}

func (n *notifyTask) tell(err error) {
	if err != nil {
		n.agent.deps.Log.Warn("the service manager was not told", "error", err)
	}
}

// statusLine is the status as one line.
func (a *Agent) statusLine(ctx context.Context) string {
	s := a.Status(ctx)
	return summary(&s)
}
