// Package strongswanconf reads strongSwan's own settings, strongswan.conf(5) and
// what it includes, as far as it takes to look one up.
//
// It knows the language: sections in braces, "key = value", comments, quotes,
// include with patterns. References between sections are not followed. It must
// not know what the settings mean. Exported: [Load] and [Settings].
package strongswanconf

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// depth bounds includes within includes, as strongSwan does.
const depth = 10

// Settings are values by their keys, sections before them: "charon.plugins.vici.socket".
type Settings struct {
	values map[string]string
	// Files are those that were read, in their order.
	Files []string
}

// Load reads a file of a file system and what it includes. Names of files have no
// slash at their beginning, as package fs has it.
func Load(files fs.FS, name string) (Settings, error) {
	s := Settings{values: map[string]string{}}
	if err := s.file(files, name, "", 0); err != nil {
		return s, fmt.Errorf("reading strongSwan's settings: %w", err)
	}
	return s, nil
}

// Get looks a key up in one section after the other, as a daemon looks into its
// own and then into that of charon.
func (s Settings) Get(key string, sections ...string) (value string, found bool) {
	for _, section := range sections {
		if value, found := s.values[section+"."+key]; found {
			return value, true
		}
	}
	return "", false
}

// Keys lists what is set, sorted.
func (s Settings) Keys() []string { return slices.Sorted(maps.Keys(s.values)) }

// Bool reads a value as strongSwan does, and other where it is no truth value.
func Bool(value string, other bool) bool {
	switch strings.ToLower(value) {
	case "1", "yes", "true", "enabled":
		return true
	case "0", "no", "false", "disabled":
		return false
	default:
		return other
	}
}

func (s *Settings) file(files fs.FS, name, section string, level int) error {
	if level > depth {
		return fmt.Errorf("/%s: files include each other", name)
	}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	s.Files = append(s.Files, name)
	include := func(pattern, section string) error { return s.include(files, name, pattern, section, level) }
	if err := s.parse(tokens(string(text)), section, include); err != nil {
		return fmt.Errorf("/%s: %w", name, err)
	}
	return nil
}

// include reads the files of a pattern, which is beside the including file if it
// is not absolute. There may be none.
func (s *Settings) include(files fs.FS, from, pattern, section string, level int) error {
	if strings.HasPrefix(pattern, "/") {
		pattern = strings.TrimPrefix(path.Clean(pattern), "/")
	} else {
		pattern = path.Join(path.Dir(from), pattern)
	}
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return fmt.Errorf("including %q: %w", pattern, err)
	}
	for _, name := range names {
		if err := s.file(files, name, section, level+1); err != nil {
			return err
		}
	}
	return nil
}

var errBraces = errors.New("a brace is not closed, or closed twice")

// parse takes the tokens of one file. A line is "key = value", "include pattern"
// or the beginning of a section, whose brace may be on a later one.
func (s *Settings) parse(all []token, section string, include func(pattern, section string) error) error {
	outer := []string{section}
	var line []token
	for _, t := range append(all, token{kind: newline}) {
		here := outer[len(outer)-1]
		switch t.kind {
		case open:
			if len(line) == 0 {
				return errors.New("a section has no name")
			}
			outer = append(outer, join(here, line[0].text))
			line = nil
		case newline, shut:
			if len(line) == 1 && t.kind == newline { // its brace may follow
				continue
			}
			if err := s.statement(here, line, include); err != nil {
				return err
			}
			line = nil
			if t.kind == shut {
				if outer = outer[:len(outer)-1]; len(outer) == 0 {
					return errBraces
				}
			}
		default:
			line = append(line, t)
		}
	}
	if len(outer) != 1 {
		return errBraces
	}
	return nil
}

func (s *Settings) statement(section string, line []token, include func(pattern, section string) error) error {
	switch {
	case len(line) >= 2 && line[1].kind == equals:
		var words []string
		for _, t := range line[2:] {
			words = append(words, t.text)
		}
		s.values[join(section, line[0].text)] = strings.Join(words, " ")
	case len(line) >= 2 && line[0].text == "include":
		return include(line[1].text, section)
	}
	return nil
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}
