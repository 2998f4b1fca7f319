package testbed

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A Capture writes what passes an interface to a file.
type Capture struct {
	*Process
	Path string // of the file, in pcap format
	host *Host
}

// Capture starts tcpdump on an interface ("any" for all) with an optional filter
// expression; it is capturing when this returns. It sees what the host sees: the
// interface is not made promiscuous, which could mend what it is there to find.
func (h *Host) Capture(ctx context.Context, name, filter string) (*Capture, error) {
	path := h.File(name + ".pcap")
	process, err := h.Start(Program{
		Name: "tcpdump-" + name, Path: "tcpdump",
		Arguments: append([]string{"-i", name, "-p", "-U", "--immediate-mode", "-Z", "root", "-w", path}, strings.Fields(filter)...),
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c := &Capture{Process: process, Path: path, host: h}
	return c, process.Await(ctx, "listening", func() bool {
		return strings.Contains(process.Output(), "listening on")
	})
}

// Decode lets tshark read the capture so far: a line for each packet that passes
// a display filter, with the named fields separated by tabs. It is the lab's
// opinion on the wire format that is not our own.
func (c *Capture) Decode(ctx context.Context, filter string, fields ...string) ([]string, error) {
	output, err := c.host.Run(ctx, "tshark", tsharkArguments(c.Path, filter, fields)...)
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", c.Path, err)
	}
	return strings.FieldsFunc(output, func(r rune) bool { return r == '\n' }), nil
}

func tsharkArguments(path, filter string, fields []string) []string {
	arguments := []string{"-n", "-r", path, "-Y", filter, "-T", "fields"}
	for _, field := range fields {
		arguments = append(arguments, "-e", field)
	}
	return arguments
}
