// Command gen prints what a package ships and the source says already: the
// configuration as it is installed, its manual page from the table of options,
// and the journal's catalog of messages from the table of events.
//
//	gen homeagent.toml > homeagent.toml
//	gen homeagent.toml.5 > homeagent.toml.5
//	gen homeagentd.8.metrics >> homeagentd.8
//	gen homeagent.catalog > homeagent.catalog
package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"homeagent/agent/config"
	"homeagent/agent/events"
)

func main() {
	if err := run(os.Args[1:], os.LookupEnv, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "gen: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, lookup func(string) (string, bool), out io.Writer) error {
	files := map[string]func() string{
		"homeagent.toml":       config.Sample,
		"homeagent.toml.5":     func() string { return configPage(date(lookup)) },
		"homeagentd.8.metrics": metricsPage,

		"homeagent.catalog": events.Catalog,
	}
	if len(args) != 1 || files[args[0]] == nil {
		return fmt.Errorf("printing %q: there is no such file (expected one of %s)", args, slices.Sorted(maps.Keys(files)))
	}
	_, err := io.WriteString(out, files[args[0]]())
	return err
}

// date is that of the changelog, as packages are built with it, or today.
func date(lookup func(string) (string, bool)) time.Time {
	text, _ := lookup("SOURCE_DATE_EPOCH")
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0).UTC()
	}
	return time.Now()
}
