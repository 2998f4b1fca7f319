package agent

import (
	"context"

	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/xfrm"
)

// mobilityHeader is the Next Header value of the Mobility Header.
const mobilityHeader = 135

// kernelWatch is the task that hears what others do in the kernel.
type kernelWatch struct {
	kernel  Kernel
	drift   func()
	signals *signalling
}

// Ready is closed: nothing waits for this task.
func (w kernelWatch) Ready() <-chan struct{} {
	ready := make(chan struct{})
	close(ready)
	return ready
}

// String names the task.
func (w kernelWatch) String() string { return "kernel watch" }

// Run watches until ctx ends.
func (w kernelWatch) Run(ctx context.Context) error {
	return w.kernel.Watch(ctx, xfrm.Watcher{Drift: w.drift, Rejected: w.rejected})
}

// rejected tells the sender of a packet whose Home Address option agrees with no
// binding (RFC 6275 section 9.3.1).
func (w kernelWatch) rejected(r xfrm.Rejection) {
	status := mobility.ErrorUnknownBinding
	if r.Protocol == mobilityHeader {
		status = mobility.ErrorUnknownType
	}
	w.signals.bindingError(&mobilitysocket.Packet{
		Source: r.CareOf, HomeAddress: r.HomeAddress, Destination: r.HomeAgent,
	}, status)
}
