package config

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
