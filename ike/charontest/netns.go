package charontest

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
)

// A Pair is two network namespaces with an Ethernet link between them: one for
// a home agent, one for a mobile node that is away from home.
type Pair struct {
	HA, MN string // names of the namespaces
}

// NewPair makes two namespaces, name-ha and name-mn, and gives each end of the
// link its addresses, all in one /16 that is on-link for both. name must be
// unique on the machine and of 6 characters at most.
func NewPair(name string, ha, mn []netip.Addr) (*Pair, error) {
	p := &Pair{HA: name + "-ha", MN: name + "-mn"}
	err := ip(
		"netns add "+p.HA, "netns add "+p.MN,
		fmt.Sprintf("link add %s-h netns %s type veth peer name %s-m netns %s", name, p.HA, name, p.MN),
	)
	err = errors.Join(err, up(p.HA, name+"-h", ha), up(p.MN, name+"-m", mn))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making network namespaces: %w", err), p.Close())
	}
	return p, nil
}

func up(ns, link string, addrs []netip.Addr) error {
	commands := []string{"-n " + ns + " link set lo up", "-n " + ns + " link set " + link + " up"}
	for _, a := range addrs {
		commands = append(commands, fmt.Sprintf("-n %s addr add %s/16 dev %s nodad", ns, a, link))
	}
	return ip(commands...)
}

// Close removes both namespaces with all that is in them.
func (p *Pair) Close() error {
	return errors.Join(ip("netns del "+p.HA), ip("netns del "+p.MN))
}

func ip(commands ...string) error {
	for _, c := range commands {
		out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("running ip %s: %w: %s", c, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
