package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"homeagent/agent/config"
)

type initCmd struct {
	Config string `help:"File to write (${default})." default:"/etc/homeagent/homeagent.toml" placeholder:"FILE"`
	Force  bool   `help:"Replace a configuration that is complete; it is kept with .old at its end."`

	Identity string   `help:"Diameter identity of this home agent, a domain name." placeholder:"NAME"`
	Realm    string   `help:"Its realm; the identity without its first label if it is not given." placeholder:"NAME"`
	HA       []string `name:"ha" help:"Address of this box that mobile nodes register with. It can be given several times." placeholder:"ADDR"`
	Prefix   string   `help:"Prefix that home addresses are taken from." placeholder:"PREFIX"`
	HomeLink string   `help:"Interface to the link that the home prefix is on. Without it the prefix must be routed to this box." placeholder:"NAME"`
	Peer     string   `help:"Diameter identity of the AAA server." placeholder:"NAME"`
	Connect  string   `help:"Connect to the AAA server at this address. Without it, it connects to us." placeholder:"ADDR[:PORT]"`
	Listen   string   `help:"Address to let it connect to; the first --ha if neither this nor --connect is given." placeholder:"ADDR[:PORT]"`
	Secured  string   `help:"What protects that connection: tls, ipsec, loopback (the AAA server is on this box) or none (${default})." enum:"tls,ipsec,loopback,none" default:"tls" placeholder:"HOW"`

	Certificate string `help:"Our certificate for TLS (${default})." default:"/etc/homeagent/tls/certificate.pem" placeholder:"FILE"`
	Key         string `help:"Its private key (${default})." default:"/etc/homeagent/tls/key.pem" placeholder:"FILE"`
	CA          string `name:"ca" help:"Authorities that vouch for the AAA server (${default})." default:"/etc/homeagent/tls/ca.pem" placeholder:"FILE"`
}

// Help is shown below the flags.
func (initCmd) Help() string {
	return `On a terminal it asks for what was not given. The result is the commented sample configuration with these values in place; ` +
		`it is checked before it takes the place of what was there.`
}

// Run asks, writes and says what comes next.
func (c *initCmd) Run(e *environment) error {
	before, err := c.replaceable()
	if err != nil {
		return err
	}
	if err := c.complete(e); err != nil {
		return err
	}
	text, err := config.Fill(c.values())
	if err != nil {
		return err
	}
	if err := install(c.Config, text, before); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "wrote %s\n", c.Config)
	c.next(e)
	return nil
}

// replaceable returns what is there now, and refuses to replace what somebody
// has finished.
func (c *initCmd) replaceable() ([]byte, error) {
	before, err := os.ReadFile(c.Config)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, writing(err)
	}
	if _, err := config.Load(c.Config); err == nil && !c.Force {
		return nil, fmt.Errorf("replacing %s: it is complete (edit it, or give --force)", c.Config)
	}
	return before, nil
}

// values are the answers as options.
func (c *initCmd) values() map[string]string {
	v := map[string]string{
		"diameter.identity": quoted(c.Identity), "diameter.realm": quoted(orParent(c.Realm, c.Identity)),
		"home_agent.addresses": quotedAll(c.HA), "home_prefix.prefix": quoted(masked(c.Prefix)),
	}
	c.peer(v)
	if c.HomeLink != "" {
		v["mobility.home_link"], v["mobility.interface"] = `"physical"`, quoted(c.HomeLink)
	}
	return v
}

// peer adds what the AAA server needs.
func (c *initCmd) peer(v map[string]string) {
	v["diameter.peer.identity"], v["diameter.peer.bootstrapper"] = quoted(c.Peer), "true"
	if c.usesTLS() {
		v["diameter.certificate"], v["diameter.key"], v["diameter.ca"] = quoted(c.Certificate), quoted(c.Key), quoted(c.CA)
	} else {
		v["diameter.peer.secured"] = quoted(c.Secured)
	}
	if c.Connect != "" {
		v["diameter.peer.connect"] = quoted(c.Connect)
	}
	if c.Connect == "" || c.Listen != "" {
		v["diameter.listen.address"] = quoted(c.listen())
		v["diameter.listen.tls"] = strconv.FormatBool(c.usesTLS())
	}
}

