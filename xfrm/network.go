package xfrm

import (
	"errors"
	"fmt"
	"net/netip"

	"homeagent/xfrm/internal/object"
)

// ErrNetwork is in the errors of Bind that are about a mobile network prefix and not
// about the home address: the mobile router is told so (RFC 3963 section 6.2).
var ErrNetwork = errors.New("a mobile network prefix cannot be forwarded")

// about marks an error in putting o, if o is for a network. What is for a home
// address is for that alone.
func about(o object.Object, err error) error {
	if p := servedBy(o); p.IsValid() && !p.IsSingleIP() {
		return fmt.Errorf("%w: %w", ErrNetwork, err)
	}
	return err
}

// servedBy is the prefix that an object of a binding is for, the zero Prefix if it
// is not for packets to or from one.
func servedBy(o object.Object) netip.Prefix {
	switch o := o.(type) {
	case object.Route:
		return o.Dst
	case object.Filter:
		return o.Source
	case object.Policy:
		if o.Direction == object.Out {
			return o.Dst
		}
		return o.Src
	default:
		return netip.Prefix{}
	}
}
