package config

import (
	"fmt"
	"strings"
)

// nearest suggests the option that was probably meant: one spelled almost like
// it, or of the same name in another section.
func (b *builder) nearest(key string) string {
	best, least := "", 4
	for known := range b.options {
		d := distance(key, known)
		if strings.HasSuffix(known, "."+key[strings.LastIndex(key, ".")+1:]) {
			d = min(d, 3)
		}
		if d < least || d == least && best != "" && known < best {
			best, least = known, d
		}
	}
	if best == "" {
		return " (homeagent.toml(5) lists all)"
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// nearestSection suggests the section that was probably meant.
func (b *builder) nearestSection(name string) string {
	best, least := "", 4
	for _, o := range b.options {
		section := o.section()
		if d := distance(name, section); d < least || d == least && best != "" && section < best {
			best, least = section, d
		}
	}
	if best == "" {
		return " (homeagent.toml(5) lists all)"
	}
	if b.arrays[best] != nil {
		best = "[" + best + "]"
	}
	return fmt.Sprintf(" (did you mean [%s]?)", best)
}

// distance is the number of letters to add, drop or change to make a of b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
