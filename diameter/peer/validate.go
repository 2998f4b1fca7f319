package peer

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"homeagent/diameter"
)

// minWatchdog is the least Twinit (RFC 3539 section 3.4.1), and minDuplicateAge
// the time that End-to-End Identifiers are unique (RFC 6733 section 3).
const (
	minWatchdog     = 6 * time.Second
	minDuplicateAge = 4 * time.Minute
)

func (c Config) withDefaults() Config {
	c.Product = cmp.Or(c.Product, "homeagent")
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	t := &c.Timers
	t.Watchdog = cmp.Or(t.Watchdog, 30*time.Second)
	t.Reconnect = cmp.Or(t.Reconnect, 30*time.Second)
	t.Busy = cmp.Or(t.Busy, 5*time.Minute)
	t.Handshake = cmp.Or(t.Handshake, 10*time.Second)
	t.Write = cmp.Or(t.Write, 10*time.Second)
	t.Drain = cmp.Or(t.Drain, 5*time.Second)
	t.Disconnect = cmp.Or(t.Disconnect, 5*time.Second)
	l := &c.Limits
	l.Message = cmp.Or(l.Message, diameter.MaxMessage)
	l.Strangers = cmp.Or(l.Strangers, 256)
	l.StrangersPerSource = cmp.Or(l.StrangersPerSource, 32)
	l.Workers = cmp.Or(l.Workers, 128)
	l.Queue = cmp.Or(l.Queue, 1024)
	l.Outgoing = cmp.Or(l.Outgoing, 256<<10)
	l.Duplicates = cmp.Or(l.Duplicates, 128<<10)
	l.DuplicateBytes = cmp.Or(l.DuplicateBytes, 32<<20)
	l.DuplicateAge = cmp.Or(l.DuplicateAge, 5*time.Minute)
	return c
}

// validate refuses what cannot work. The error names everything it found.
func (c *Config) validate() error {
	errs := []error{
		checkIdentity("our Origin-Host", c.Host), checkIdentity("our Origin-Realm", c.Realm),
		c.checkTimers(), c.checkLimits(),
	}
	if c.Commands != nil && c.Handler == nil {
		errs = append(errs, errors.New("commands are known, but there is no handler to serve them"))
	}
	overTLS := false
	for _, l := range c.Listeners {
		overTLS = overTLS || l.TLS
	}
	seen := map[string]bool{strings.ToLower(c.Host): true}
	for _, p := range c.Peers {
		overTLS = overTLS || p.Connect != "" && p.Secured == SecuredTLS
		errs = append(errs, p.check())
		host := strings.ToLower(p.Host)
		if seen[host] {
			errs = append(errs, fmt.Errorf("peer %q is us, or listed twice", p.Host))
		}
		seen[host] = true
	}
	if overTLS {
		errs = append(errs, checkOwn(c.TLS, c.Host))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("checking the Diameter peers' configuration: %w", err)
	}
	return nil
}

func (p PeerConfig) check() error {
	if p.Secured < SecuredTLS || p.Secured > SecuredNone {
		return fmt.Errorf("peer %q: protection is %v", p.Host, p.Secured)
	}
	if err := checkIdentity("a peer's identity", p.Host); err != nil {
		return err
	}
	if p.Realm == "" {
		return nil
	}
	return checkIdentity(fmt.Sprintf("the realm of peer %q", p.Host), p.Realm)
}

// checkIdentity demands a name that is not empty, of printable ASCII.
func checkIdentity(what, name string) error {
	if _, err := diameter.NewUTF8(0, 0, 0, name).Identity(); err != nil {
		return fmt.Errorf("%s is %q (must be a name of printable ASCII, such as aaa.example.net)", what, name)
	}
	return nil
}

func (c *Config) checkTimers() error {
	t := c.Timers
	if t.Watchdog < minWatchdog {
		return fmt.Errorf("the watchdog's interval is %v (must be at least %v)", t.Watchdog, minWatchdog)
	}
	for _, d := range []time.Duration{t.Reconnect, t.Busy, t.Handshake, t.Write, t.Drain, t.Disconnect} {
		if d < 0 {
			return fmt.Errorf("a timer is %v (must be above 0)", d)
		}
	}
	return nil
}

func (c *Config) checkLimits() error {
	l := c.Limits
	if l.DuplicateAge < minDuplicateAge {
		return fmt.Errorf("answers are remembered for %v (must be at least %v)", l.DuplicateAge, minDuplicateAge)
	}
	for _, n := range []int{l.Strangers, l.StrangersPerSource, l.Workers, l.Queue, l.Outgoing, l.Duplicates, l.DuplicateBytes} {
		if n < 0 {
			return fmt.Errorf("a limit is %d (must be above 0)", n)
		}
	}
	const least, most = 4096, 1 << 20
	if l.Message < least || l.Message > most {
		return fmt.Errorf("the longest message is %d octets (must be %d to %d)", l.Message, least, most)
	}
	return nil
}
