package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/config"
)

// Every option that names a path says where the packaged daemon can use it, and is among
// the paths of a configuration.
func TestPaths(t *testing.T) {
	t.Parallel()
	var c config.Config
	c.Diameter.Certificate, c.Diameter.Key, c.Diameter.CA = "/1", "/2", "/3"
	c.MobileNodes = []config.MobileNode{{KeyFile: "/4"}}
	c.IKE.Socket, c.Store.Path, c.Control.Socket, c.Metrics.Listen = "/5", "/6", "/7", "/8"
	var paths, options []string
	for _, p := range c.Paths() {
		paths = append(paths, strings.Replace(p.Key, "[0]", "", 1))
	}
	for _, o := range config.Describe() {
		if strings.HasPrefix(o.Type, "a path") && o.Folders() == nil {
			t.Errorf("%s: nothing tells where it can be", o.Key)
		}
		if o.Folders() != nil {
			options = append(options, o.Key)
		}
	}
	if diff := cmp.Diff(options, paths); diff != "" {
		t.Errorf("Paths (-options +paths):\n%s", diff)
	}
	c.Metrics.Listen = "127.0.0.1:9868"
	if n := len(c.Paths()); n != len(paths)-1 {
		t.Errorf("an address is a path: %d", n)
	}
	p := c.Paths()[0]
	for name, outside := range map[string]bool{"/etc/homeagent/tls/key.pem": false, "/etc/homeagents/key": true, "/run/credentials/homeagent.service/key": false, "/srv/key": true} {
		if p.Outside(name) != outside {
			t.Errorf("%s is outside: %v", name, !outside)
		}
	}
}
