package manual

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
)

// Flags are two hidden flags, with which the package's build asks a command for
// its manual page and its completion. The variable "section" (kong.Vars) is the
// section of the manual, 1 if it is not set, and "more" what follows the commands
// in the page, in mdoc(7); the page is dated by SOURCE_DATE_EPOCH of the
// environment.
type Flags struct {
	Manual     manualFlag     `hidden:"" help:"Print the manual page, in mdoc(7)."`
	Completion completionFlag `hidden:"" help:"Print the completion for bash."`
}

type manualFlag bool

// BeforeReset prints the page and exits, before the command line is judged.
func (manualFlag) BeforeReset(app *kong.Kong, vars kong.Vars) error {
	section := vars["section"]
	if section == "" {
		section = "1"
	}
	fmt.Fprint(app.Stdout, Page(app.Model, section, date(os.LookupEnv))+vars["more"])
	app.Exit(0)
	return nil
}

type completionFlag bool

// BeforeReset prints the completion and exits, before the command line is
// judged.
func (completionFlag) BeforeReset(app *kong.Kong) error {
	fmt.Fprint(app.Stdout, Completion(app.Model))
	app.Exit(0)
	return nil
}

// date is that of SOURCE_DATE_EPOCH, so that building again gives the same page,
// and today without it.
func date(lookup func(string) (string, bool)) time.Time {
	text, _ := lookup("SOURCE_DATE_EPOCH")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Now()
	}
	return time.Unix(seconds, 0).UTC()
}
