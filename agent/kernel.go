package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"homeagent/agent/events"
	"homeagent/xfrm"
)

// kernelPause lies between two comparisons of wanted and actual kernel state;
// after a failure the next one comes sooner.
const (
	kernelPause      = 30 * time.Second
	kernelRetryPause = time.Second
)

// A Kernel holds the state that a home agent needs in the kernel; xfrm.Kernel
// is the real one.
type Kernel interface {
	// Set makes the kernel hold what is desired and nothing more of ours.
	Set(ctx context.Context, desired xfrm.Desired) (xfrm.Changes, error)
	// Repair does it again with what was desired last, Bind and Unbind included.
	Repair(ctx context.Context) (xfrm.Changes, error)
	// Bind and Unbind change the binding of one home address.
	Bind(ctx context.Context, b xfrm.Binding) error
	Unbind(ctx context.Context, home netip.Addr) error
	// Associate makes the kernel hold these security associations that are keyed by
	// hand, and no others of ours.
	Associate(ctx context.Context, want []xfrm.Association) (xfrm.Changes, error)
	// Protect changes which packets of a binding must be under ESP.
	Protect(ctx context.Context, home netip.Addr, p xfrm.Protection) error
	// Migrate tells strongSwan that a mobile node's IKE peer has moved.
	Migrate(ctx context.Context, m xfrm.Migration) error
	// Counters counts what the kernel has dropped.
	Counters() (xfrm.Counters, error)
	// Watch tells what others do in the kernel.
	Watch(ctx context.Context, w xfrm.Watcher) error
}

// kernelTask keeps the kernel as it should be.
type kernelTask struct {
	kernel  Kernel
	desired func() xfrm.Desired
	// associations are those that are keyed by hand.
	associations func() []xfrm.Association
	associating  sync.Mutex // held by associate
	events       *events.Recorder
	ready        chan struct{}
	kick         chan struct{}

	mu      sync.Mutex
	rounds  int
	repairs uint64
	err     error
	// manualErr is why security associations that are keyed by hand are not as they
	// should be. Mobile nodes that use IKE are served all the same.
	manualErr error
}

func newKernelTask(kernel Kernel, desired func() xfrm.Desired, associations func() []xfrm.Association, record *events.Recorder) *kernelTask {
	return &kernelTask{kernel: kernel, desired: desired, associations: associations, events: record, ready: make(chan struct{}), kick: make(chan struct{}, 1)}
}

// Ready is closed when the kernel was first found or made right.
func (k *kernelTask) Ready() <-chan struct{} { return k.ready }

// String names the task.
func (k *kernelTask) String() string { return "kernel reconciliation" }

// Run compares and repairs until ctx ends. It leaves the kernel as it is:
// packets flow while the daemon restarts.
func (k *kernelTask) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.kick:
			// A burst of changes is worth one comparison.
			if time.Until(due) > kernelRetryPause {
				due = time.Now().Add(kernelRetryPause)
			}
		case <-timer.C:
			due = time.Now().Add(k.round(ctx))
		}
		timer.Reset(time.Until(due))
	}
}

// look brings the next comparison forward.
func (k *kernelTask) look() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

// round makes one comparison and returns the pause until the next.
func (k *kernelTask) round(ctx context.Context) time.Duration {
	changes, err := k.compare(ctx)
	changes = append(changes, k.associate(ctx)...)
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.err
	k.err = err
	if err != nil {
		if before == nil || before.Error() != err.Error() {
			k.events.Record(events.Event{Kind: events.KernelFailed, Detail: err.Error()})
		}
		return kernelRetryPause
	}
	k.rounds++
	if k.rounds == 1 {
		close(k.ready)
	} else if len(changes) > 0 {
		k.repairs += uint64(len(changes))
		k.events.Record(events.Event{Kind: events.KernelRepaired, Detail: fmt.Sprintf("%d changes, first: %s", len(changes), changes[0])})
	}
	if k.rounds == 1 || before != nil {
		k.events.Record(events.Event{Kind: events.KernelReady})
	}
	return kernelPause
}

// associate has the kernel hold the security associations that are keyed by hand, and
// returns what that took.
func (k *kernelTask) associate(ctx context.Context) xfrm.Changes {
	k.associating.Lock() // so that the last one to look decides
	defer k.associating.Unlock()
	changes, err := k.kernel.Associate(ctx, k.associations())
	if ctx.Err() != nil {
		return changes
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.manualErr
	k.manualErr = err
	switch {
	case err == nil && before != nil:
		k.events.Record(events.Event{Kind: events.ManualKeyingReady})
	case err != nil && (before == nil || before.Error() != err.Error()):
		k.events.Record(events.Event{Kind: events.ManualKeyingFailed, Detail: err.Error()})
	}
	return changes
}

// compare sets everything at first. From then on Bind and Unbind may be at work,
// and only the kernel package knows what they have come to.
func (k *kernelTask) compare(ctx context.Context) (xfrm.Changes, error) {
	changes, err := k.kernel.Repair(ctx)
	if errors.Is(err, xfrm.ErrNotSet) {
		return k.kernel.Set(ctx, k.desired())
	}
	return changes, err
}

// healthy returns nil if the last comparison ended with the kernel as it
// should be.
func (k *kernelTask) healthy() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil && k.rounds == 0 {
		return errKernelNotSet
	}
	return k.err
}

// status tells of all mobile nodes, and of those that are keyed by hand.
func (k *kernelTask) status() (repairs uint64, err, manualErr error) {
	err = k.healthy()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.repairs, err, k.manualErr
}
