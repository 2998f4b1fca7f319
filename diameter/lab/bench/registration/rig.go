package registration

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"homeagent/diameter/lab/bench/crowd"
	"homeagent/diameter/lab/testbed"
)

// A rig is what the section works with: a home agent, a bare responder, and a
// host that plays the mobile nodes of both, on one link.
type rig struct {
	cfg    Config
	bed    *testbed.Bed
	link   *testbed.Link
	agent  *testbed.Host
	bare   *testbed.Host
	mobile *testbed.Host
	// nodes are those of the home agent, followed by those of the bare responder.
	nodes   *crowd.Crowd
	running chan error
	daemon  *daemon
	// responder is the bare one.
	responder *testbed.Process
}

// The hosts' addresses on the link.
var (
	agentOnLink  = netip.MustParsePrefix("2001:dba::1/64")
	bareOnLink   = netip.MustParsePrefix("2001:dba::2/64")
	mobileOnLink = netip.MustParsePrefix("2001:dba::3/64")
)

func newRig(cfg Config) (*rig, error) {
	bed, err := testbed.New(filepath.Join(cfg.Folder, "bed"))
	if err != nil {
		return nil, err
	}
	r := &rig{cfg: cfg, bed: bed}
	for _, build := range []func() error{r.hosts, r.associate, r.people} {
		if err := build(); err != nil {
			return nil, errors.Join(err, r.close())
		}
	}
	return r, nil
}

func (r *rig) hosts() (err error) {
	if r.link, err = r.bed.Link("link"); err != nil {
		return err
	}
	for _, h := range []struct {
		name      string
		place     **testbed.Host
		addresses []netip.Prefix
	}{
		{"ha", &r.agent, []netip.Prefix{agentOnLink, alone(agentRealm.agent)}},
		{"bare", &r.bare, []netip.Prefix{bareOnLink, alone(bareRealm.agent)}},
		{"mn", &r.mobile, []netip.Prefix{mobileOnLink}},
	} {
		if *h.place, err = r.bed.Host(h.name); err != nil {
			return err
		}
		if err := r.link.Attach(*h.place, testbed.Interface, h.addresses...); err != nil {
			return err
		}
	}
	return errors.Join(
		r.agent.AddRoute(careOfPrefix, mobileOnLink.Addr()), r.bare.AddRoute(careOfPrefix, mobileOnLink.Addr()),
		r.agent.Sysctl("net.ipv6.conf.all.forwarding", "1"),
	)
}

func alone(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// realm is the home agent's with as many nodes as wanted.
func (r *rig) realm() realm {
	all := agentRealm
	all.nodes = r.cfg.Nodes
	return all
}

// associate makes the nodes' security associations in both kernels.
func (r *rig) associate() error {
	for _, one := range []struct {
		host  *testbed.Host
		realm realm
	}{{r.agent, r.realm()}, {r.bare, bareRealm}} {
		for _, node := range one.realm.crowd(nil) {
			if err := node.Associate(one.host.Netlink()); err != nil {
				return fmt.Errorf("on %s: %w", one.host, err)
			}
		}
	}
	return nil
}

// people opens the crowd.
func (r *rig) people() error {
	var all []crowd.Node
	for _, one := range []struct {
		host  *testbed.Host
		realm realm
	}{{r.agent, r.realm()}, {r.bare, bareRealm}} {
		device, err := one.host.Netlink().LinkByName(testbed.Interface)
		if err != nil {
			return fmt.Errorf("finding the interface of %s: %w", one.host, err)
		}
		all = append(all, one.realm.crowd(device.Attrs().HardwareAddr)...)
	}
	err := r.mobile.Do(func() (err error) {
		r.nodes, err = crowd.Open(testbed.Interface, all)
		return err
	})
	if err != nil {
		return err
	}
	r.running = make(chan error, 1)
	go func() { r.running <- r.nodes.Run() }()
	return nil
}

// start starts the home agent and the bare responder.
func (r *rig) start(ctx context.Context) (err error) {
	if r.daemon, err = startDaemon(ctx, r.agent, r.cfg); err != nil {
		return err
	}
	r.responder, err = r.bare.Start(testbed.Program{
		Name: "responder", Path: filepath.Join(r.cfg.Binaries, "homeagent-lab"),
		Arguments: []string{"bench", "responder", "--address", bareRealm.agent.String(), "--prefix", bareRealm.prefix.String()},
	})
	if err != nil {
		return err
	}
	return r.responder.Await(ctx, listening, func() bool { return strings.Contains(r.responder.Output(), listening) })
}

func (r *rig) close() error {
	var errs []error
	if r.nodes != nil {
		errs = append(errs, r.nodes.Close(), <-r.running)
	}
	return errors.Join(append(errs, r.bed.Close())...)
}
