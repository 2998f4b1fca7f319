package agent

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/events"
	"homeagent/xfrm"
)

// A pickyKernel is in order but for security associations that are keyed by hand.
type pickyKernel struct {
	Kernel
	err error
}

func (*pickyKernel) Repair(context.Context) (xfrm.Changes, error) { return nil, nil }

func (k *pickyKernel) Associate(context.Context, []xfrm.Association) (xfrm.Changes, error) {
	return nil, k.err
}

// Mobile nodes that are keyed by hand have complaints of their own: all others are
// served while these are not, and it is told once when they are and when they are not.
func TestManualKeyingFails(t *testing.T) {
	t.Parallel()
	record := events.New(0, slog.New(slog.DiscardHandler))
	k := &pickyKernel{}
	task := newKernelTask(k, nil, func() []xfrm.Association { return nil }, record)
	for _, step := range []struct {
		err            error
		failed, served uint64
	}{
		{nil, 0, 0}, {errors.New("no 3des"), 1, 0}, {errors.New("no 3des"), 1, 0}, {errors.New("no sha1"), 2, 0}, {nil, 2, 1}, {nil, 2, 1},
	} {
		k.err = step.err
		task.round(t.Context())
		_, err, manualErr := task.status()
		if err != nil || task.healthy() != nil || !errors.Is(manualErr, step.err) {
			t.Errorf("%v: the kernel is not in order: %v; keyed by hand: %v", step.err, err, manualErr)
		}
		counts := record.Counts()
		got := []uint64{counts["manual_keying_failed"], counts["manual_keying_ready"], counts["kernel_failed"]}
		if diff := cmp.Diff([]uint64{step.failed, step.served, 0}, got); diff != "" {
			t.Errorf("%v: events (-want +got):\n%s", step.err, diff)
		}
	}
}
