package config

import (
	"slices"
	"strings"
)

// A Problem is one thing wrong with a configuration.
type Problem struct {
	At   Position
	Key  string // empty where it is not about one key
	Text string // what is wrong, what is expected, what to do
}

// Error is FILE:LINE: KEY: TEXT, without what is not known.
func (p Problem) Error() string {
	parts := []string{p.At.String(), p.Key, p.Text}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), ": ")
}

// Problems are all that is wrong with a configuration, at least one.
type Problems []Problem

// Error is one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}
