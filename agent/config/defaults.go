package config

import "strings"

// Defaults is what holds where nothing is configured: not a configuration that
// a daemon could start with, but where it would look for files and sockets.
func Defaults() *Config {
	b := &builder{options: map[string]Option{}, arrays: arrays()}
	for _, o := range options() {
		b.options[o.Key] = o
	}
	b.setDefaults("")
	return &b.config
}

// Missing reports whether the problem is that a required option is not set, as
// where nobody has filled the sample in yet.
func (p Problem) Missing() bool { return strings.HasPrefix(p.Text, "this must be set") }
