// Command gen prints what a package ships and the source says already: the
// manual page of the configuration, from the table of its options.
//
//	gen homeagent.toml.5 > homeagent.toml.5
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.LookupEnv, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "gen: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, lookup func(string) (string, bool), out io.Writer) error {
	if len(args) != 1 || args[0] != "homeagent.toml.5" {
		return fmt.Errorf("printing %q: there is no such file (expected homeagent.toml.5)", args)
	}
	_, err := io.WriteString(out, configPage(date(lookup)))
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
