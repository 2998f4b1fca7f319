package config

import (
	"fmt"
	"net/netip"
	"strings"
)

func metricsOptions() []Option {
	return []Option{
		option("metrics.listen", `"127.0.0.1:9868"`, "Where Prometheus reads figures, at /metrics: an address with a port, the path of a Unix socket, or \"\" for nowhere. There is nothing about single mobile nodes in them, and anybody who reaches the place can read them.", metricsPlace, func(c *Config) *string { return &c.Metrics.Listen }),
		option("metrics.allow_remote", "false", "Whether metrics.listen may be an address that other machines reach. There is no encryption.", boolean, func(c *Config) *bool { return &c.Metrics.AllowRemote }),
	}
}

// metricsPlace is an address or a path: never a name, which could come to stand
// for an address that other machines reach.
var metricsPlace = parsed(fmt.Sprintf("an address with a port such as \"127.0.0.1:9868\" or \"[::1]:9868\", a path of at most %d octets that begins with /, or \"\"", maxSocketPath), func(s string) (string, error) {
	switch {
	case s == "":
		return "", nil
	case strings.HasPrefix(s, "/"):
		return socketPath.read(s)
	}
	place, err := netip.ParseAddrPort(s)
	if err == nil && place.Port() == 0 {
		err = fmt.Errorf("the port is missing")
	}
	return s, err
})

// checkMetrics asks for a word before others than this box can read.
func (b *builder) checkMetrics() {
	const key = "metrics.listen"
	place, err := netip.ParseAddrPort(b.config.Metrics.Listen)
	if err == nil && !place.Addr().Unmap().IsLoopback() && !b.config.Metrics.AllowRemote {
		b.failed(key, "other machines may reach %s (take a loopback address, or allow it with metrics.allow_remote = true)", place.Addr())
	}
}
