package xfrm

import (
	"strings"

	"homeagent/xfrm/internal/object"
)

// Change is one thing that was done to the kernel.
type Change struct {
	verb   object.Verb
	object object.Object
}

// String is the command an engineer would have typed to the same effect.
func (c Change) String() string { return c.object.Command(c.verb) }

// Changes lists what was done, in order; empty means that all was right.
type Changes []Change

// String is the commands, one per line.
func (c Changes) String() string {
	var b strings.Builder
	for _, change := range c {
		b.WriteString(change.String() + "\n")
	}
	return b.String()
}
