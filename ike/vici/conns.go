package vici

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"
)

// A Childless says whether an IKE_SA may be without CHILD_SA (RFC 6023).
type Childless int

const (
	ChildlessDefault Childless = iota // charon's default: a responder allows it
	ChildlessForce                    // no CHILD_SA is set up with the IKE_SA
)

// String is the word of swanctl.conf.
func (c Childless) String() string {
	if c == ChildlessForce {
		return "force"
	}
	return ""
}

// A Conn is an IKEv2 connection with pre-shared keys at both ends. Zero values
// mean charon's default.
type Conn struct {
	Name              string
	Local             netip.Addr // our end's address; the zero Addr is any
	Remote            netip.Addr // the other end's; the zero Addr is any
	LocalID, RemoteID string     // with their type, such as "email:a@b"
	Proposals         []string
	Rekey             time.Duration
	DPD               time.Duration
	Unique            string // what becomes of older IKE_SAs with that peer
	Childless         Childless
	// Pools are where the other end's addresses are assigned from if it asks for
	// them; Ask has us ask for ours (RFC 7296 section 2.19), of which the
	// unspecified address is any.
	Pools    []string
	Ask      []netip.Addr
	Children []Child
}

// A Child is a CHILD_SA of a connection. Reauthentication, MOBIKE and
// policies made by charon are always off.
type Child struct {
	Name              string
	Mode              string // "transport_proxy", "tunnel"
	ReqID             uint32
	LocalTS, RemoteTS []string // such as "2001:db8::1/128[135]"
	MarkIn            uint32   // what received packets are marked with; 0 for nothing
	Proposals         []string
	Rekey             time.Duration
}

// LoadConns loads connections in one request, or replaces those with the same
// names. It is not atomic: when charon refuses one, those before it are loaded
// and those after it are not.
func (l *Link) LoadConns(ctx context.Context, conns ...Conn) error {
	m := newMessage()
	names := make([]string, len(conns))
	for i, c := range conns {
		section(c.Name, c.fields()...)(m)
		names[i] = c.Name
	}
	_, err := l.call(ctx, writeLane, "load-conn", strings.Join(names, ","), m)
	return err
}

func (c Conn) fields() []field {
	children := make([]field, len(c.Children))
	for i, child := range c.Children {
		children[i] = section(child.Name, child.fields()...)
	}
	return []field{
		str("version", "2"),
		list("local_addrs", addrs(c.Local)),
		list("remote_addrs", addrs(c.Remote)),
		list("proposals", c.Proposals),
		list("pools", c.Pools),
		list("vips", addrs(c.Ask...)),
		yesNo("mobike", false),
		c.noReauth(),
		seconds("rekey_time", c.Rekey),
		seconds("dpd_delay", c.DPD),
		str("unique", c.Unique),
		str("childless", c.Childless.String()),
		yesNo("send_certreq", false),
		section("local", str("auth", "psk"), str("id", c.LocalID)),
		section("remote", str("auth", "psk"), str("id", c.RemoteID)),
		section("children", children...),
	}
}

// noReauth turns reauthentication off. It is off by default, and charon takes a
// reauth_time without a rekey_time for the wish never to rekey.
func (c Conn) noReauth() field {
	if c.Rekey == 0 {
		return str("reauth_time", "")
	}
	return str("reauth_time", "0")
}

func (c Child) fields() []field {
	return []field{
		str("mode", c.Mode),
		yesNo("policies", false),
		number("reqid", c.ReqID),
		number("set_mark_in", c.MarkIn),
		list("local_ts", c.LocalTS),
		list("remote_ts", c.RemoteTS),
		list("esp_proposals", c.Proposals),
		seconds("rekey_time", c.Rekey),
	}
}

func addrs(all ...netip.Addr) []string {
	var list []string
	for _, a := range all {
		if !a.IsValid() {
			list = append(list, "%any")
			continue
		}
		list = append(list, a.String())
	}
	return list
}

// UnloadConn unloads a connection; that there is none of this name is no
// error. IKE_SAs made with it live on.
func (l *Link) UnloadConn(ctx context.Context, name string) error {
	_, err := l.call(ctx, writeLane, "unload-conn", name, newMessage(str("name", name)))
	return unless(err, "not found")
}

// ConnNames lists the names of all connections, ours or not.
func (l *Link) ConnNames(ctx context.Context) ([]string, error) {
	reply, err := l.call(ctx, controlLane, "get-conns", "", nil)
	if err != nil {
		return nil, err
	}
	return texts(reply, "conns"), nil
}

// unless makes a refusal with these words of charon's a success.
func unless(err error, words string) error {
	var refused *CommandError
	if errors.As(err, &refused) && strings.Contains(refused.Reason, words) {
		return nil
	}
	return err
}
