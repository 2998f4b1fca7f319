package config

import (
	"fmt"
	"strings"
)

// A Problem is one thing wrong with a configuration.
type Problem struct {
	At   Position
	Key  string // empty where it is not about one key
	Text string // what is wrong, what is expected, what to do
}

// Error is FILE:LINE: KEY: TEXT.
func (p Problem) Error() string {
	if p.Key == "" {
		return fmt.Sprintf("%s: %s", p.At, p.Text)
	}
	return fmt.Sprintf("%s: %s: %s", p.At, p.Key, p.Text)
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
