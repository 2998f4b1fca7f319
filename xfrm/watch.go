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
	// dropped as it does not agree with a binding. The sender is owed a
	// Binding Error of status 1, or 2 if it is a Mobility Header message: the
	// kernel tells of unknown types only (RFC 6275 sections 9.2 and 9.3.1). It
	// limits the rate.
	Rejected func(Rejection)
}

// Rejection is a packet dropped because of its Home Address option.
type Rejection struct {
	HomeAddress netip.Addr // as the option said
	CareOf      netip.Addr // the source of the packet
	HomeAgent   netip.Addr // its destination
	Protocol    uint8      // what follows the option
}

// Watch calls w's functions until ctx ends. It can be called once.
func (k *Kernel) Watch(ctx context.Context, w Watcher) error {
	return k.platform.Watch(ctx, func(e object.Event) {
		switch {
		case e.Kind == object.Rejected:
			w.Rejected(Rejection(e.Rejection))
		case k.drifted(e):
			k.log.Debug("the kernel was changed by others")
			w.Drift()
		}
	})
}

// drifted tells whether an event is about something of ours.
func (k *Kernel) drifted(e object.Event) bool {
	switch e.Kind {
	case object.Missed, object.Flushed, object.AssociationDeleted:
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
