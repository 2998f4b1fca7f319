package control

import "encoding/json"

// A List is an array in JSON, also where there is nothing in it: programs that
// read it need not know null.
type List[T any] []T

// MarshalJSON is that of a slice, and [] for nil.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// A Tally is an object with counts in JSON, also where nothing was counted.
type Tally map[string]uint64

// MarshalJSON is that of a map, and {} for nil.
func (t Tally) MarshalJSON() ([]byte, error) {
	if t == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]uint64(t))
}
