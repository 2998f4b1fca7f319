package config

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

//go:embed homeagent.toml
var example string

var (
	shown  = regexp.MustCompile(`^(# )?([a-z_]+) = `)
	headed = regexp.MustCompile(`^(# )?\[+([a-z_.]+)\]+$`)
)

// Sample is the configuration as it is installed: with comments that teach, and
// nothing set. Load refuses it and says what must be filled in.
func Sample() string {
	return rewrite(func(key, line string) string {
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			return line
		}
		return "# " + line
	})
}

// Fill is the Sample with options set. Values are by their whole key, as TOML:
// "diameter.identity" is "\"ha.example.com\"". Of sections that can be there
// several times it has one, and none if nothing in it is set.
func Fill(values map[string]string) (string, error) {
	left := maps.Clone(values)
	text := rewrite(func(key, line string) string {
		switch {
		case strings.HasPrefix(line, "[["):
			if !sets(values, key) {
				return "# " + line
			}
			return line
		case !shown.MatchString(line):
			return line
		}
		value, set := left[key]
		delete(left, key)
		if set {
			return key[strings.LastIndex(key, ".")+1:] + " = " + value
		}
		return "# " + strings.TrimPrefix(line, "# ")
	})
	if len(left) > 0 {
		return "", fmt.Errorf("filling in the configuration: there is no option %s", slices.Sorted(maps.Keys(left))[0])
	}
	return text, nil
}

// rewrite gives each line of the example to change, with the whole key that it
// sets or shows, or the name of the section that it begins.
func rewrite(change func(key, line string) string) string {
	var text strings.Builder
	section := ""
	for line := range strings.Lines(example) {
		line = strings.TrimSuffix(line, "\n")
		key := ""
		if m := headed.FindStringSubmatch(line); m != nil {
			section = m[2]
			key = section
		} else if m := shown.FindStringSubmatch(line); m != nil {
			key = section + "." + m[2]
		}
		text.WriteString(change(key, line) + "\n")
	}
	return text.String()
}

// sets reports whether an option of a section is among the values.
func sets(values map[string]string, section string) bool {
	for key := range values {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return false
}