func (c *initCmd) usesTLS() bool { return c.Secured == "tls" }

func (c *initCmd) listen() string {
	switch {
	case c.Listen != "":
		return c.Listen
	case c.Secured == "loopback":
		return "::1"
	default:
		return c.HA[0]
	}
}

func quoted(s string) string { return strconv.Quote(s) }

func quotedAll(all []string) string {
	list := make([]string, len(all))
	for i, s := range all {
		list[i] = quoted(s)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// orParent is the realm, or the identity without its first label.
func orParent(realm, identity string) string {
	if realm != "" {
		return realm
	}
	if _, parent, ok := strings.Cut(identity, "."); ok {
		return parent
	}
	return identity
}

// next says what is left to do.
func (c *initCmd) next(e *environment) {
	var missing []string
	for _, file := range []string{c.Certificate, c.Key, c.CA} {
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) && c.usesTLS() {
			missing = append(missing, file)
		}
	}
	fmt.Fprintln(e.out, "next:")
	if len(missing) > 0 {
		fmt.Fprintf(e.out, "  put the files of TLS in place: %s\n", strings.Join(missing, ", "))
	}
	if c.Config == defaultConfig {
		fmt.Fprintln(e.out, "  homeagentctl doctor          is this box ready?")
		fmt.Fprintln(e.out, "  systemctl start homeagent")
		return
	}
	fmt.Fprintf(e.out, "  homeagentctl doctor --config %s\n", c.Config)
	fmt.Fprintf(e.out, "  homeagentd --config %s      (systemctl start homeagent reads %s)\n", c.Config, defaultConfig)
}

const defaultConfig = "/etc/homeagent/homeagent.toml"

// writing is an error of the file's, in the operator's terms.
func writing(err error) error {
	hint := "is its folder there?"
	if errors.Is(err, fs.ErrPermission) {
		hint = "run it as root"
	}
	return fmt.Errorf("writing the configuration: %w (%s)", err, hint)
}

// install checks the text and lets it take the place of the file, in one step.
// Another one that was there and said something is kept.
func install(path, text string, before []byte) error {
	temporary := filepath.Join(filepath.Dir(path), ".homeagent.toml.new")
	if err := os.WriteFile(temporary, []byte(text), 0o640); err != nil {
		return writing(err)
	}
	defer os.Remove(temporary)
	if _, err := config.Load(temporary); err != nil {
		return usageError{fmt.Errorf("checking the answers, of which nothing was written:\n%s", strings.ReplaceAll(err.Error(), temporary, path))}
	}
	if err := likeBefore(temporary, path); err != nil {
		return err
	}
	if before != nil && !bytes.Equal(before, []byte(config.Sample())) {
		if err := os.Rename(path, path+".old"); err != nil {
			return fmt.Errorf("keeping the former configuration: %w", err)
		}
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}

// complete asks for what is missing, where somebody can answer.
func (c *initCmd) complete(e *environment) error {
	ha := strings.Join(c.HA, " ")
	questions := []question{
		{"--identity", "Diameter identity of this home agent, a domain name", hostName(), &c.Identity},
		{"--ha", "Address of this box that mobile nodes register with", firstAddress(), &ha},
		{"--prefix", "Prefix that home addresses are taken from", "", &c.Prefix},
		{"--peer", "Diameter identity of the AAA server", "", &c.Peer},
	}
	if slices.ContainsFunc(questions, func(q question) bool { return *q.answer == "" }) && answers(e.in) {
		questions = append(questions,
			question{"--home-link", "Interface to the link of that prefix, if it is not routed to this box", "none", &c.HomeLink},
			question{"--connect", "Address of the AAA server, if it does not connect to us", "none", &c.Connect})
	}
	if err := askAll(e, questions); err != nil {
		return err
	}
	c.HA = strings.Fields(ha)
	return nil
}

// masked forgives bits behind the prefix's length, as of an address on it.
func masked(prefix string) string {
	if p, err := netip.ParsePrefix(prefix); err == nil {
		return p.Masked().String()
	}
	return prefix
}
