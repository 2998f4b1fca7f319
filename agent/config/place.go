package config

import (
	"errors"
	"fmt"
	"strings"
)

// An OptionError says that what an option names is of no use: a file that cannot
// be read, a group that does not exist. It knows the option, and not where that
// was set; see [Config.Locate].
type OptionError struct {
	Key string
	Err error
}

// Error is KEY: what is wrong.
func (e *OptionError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap is what is wrong.
func (e *OptionError) Unwrap() error { return e.Err }

// At tells where an option was set, else where its section or file begins. Options
// of sections that can stand several times are numbered from 0, as in
// "diameter.peer[0].identity". The Position is zero for a configuration that comes
// from no file.
func (c *Config) At(key string) Position { return place(c.places, key) }

// place is At's for what is known so far.
func place(places map[string]Position, key string) Position {
	for {
		if p, ok := places[key]; ok {
			return p
		}
		dot := strings.LastIndex(key, ".")
		if dot < 0 {
			return places[""]
		}
		key = key[:dot]
	}
}

// Problem is what is wrong with an option of a configuration that was loaded, as
// [Load] would tell it.
func (c *Config) Problem(key, format string, args ...any) Problem {
	return Problem{At: c.At(key), Key: plain(key), Text: fmt.Sprintf(format, args...)}
}

// Locate makes an [OptionError] a [Problem], which says where the option was set.
// Other errors stay as they are.
func (c *Config) Locate(err error) error {
	if e, is := errors.AsType[*OptionError](err); is {
		return c.Problem(e.Key, "%v", e.Err)
	}
	return err
}
