package main

import (
	_ "embed" // the description of what --json prints
	"fmt"
	"strings"

	"homeagent/packaging/manual"
)

// schemaText describes what each command prints with --json. A test makes it from
// the types: a line with the command's name, then one for each field with its
// place, type and meaning, separated by tabs. What is there may be relied on.
//
//go:embed schema.txt
var schemaText string

// schemaPage is the text as a section of the manual.
func schemaPage(text string) string {
	var b strings.Builder
	b.WriteString(".Sh JSON\nWhat\n.Fl -json\nprints begins with the number of its schema.\n" +
		"That grows when a field changes its meaning or goes away; new fields may come at any time.\n" +
		"A field with a question mark is left out where there is nothing to say; [] stands for the elements of an array and NAME for any name.\n" +
		"Times are those of RFC 3339.\n")
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if place, rest, isField := strings.Cut(line, "\t"); isField {
			kind, meaning, _ := strings.Cut(rest, "\t")
			fmt.Fprintf(&b, ".It Va %s Pq %s\n", manual.Escape(place), manual.Escape(kind))
			b.WriteString(manual.Prose(meaning))
			continue
		}
		if inside {
			b.WriteString(".El\n")
		}
		fmt.Fprintf(&b, ".Ss %s\n.Bl -tag -compact -width Ds\n", manual.Escape(line))
		inside = true
	}
	if inside {
		b.WriteString(".El\n")
	}
	return b.String()
}
