package registration

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// kernelMemory is what the kernel has taken for itself, in octets: small objects,
// per-processor memory and large tables. What it would give back if asked is asked
// for first.
func kernelMemory() (int, error) {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0); err != nil {
		return 0, fmt.Errorf("making the kernel give back what it can: %w", err)
	}
	// What was freed lately waits for a grace period of the kernel's.
	time.Sleep(time.Second)
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return sumOf(string(text), "Slab:", "Percpu:", "VmallocUsed:")
}

var errAbsent = errors.New("it is not there")

// sumOf adds up lines of /proc/meminfo, in octets.
func sumOf(text string, names ...string) (sum int, err error) {
	for _, name := range names {
		_, rest, found := strings.Cut("\n"+text, "\n"+name)
		fields := strings.Fields(rest)
		if !found || len(fields) == 0 {
			return 0, fmt.Errorf("reading %s of /proc/meminfo: %w", name, errAbsent)
		}
		kilo, err := strconv.Atoi(fields[0])
		if err != nil {
			return 0, fmt.Errorf("reading %s of /proc/meminfo: %w", name, err)
		}
		sum += kilo << 10
	}
	return sum, nil
}

// residentMemory is that of a process, in octets.
func residentMemory(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return sumOf(string(text), "VmRSS:")
}
