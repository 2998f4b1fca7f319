package xfrm

import (
	"context"
	"net/netip"

	"homeagent/xfrm/internal/object"
)

// Watcher is told of what others do in the kernel. Its functions are called
// from several goroutines, and must not block.
type Watcher struct {
	// Drift is called when something of ours has been changed, or may have
	// been: a hint that Repair has something to do. Not all changes are
	// noticed, so Repair is due from time to time all the same.
	Drift func()

	// Rejected is called for a packet with a Home Address option that was
	// dropped as there is no policy for it, and is no Mobility Header message
	// of a known type. The sender is owed a Binding Error of status 1 (RFC
	// 6275 section 9.3.1). The kernel limits the rate.
	Rejected func(Rejection)
}

// Rejection is a packet dropped because of its Home Address option.
type Rejection struct {
	HomeAddress netip.Addr // as the option said
	CareOf      netip.Addr // the source of the packet
	HomeAgent   netip.Addr // its destination
}

// Watch calls w's functions until ctx ends. It can be called once.
func (k *Kernel) Watch(ctx context.Context, w Watcher) error {
	return k.platform.Watch(ctx, func(e object.Event) {
		switch {
		case e.Kind == object.Rejected:
			w.Rejected(Rejection{e.Rejection.HomeAddress, e.Rejection.CareOf, e.Rejection.HomeAgent})
		case k.drifted(e):
			k.log.Debug("the kernel was changed by others")
			w.Drift()
		}
	})
}

// drifted tells whether an event is about something of ours.
func (k *Kernel) drifted(e object.Event) bool {
	switch e.Kind {
	case object.Missed, object.Flushed:
		return true
	case object.PolicyChanged:
		return PolicyPriorities().Contains(e.Policy.Priority)
	case object.StateDeleted:
		return e.State == wildcardState().Key()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	device := k.tunnel.device
	if device.Index == 0 || e.Device.Index != device.Index {
		return false
	}
	return e.Kind == object.DeviceDeleted || e.Device.Up != device.Up || e.Device.MTU != device.MTU
}
