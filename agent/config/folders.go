package config

import (
	"fmt"
	"slices"
	"strings"
)

// Folders are those in which the packaged daemon can use what the option names, as
// its unit and its AppArmor profile let it. There are none for options that name
// no file.
func (o Option) Folders() []string {
	switch o.Key {
	case "diameter.certificate", "diameter.key", "diameter.ca", "mobile_node.key_file":
		return []string{"/etc/homeagent", "/run/credentials/homeagent.service"}
	case "store.path":
		return []string{"/var/lib/homeagent"}
	case "control.socket", "metrics.listen":
		return []string{"/run/homeagent"}
	case "ike.socket":
		return []string{"/run/charon.vici"}
	}
	return nil
}

// A Path is a file or socket that a configuration names.
type Path struct {
	Key     string // of the option, as for [Config.At]
	Name    string
	Folders []string // see [Option.Folders]
	Write   bool     // the daemon makes it
}

// Outside reports whether a name that the path leads to is in none of its folders.
func (p Path) Outside(name string) bool {
	return !slices.ContainsFunc(p.Folders, func(folder string) bool {
		return name == folder || strings.HasPrefix(name, folder+"/")
	})
}

// Paths are all that are set, in the order of the manual.
func (c *Config) Paths() []Path {
	var all []Path
	add := func(key, name string, write bool) {
		if strings.HasPrefix(name, "/") {
			all = append(all, Path{key, name, Option{Key: plain(key)}.Folders(), write})
		}
	}
	add("diameter.certificate", c.Diameter.Certificate, false)
	add("diameter.key", c.Diameter.Key, false)
	add("diameter.ca", c.Diameter.CA, false)
	for i, n := range c.MobileNodes {
		add(fmt.Sprintf("mobile_node[%d].key_file", i), n.KeyFile, false)
	}
	add("ike.socket", c.IKE.Socket, false)
	add("store.path", c.Store.Path, true)
	add("control.socket", c.Control.Socket, true)
	add("metrics.listen", c.Metrics.Listen, true)
	return all
}
