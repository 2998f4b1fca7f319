package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads the file at path and after it the files *.toml in the folder
// conf.d beside it, in the order of their names. A later file's value takes the
// place of an earlier one's; elements of arrays of tables add up. The error is
// of type [Problems] if files could be read but are not right.
func Load(path string) (*Config, error) {
	files := []string{path}
	more, err := filepath.Glob(filepath.Join(filepath.Dir(path), "conf.d", "*.toml"))
	if err != nil {
		return nil, fmt.Errorf("looking for more configuration beside %s: %w", path, err)
	}
	slices.Sort(more)
	var settings []setting
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the configuration: %w%s", err, hint(err))
		}
		of, err := parse(file, text)
		if err != nil {
			return nil, err
		}
		settings = append(settings, of...)
	}
	return build(path, settings)
}

func hint(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return " (homeagentd --config FILE names another one)"
	}
	return ""
}

// A builder makes a Config of settings and notes what is wrong.
type builder struct {
	config   Config
	options  map[string]Option
	problems Problems
	// places tells where a key was set. Keys in arrays of tables are numbered:
	// diameter.peer[0].identity.
	places map[string]Position
}

func build(file string, settings []setting) (*Config, error) {
	b := &builder{options: map[string]Option{}, places: map[string]Position{"": {File: file}}}
	for _, o := range options() {
		b.options[o.Key] = o
	}
	b.setDefaults("")
	for _, s := range settings {
		b.take(s)
	}
	b.demand("", Position{File: file})
	b.demandElements()
	if len(b.problems) == 0 {
		b.check()
	}
	if len(b.problems) > 0 {
		slices.SortStableFunc(b.problems, func(x, y Problem) int {
			return cmp.Or(cmp.Compare(x.At.File, y.At.File), cmp.Compare(x.At.Line, y.At.Line))
		})
		return nil, b.problems
	}
	return &b.config, nil
}

// arrayOf is the array of tables that a key is in, "" for none.
func arrayOf(key string) string {
	for array := range arrays() {
		if key == array || strings.HasPrefix(key, array+".") {
			return array
		}
	}
	return ""
}

// setDefaults gives the options of an array's last element, or of no array,
// their defaults.
func (b *builder) setDefaults(array string) {
	for key, o := range b.options {
		if o.Default == "" || arrayOf(key) != array {
			continue
		}
		settings, err := parse("default of "+key, []byte("v = "+o.Default))
		if err == nil {
			err = o.set(&b.config, settings[0].value)
		}
		if err != nil {
			b.problem(Position{File: "default"}, key, err.Error())
		}
	}
}

// take applies one setting.
func (b *builder) take(s setting) {
	array := arrayOf(s.key)
	add, isArray := arrays()[s.key]
	switch {
	case s.value == nil && isArray && s.fresh:
		add(&b.config)
		b.setDefaults(array)
		b.places[b.numbered(array, "")] = s.at
	case s.value == nil && isArray:
		b.problem(s.at, s.key, fmt.Sprintf("there can be several of these (write [[%s]] in double brackets)", s.key))
	case s.value == nil:
		b.checkTable(s)
	default:
		b.set(s, array)
	}
}

func (b *builder) checkTable(s setting) {
	for key := range b.options {
		if strings.HasPrefix(key, s.key+".") {
			return
		}
	}
	b.problem(s.at, s.key, "there is no such section"+b.nearest(s.key))
}

func (b *builder) set(s setting, array string) {
	o, known := b.options[s.key]
	if !known {
		b.problem(s.at, s.key, "there is no such option"+b.nearest(s.key))
		return
	}
	if array != "" && b.count(array) == 0 {
		b.problem(s.at, s.key, fmt.Sprintf("this stands outside of a [[%s]]", array))
		return
	}
	if err := o.set(&b.config, s.value); err != nil {
		b.problem(s.at, s.key, err.Error())
	}
	b.places[b.numbered(array, s.key)] = s.at
}

// count is the number of elements of an array so far.
func (b *builder) count(array string) int {
	n := 0
	for key := range b.places {
		if strings.HasPrefix(key, array+"[") && strings.HasSuffix(key, "]") {
			n++
		}
	}
	return n
}

// numbered is the name in places of a key of the array's last element, of the
// element itself if key is empty.
func (b *builder) numbered(array, key string) string {
	switch {
	case array == "":
		return key
	case key == "":
		return fmt.Sprintf("%s[%d]", array, b.count(array))
	default:
		return fmt.Sprintf("%s[%d]%s", array, b.count(array)-1, strings.TrimPrefix(key, array))
	}
}

// demand notes the required options that were not set, of no array or of one
// element such as "diameter.peer[0]".
func (b *builder) demand(element string, at Position) {
	array, _, _ := strings.Cut(element, "[")
	for key, o := range b.options {
		if !o.Required || arrayOf(key) != array {
			continue
		}
		if _, set := b.places[element+strings.TrimPrefix(key, array)]; !set {
			b.problem(at, key, fmt.Sprintf("this must be set: %s (expected %s)", o.Help, o.Type))
		}
	}
}

func (b *builder) demandElements() {
	for place, at := range b.places {
		if strings.HasSuffix(place, "]") {
			b.demand(place, at)
		}
	}
}

func (b *builder) problem(at Position, key, text string) {
	b.problems = append(b.problems, Problem{At: at, Key: key, Text: text})
}

// at finds where a key was set, else where its element or file begins.
func (b *builder) at(key string) Position {
	for {
		if p, ok := b.places[key]; ok {
			return p
		}
		dot := strings.LastIndex(key, ".")
		if dot < 0 {
			return b.places[""]
		}
		key = key[:dot]
	}
}

// nearest suggests the option that was probably meant.
func (b *builder) nearest(key string) string {
	best, least := "", 4
	for known := range b.options {
		if d := distance(key, known); d < least || d == least && known < best {
			best, least = known, d
		}
	}
	if best == "" {
		return " (homeagent.toml(5) lists all)"
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
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
