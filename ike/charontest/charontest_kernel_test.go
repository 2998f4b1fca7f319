//go:build kerneltest

package charontest_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeagent/ike/charontest"
)

var (
	left  = netip.MustParseAddr("2001:db8:1::1")
	right = netip.MustParseAddr("2001:db8:2::1")
)

func start(t *testing.T, ns string) *charontest.Daemon {
	t.Helper()
	d, err := charontest.Start(charontest.Config{Dir: filepath.Join(t.TempDir(), "charon"), NetNS: ns, Settings: "threads = 8"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestKernelDaemon(t *testing.T) {
	d := start(t, "")
	if err := d.WriteSwanctl("connections { c { version = 2 } }\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Swanctl("--load-all"); err != nil {
		t.Error(err)
	}
	out, err := d.Swanctl("--list-conns")
	if !strings.Contains(out, "c: IKEv2") || err != nil {
		t.Errorf("swanctl lists %q, error %v", out, err)
	}
	if out, err := d.Swanctl("--no-such-command"); err == nil || !strings.Contains(err.Error(), "running swanctl --no-such-command: ") {
		t.Errorf("an unknown command gives %q, error %v", out, err)
	}
	if cpu, err := d.CPU(); cpu < 0 || err != nil {
		t.Errorf("charon used %v, error %v", cpu, err)
	}
	old := d.Pid()
	for what, end := range map[string]func() error{"killing": d.Kill, "stopping": d.Stop} {
		if err := end(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := d.Start(); err != nil {
			t.Fatalf("starting after %s: %v", what, err)
		}
		if d.Pid() == old {
			t.Errorf("after %s it is the same process", what)
		}
	}
	if out, err := d.Swanctl("--list-conns"); strings.Contains(out, "c: IKEv2") || err != nil {
		t.Errorf("a new charon remembers %q, error %v", out, err)
	}
	if !strings.Contains(d.Log(), "spawning 8 worker threads") {
		t.Errorf("the settings have no effect:\n%s", d.Log())
	}
}

func TestKernelStartFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := charontest.Start(charontest.Config{Dir: file}); err == nil || !strings.Contains(err.Error(), "configuring charon in") {
		t.Errorf("a file instead of a folder gives %v", err)
	}
	dir := t.TempDir()
	if _, err := charontest.Start(charontest.Config{Dir: dir, Plugins: "no-such-plugin"}); err == nil || !strings.Contains(err.Error(), "starting charon: it ended") {
		t.Errorf("a charon without plugins gives %v", err)
	}
}

func TestKernelPair(t *testing.T) {
	if _, err := charontest.NewPair("ctest", []netip.Addr{left}, []netip.Addr{right}); err != nil {
		t.Fatal(err)
	}
	_, err := charontest.NewPair("ctest", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "making network namespaces: running ip netns add ctest-ha") {
		t.Errorf("making it twice gives %v", err)
	}
	// That has cleaned up what there was; make it again.
	p, err := charontest.NewPair("ctest", []netip.Addr{left}, []netip.Addr{right})
	if err != nil {
		t.Fatal(err)
	}
	ha, mn := start(t, p.HA), start(t, p.MN)
	for d, addr := range map[*charontest.Daemon]netip.Addr{ha: left, mn: right} {
		if !strings.Contains(d.Log(), addr.String()) {
			t.Logf("charon does not list its address %s", addr)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err == nil {
		t.Error("closing twice succeeded")
	}
}
