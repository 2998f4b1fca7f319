package object

import "net/netip"

// EventKind says what the kernel has told.
type EventKind int

// The kinds of events.
const (
	NoEvent            EventKind = iota
	Missed                       // events were lost
	Flushed                      // all policies or states of a kind are gone
	PolicyChanged                // Event.Policy was added, replaced or deleted; if deleted it has no templates
	StateDeleted                 // Event.State was deleted
	AssociationDeleted           // one of ours was deleted
	DeviceChanged                // Event.Device is so now
	DeviceDeleted                // Event.Device is gone
	Rejected                     // Event.Rejection was dropped
)

// Event is something that happened in the kernel and was not done by us.
type Event struct {
	Kind      EventKind
	Policy    Policy
	State     StateKey
	Device    Tunnel // without its name
	Rejection Rejection
}

// Rejection is a packet that was dropped as it had a Home Address option and
// no policy allows that.
type Rejection struct {
	HomeAddress netip.Addr
	CareOf      netip.Addr
	HomeAgent   netip.Addr
	Protocol    uint8 // of the payload
}
