package kernel

import (
	"errors"
	"fmt"
	"io"
	"os"

	"homeagent/xfrm/internal/wire"
)

// openCounters opens the counters of the calling thread's network namespace. A
// kernel without CONFIG_XFRM_STATISTICS has none.
func (l *Linux) openCounters() error {
	f, err := os.Open("/proc/thread-self/net/xfrm_stat")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the IPsec counters: %w", err)
	}
	l.counters = f
	return nil
}

// maxCounters is far more octets than the counters take.
const maxCounters = 1 << 16

// IPsecCounters reads the kernel's IPsec counters by name, nil if it has none.
func (l *Linux) IPsecCounters() (map[string]uint64, error) {
	if l.counters == nil {
		return nil, nil
	}
	text, err := io.ReadAll(io.NewSectionReader(l.counters, 0, maxCounters))
	if err != nil {
		return nil, fmt.Errorf("reading the IPsec counters: %w", err)
	}
	return wire.ParseCounters(text)
}
