package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A builder makes a Config of settings and notes what is wrong.
type builder struct {
	config   Config
	options  map[string]Option
	arrays   map[string]func(*Config)
	problems Problems
	// places tells where a key was set. Keys in arrays of tables are numbered:
	// diameter.peer[0].identity.
	places map[string]Position
	// counts has the number of elements of each array so far.
	counts map[string]int
	// wrong has the keys, as in places, that a problem was noted for.
	wrong map[string]bool
}

func build(file string, settings []setting) (*Config, error) {
	b := &builder{
		options: map[string]Option{}, arrays: arrays(), places: map[string]Position{"": {File: file}},
		counts: map[string]int{}, wrong: map[string]bool{},
	}
	for _, o := range options() {
		b.options[o.Key] = o
	}
	b.setDefaults("")
	for _, s := range settings {
		b.take(s)
	}
	b.demand("", "")
	for array := range b.arrays {
		for n := range b.counts[array] {
			b.demand(array, fmt.Sprintf("%s[%d]", array, n))
		}
	}
	b.check()
	if err := b.err(); err != nil {
		return nil, err
	}
	b.config.places = b.places
	return &b.config, nil
}

// err is all that is wrong, in the order of the files, nil if nothing is.
func (b *builder) err() error {
	if len(b.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(b.problems, func(x, y Problem) int {
		return cmp.Or(cmp.Compare(x.At.File, y.At.File), cmp.Compare(x.At.Line, y.At.Line), cmp.Compare(x.Key, y.Key))
	})
	return b.problems
}

// arrayOf is the array of tables that a key is of, "" for none.
func (b *builder) arrayOf(key string) string {
	if dot := strings.LastIndex(key, "."); dot >= 0 {
		if _, is := b.arrays[key[:dot]]; is {
			return key[:dot]
		}
	}
	return ""
}

// setDefaults gives the options of an array's last element, or of no array,
// their defaults.
func (b *builder) setDefaults(array string) {
	for key, o := range b.options {
		if o.Default == "" || b.arrayOf(key) != array {
			continue
		}
		settings, problem := parse("default", []byte("v = "+o.Default))
		if problem != nil {
			b.problem(problem.At, key, problem.Text)
		} else if err := o.set(&b.config, settings[0].value); err != nil {
			b.problem(Position{File: "default"}, key, err.Error())
		}
	}
}

// take applies one setting.
func (b *builder) take(s setting) {
	add, isArray := b.arrays[s.key]
	switch {
	case s.value != nil:
		b.set(s)
	case isArray && s.fresh:
		add(&b.config)
		b.places[fmt.Sprintf("%s[%d]", s.key, b.counts[s.key])] = s.at
		b.counts[s.key]++
		b.setDefaults(s.key)
	case isArray:
		b.problem(s.at, s.key, fmt.Sprintf("there can be several of these (write [[%s]], in double brackets)", s.key))
	case !b.isSection(s.key):
		b.problem(s.at, s.key, "there is no such section"+b.nearestSection(s.key))
	case s.fresh:
		b.problem(s.at, s.key, fmt.Sprintf("there is only one of these (write [%s], in single brackets)", s.key))
	default:
		b.places[s.key] = s.at
	}
}

func (b *builder) isSection(key string) bool {
	for known := range b.options {
		if strings.HasPrefix(known, key+".") {
			return true
		}
	}
	return false
}

func (b *builder) set(s setting) {
	o, known := b.options[s.key]
	array := b.arrayOf(s.key)
	switch {
	case !known && s.table != "" && b.wrong[s.table]:
		return // of a section that there is not
	case !known && b.arrays[s.key] != nil:
		b.problem(s.at, s.key, fmt.Sprintf("this is a section (write each as [[%s]] with a line for each option)", s.key))
		return
	case !known && b.isSection(s.key):
		b.problem(s.at, s.key, fmt.Sprintf("this is a section (write [%s] with a line for each option)", s.key))
		return
	case !known:
		b.problem(s.at, s.key, "there is no such option"+b.nearest(s.key))
		return
	case array != "" && s.table != array:
		b.problem(s.at, s.key, fmt.Sprintf("this stands outside of a [[%s]]", array))
		return
	case array != "" && b.counts[array] == 0:
		return // in single brackets, which is a problem already
	}
	place := b.numbered(array, s.key)
	b.places[place] = s.at
	if err := o.set(&b.config, s.value); err != nil {
		b.problem(s.at, place, err.Error())
	}
}

// numbered is the name in places of a key of the array's last element.
func (b *builder) numbered(array, key string) string {
	if array == "" {
		return key
	}
	return fmt.Sprintf("%s[%d]%s", array, b.counts[array]-1, strings.TrimPrefix(key, array))
}

// demand notes the required options that were not set, of no array or of one
// element such as "diameter.peer[0]".
func (b *builder) demand(array, element string) {
	for key, o := range b.options {
		if !o.Required || b.arrayOf(key) != array {
			continue
		}
		place := element + strings.TrimPrefix(key, array)
		if _, set := b.places[place]; !set {
			b.failed(place, "this must be set: %s (expected %s)", o.Help, o.Type)
		}
	}
}

// problem notes what is wrong with a key.
func (b *builder) problem(at Position, key, text string) {
	b.wrong[key] = true
	b.problems = append(b.problems, Problem{At: at, Key: plain(key), Text: text})
}

// failed notes what is wrong with a key at the place where it was set, unless
// something is known to be: what follows from that is no news.
func (b *builder) failed(key, format string, args ...any) {
	b.failedAt(key, key, format, args...)
}

// failedAt does so at the place of another key.
func (b *builder) failedAt(place, key, format string, args ...any) {
	if !b.wrong[key] {
		b.problem(b.at(place), key, fmt.Sprintf(format, args...))
	}
}

// plain is a key without the numbers of elements, as it stands in a file.
func plain(key string) string {
	before, after, numbered := strings.Cut(key, "[")
	if !numbered {
		return key
	}
	_, after, _ = strings.Cut(after, "]")
	return before + after
}

// at finds where a key was set, else where its element or file begins.
func (b *builder) at(key string) Position { return place(b.places, key) }
