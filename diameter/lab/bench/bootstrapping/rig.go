package bootstrapping

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"homeagent/diameter/lab/testbed"
	"homeagent/ike/charontest"
)

// Who is who.
const (
	agentIdentity = "ha.bench.example"
	aaaIdentity   = "aaah.bench.example"
	bareIdentity  = "bare.bench.example"
	realm         = "bench.example"
	userPattern   = "mn%d@bench.example"
)

var (
	homeAgent  = netip.MustParseAddr("2001:db8:1::1")
	homePrefix = netip.MustParsePrefix("2001:db8:1::/64")
	// ikeProposals keep the IKE_SAs of all parts alike and cheap: what is
	// measured is what charon does with many mobile nodes, not its arithmetic.
	ikeProposals = []string{"aes128-sha256-x25519"}
	espProposals = []string{"aes128-sha256"}
)

// settings are those of packaging/strongswan/homeagent.conf which charontest does
// not make anyhow: IKE_SAs are found in a table, not in a list. The mobile nodes
// never look whether one of their IKE_SAs would do, as each is somebody else's.
const settings = `  ikesa_table_size = 16384
  ikesa_table_segments = 16
  reuse_ikesa = no`

// A rig is what the section works with: two strongSwans, each in a network of its
// own with a link between them, a bare Diameter server, and a folder on a disk.
type rig struct {
	folder string
	server *bareServer
	bed    *testbed.Bed
	agent  *testbed.Charon // the home agent's
	nodes  *testbed.Charon // the one that plays all mobile nodes
}

func newRig(folder string) (*rig, error) {
	if err := onDisk(folder); err != nil {
		return nil, err
	}
	server, err := startBareServer()
	if err != nil {
		return nil, err
	}
	bed, err := testbed.New(filepath.Join(folder, "bed"))
	if err != nil {
		return nil, err
	}
	r := &rig{folder: folder, server: server, bed: bed}
	if err := r.build(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// build makes the two hosts and starts their strongSwans.
func (r *rig) build() error {
	link, err := r.bed.Link("link")
	if err != nil {
		return err
	}
	for _, end := range []struct {
		name      string
		addresses []netip.Addr
		charon    **testbed.Charon
	}{{"ha", []netip.Addr{homeAgent}, &r.agent}, {"mn", places(), &r.nodes}} {
		host, err := r.bed.Host(end.name)
		if err != nil {
			return err
		}
		// One /32 for all, so that they are neighbours.
		var prefixes []netip.Prefix
		for _, a := range end.addresses {
			prefixes = append(prefixes, netip.PrefixFrom(a, 32))
		}
		if err := link.Attach(host, testbed.Interface, prefixes...); err != nil {
			return err
		}
		if *end.charon, err = host.StartCharon(charontest.Config{Settings: settings}); err != nil {
			return err
		}
	}
	return nil
}

// places are the care-of addresses of mobile nodes. There are several, as strongSwan
// takes five attempts at a time from one address to be an attack.
func places() []netip.Addr {
	all := make([]netip.Addr, crowd)
	for i := range all {
		all[i] = careOf(i)
	}
	return all
}

// careOf is where mobile node i is.
func careOf(i int) netip.Addr {
	octets := netip.MustParseAddr("2001:db8:2::100").As16()
	octets[15] = byte(i % crowd)
	return netip.AddrFrom16(octets)
}

func (r *rig) close() error { return r.bed.Close() }

func (r *rig) file(name string) string { return filepath.Join(r.folder, name) }

// onDisk refuses a folder in memory, where a durable commit costs nothing.
func onDisk(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder for the measurement: %w", err)
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return fmt.Errorf("looking what the folder %s is on: %w", folder, err)
	}
	if stat.Type == unix.TMPFS_MAGIC || stat.Type == unix.RAMFS_MAGIC {
		return fmt.Errorf("the folder %s is in memory (must be on a disk: choose another with --folder)", folder)
	}
	return nil
}

// ready waits until a condition holds or the context ends.
func ready(ctx context.Context, what string, holds func(context.Context) (bool, error)) error {
	for {
		ok, err := holds(ctx)
		if ok {
			return nil
		}
		if sleepErr := pause(ctx); sleepErr != nil {
			return errors.Join(fmt.Errorf("waiting for %s: %w", what, sleepErr), err)
		}
	}
}
