package xfrm

import "homeagent/xfrm/internal/object"

// difference is what leads from one state to another.
type difference struct {
	put    Changes // additions and replacements
	remove Changes
}

// keyed is an object that the kernel holds at most once per key.
type keyed[K comparable] interface {
	comparable
	object.Object
	Key() K
}

// compare returns what leads from have to want, in the order of the two
// lists, in linear time.
func compare[K comparable, T keyed[K]](want, have []T) difference {
	var d difference
	there := make(map[K]T, len(have))
	for _, o := range have {
		there[o.Key()] = o
	}
	wanted := make(map[K]bool, len(want))
	for _, o := range want {
		wanted[o.Key()] = true
		found, ok := there[o.Key()]
		switch {
		case !ok:
			d.put = append(d.put, Change{object.Add, o})
		case found != o:
			d.put = append(d.put, Change{object.Replace, o})
		}
	}
	for _, o := range have {
		if !wanted[o.Key()] {
			d.remove = append(d.remove, Change{object.Delete, o})
		}
	}
	return d
}
