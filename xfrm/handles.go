package xfrm

import "net/netip"

// handles numbers the filters. A number stays with its source prefix while
// there is a filter for it, so that the filter can be replaced in place and
// deleted without a search; numbers stay dense, which keeps the kernel's
// table of them small. After a restart they are learnt from the kernel.
type handles struct {
	of   map[netip.Prefix]uint32
	used map[uint32]bool
	free []uint32 // not used, at most last
	last uint32   // all above it that are not used are free
}

func newHandles() handles {
	return handles{of: make(map[netip.Prefix]uint32), used: make(map[uint32]bool)}
}

// learn notes that a filter for source exists. It tells whether that is the
// only one.
func (h *handles) learn(source netip.Prefix, handle uint32) bool {
	h.used[handle] = true
	if _, known := h.of[source]; known {
		return false
	}
	h.of[source] = handle
	return true
}

// take returns the number for source, a new one if it has none.
func (h *handles) take(source netip.Prefix) uint32 {
	if handle, ok := h.of[source]; ok {
		return handle
	}
	handle := h.next()
	h.of[source], h.used[handle] = handle, true
	return handle
}

func (h *handles) next() uint32 {
	if n := len(h.free); n > 0 {
		handle := h.free[n-1]
		h.free = h.free[:n-1]
		return handle
	}
	h.last++
	for h.used[h.last] {
		h.last++
	}
	return h.last
}

// give ends the use of a number; one that is not in use stays so.
func (h *handles) give(source netip.Prefix, handle uint32) {
	if h.of[source] == handle {
		delete(h.of, source)
	}
	if !h.used[handle] {
		return
	}
	delete(h.used, handle)
	if handle <= h.last {
		h.free = append(h.free, handle)
	}
}
