package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseCounters reads the text of /proc/net/xfrm_stat: a name and a number per
// line.
func ParseCounters(text []byte) (map[string]uint64, error) {
	counters := make(map[string]uint64)
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) != 2 {
			return nil, fmt.Errorf("reading the counter %q: expected a name and a number", line)
		}
		n, err := strconv.ParseUint(words[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading the counter %s: %w", words[0], err)
		}
		counters[words[0]] = n
	}
	return counters, nil
}
