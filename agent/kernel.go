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
	events  *events.Recorder
	ready   chan struct{}
	kick    chan struct{}

	mu      sync.Mutex
	rounds  int
	repairs uint64
	err     error
}

func newKernelTask(kernel Kernel, desired func() xfrm.Desired, record *events.Recorder) *kernelTask {
	return &kernelTask{kernel: kernel, desired: desired, events: record, ready: make(chan struct{}), kick: make(chan struct{}, 1)}
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

func (k *kernelTask) status() (inSync bool, repairs uint64, err error) {
	err = k.healthy()
	k.mu.Lock()
	defer k.mu.Unlock()
	return err == nil, k.repairs, err
}
