package main

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"homeagent/agent/control"
)

type bindingsCmd struct {
	Counters bool `help:"Count what became of Binding Updates, instead."`
	JSON     bool `name:"json" help:"Print JSON."`
}

// Run lists all bindings.
func (c *bindingsCmd) Run(e *environment) error {
	var all control.Bindings
	if err := e.client.Get(e, "/v1/bindings", nil, &all); err != nil {
		return err
	}
	switch {
	case c.JSON:
		return printJSON(e.out, all)
	case c.Counters:
		return printCounters(e.out, all.Counters)
	default:
		return printBindings(e.out, all.Bindings)
	}
}

func printBindings(out io.Writer, bindings []control.Binding) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HOME ADDRESS\tCARE-OF ADDRESS\tSTATE\tSEQUENCE\tFLAGS\tEXPIRES\tUSER NAME")
	for _, b := range bindings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", b.HomeAddress, dash(b.CareOf), b.State, b.Sequence, dash(b.Flags), in(b.Expires), dash(printable(b.UserName)))
	}
	return w.Flush()
}

func printCounters(out io.Writer, counters map[string]uint64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, reason := range slices.Sorted(maps.Keys(counters)) {
		fmt.Fprintf(w, "%s\t%d\n", reason, counters[reason])
	}
	return w.Flush()
}

type bindingCmd struct {
	HoA  ipv6 `arg:"" name:"hoa" help:"Home address."`
	JSON bool `name:"json" help:"Print JSON."`
}

// Run shows one binding.
func (c *bindingCmd) Run(e *environment) error {
	var b control.OneBinding
	if err := e.client.Get(e, "/v1/binding", url.Values{"home_address": {c.HoA.String()}}, &b); err != nil {
		return pointTo("homeagentctl bindings", err)
	}
	if c.JSON {
		return printJSON(e.out, b)
	}
	return printBinding(e.out, b.Binding)
}

func printBinding(out io.Writer, b control.Binding) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	networks := make([]string, len(b.Networks))
	for i, p := range b.Networks {
		networks[i] = p.String()
	}
	for _, line := range [][2]string{
		{"home address", b.HomeAddress.String()},
		{"user name", b.UserName},
		{"from", map[string]string{"aaa": "an AAA server", "configuration": "the configuration of this home agent"}[b.Source]},
		{"care-of address", b.CareOf},
		{"home agent address", b.HomeAgent},
		{"state", b.State},
		{"sequence", fmt.Sprint(b.Sequence)},
		{"flags", b.Flags},
		{"lifetime", span(time.Duration(b.Lifetime) * time.Second)},
		{"registered", pointOr("", b.Registered)},
		{"expires", pointOr("", b.Expires)},
		{"under ESP", b.UnderESP},
		{"mobile networks", strings.Join(networks, ", ")},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", line[0], printable(line[1]))
		}
	}
	return w.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
