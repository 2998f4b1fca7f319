package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Option is one key of the configuration.
type Option struct {
	// Key is the whole key, its section included.
	Key string
	// Repeated options are of a section that can stand several times, in double
	// brackets.
	Repeated bool
	// Type says in words what values are taken.
	Type string
	// Default is the value without the option, as TOML; empty if there is none.
	Default string
	// Required options have no default.
	Required bool
	// Help says what the option means, in a sentence or two.
	Help string

	set func(c *Config, value any) error
	get func(c *Config) any // nil for a few of repeated sections
}

// wanted is the error for a value of the wrong kind.
func wanted(what string, got any) error {
	return fmt.Errorf("is %s (expected %s)", show(got), what)
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case []any:
		return "an array"
	case other:
		return "a " + string(v)
	default:
		return fmt.Sprint(v)
	}
}

// A kind turns values of a file into values of type T.
type kind[T any] struct {
	name string
	read func(value any) (T, error)
}

// option makes the Option whose value goes to the place that at points out.
func option[T any](key, def, help string, k kind[T], at func(*Config) *T) Option {
	return Option{Key: key, Type: k.name, Default: def, Help: help, set: func(c *Config, value any) error {
		v, err := k.read(value)
		if err == nil {
			*at(c) = v
		}
		return err
	}, get: func(c *Config) any { return *at(c) }}
}

// required makes an Option without a default.
func required[T any](key, help string, k kind[T], at func(*Config) *T) Option {
	o := option(key, "", help, k, at)
	o.Required = true
	return o
}

// parsed makes a kind of strings that parse understands.
func parsed[T any](name string, parse func(string) (T, error)) kind[T] {
	return kind[T]{name, func(value any) (T, error) {
		text, ok := value.(string)
		if ok {
			if v, err := parse(text); err == nil {
				return v, nil
			}
		}
		var zero T
		return zero, wanted(name, value)
	}}
}

// oneOf makes a kind of a few words.
func oneOf[T ~string](words ...T) kind[T] {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = fmt.Sprintf("%q", string(w))
	}
	return parsed("one of "+strings.Join(names, ", "), func(text string) (T, error) {
		if !slices.Contains(words, T(text)) {
			return "", fmt.Errorf("%q is none of them", text)
		}
		return T(text), nil
	})
}

// list makes a kind of arrays.
func list[T any](k kind[T]) kind[[]T] {
	return kind[[]T]{"an array of: " + k.name, func(value any) ([]T, error) {
		elements, ok := value.([]any)
		if !ok {
			return nil, wanted("an array, in brackets", value)
		}
		var all []T
		for i, e := range elements {
			v, err := k.read(e)
			if err != nil {
				return nil, fmt.Errorf("element %d %w", i+1, err)
			}
			all = append(all, v)
		}
		return all, nil
	}}
}

// flat makes one list of a kind of lists.
func flat[T any](k kind[[][]T]) kind[[]T] {
	return kind[[]T]{k.name, func(value any) ([]T, error) {
		lists, err := k.read(value)
		return slices.Concat(lists...), err
	}}
}

// number makes a kind of whole numbers with limits.
func number[T int | uint32 | int32](low, high int64) kind[T] {
	name := fmt.Sprintf("a number from %d to %d", low, high)
	return kind[T]{name, func(value any) (T, error) {
		n, ok := value.(int64)
		if !ok || n < low || n > high {
			return 0, wanted(name, value)
		}
		return T(n), nil
	}}
}

// duration makes a kind of durations with limits.
func duration(low, high time.Duration) kind[time.Duration] {
	name := fmt.Sprintf("a duration such as \"30s\" or \"24h\", from %s to %s", brief(low), brief(high))
	return parsed(name, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err == nil && (d < low || d > high) {
			err = fmt.Errorf("%s is out of range", d)
		}
		return d, err
	})
}

// brief is a duration without the parts that are zero: 1h for 1h0m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
