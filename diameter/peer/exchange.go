package peer

import (
	"strings"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer/base"
)

// own is what we tell about ourselves on a connection.
func (t *Table) own(c *conn) base.Capabilities {
	own := base.Capabilities{
		Host: t.config.Host, Realm: t.config.Realm, VendorID: t.config.VendorID, Product: t.config.Product,
		OriginStateID: t.config.OriginStateID, Addresses: t.config.HostAddresses,
	}
	if len(own.Addresses) == 0 && c.local.IsValid() {
		own.Addresses = append(own.Addresses, c.local.Addr())
	}
	for _, a := range t.config.Applications {
		own.Applications = append(own.Applications, base.Application(a))
	}
	return own
}

// identify gives a request of ours its identifiers.
func (t *Table) identify(m *diameter.Message, c *conn) {
	m.HopByHop, m.EndToEnd = c.asked.id(), t.ends.next()
}

// judgeCER judges the first message on a connection we accepted, in the order
// of RFC 6733 section 5.3: form, identity, security, applications. It returns
// the peer that sent it, or a Failure and its reason.
func (t *Table) judgeCER(c *conn, m *diameter.Message) (*peer, Reason, *diameter.Failure) {
	caps, f := base.ReadCER(m)
	c.cer, c.caps = m, caps
	p, ok := t.find(caps.Host)
	switch {
	case f != nil:
		return nil, ReasonMalformed, f
	case !ok:
		return nil, ReasonUnknownPeer, &diameter.Failure{Code: diameter.UnknownPeer, Text: "this Origin-Host is not known here"}
	case p.config.Realm != "" && !strings.EqualFold(p.config.Realm, caps.Realm):
		return nil, ReasonWrongRealm, &diameter.Failure{Code: diameter.UnknownPeer, Text: "this Origin-Host is not known in this Origin-Realm"}
	}
	if reason, f := checkSecurity(p.config, c); f != nil {
		return nil, reason, f
	}
	switch {
	case caps.InsistsOnInbandTLS():
		return nil, ReasonProtection, &diameter.Failure{Code: diameter.NoCommonSecurity, Text: "TLS is not begun inside a connection here"}
	case !c.own.Common(caps):
		return nil, ReasonNoApplication, &diameter.Failure{Code: diameter.NoCommonApplication, Text: "no application in common"}
	}
	c.info = info(p.config, c)
	return p, 0, nil
}

// judgeCEA judges the first message on a connection that we initiated.
func (t *Table) judgeCEA(p PeerConfig, c *conn, m *diameter.Message) error {
	if m.Request() || m.Application != 0 || m.Command != diam.CapabilitiesExchange {
		return refuse(ReasonMalformed, "waiting for CEA: got a %v", m.Header)
	}
	caps, err := base.ReadCEA(m)
	c.caps = caps
	switch {
	case err != nil:
		return unlessKnown(ReasonMalformed, err)
	case !strings.EqualFold(caps.Host, p.Host):
		return refuse(ReasonWrongIdentity, "the peer calls itself %q, not %q", caps.Host, p.Host)
	case p.Realm != "" && !strings.EqualFold(caps.Realm, p.Realm):
		return refuse(ReasonWrongRealm, "the peer's realm is %q, not %q", caps.Realm, p.Realm)
	case !c.own.Common(caps):
		return refuse(ReasonNoApplication, "the peer has no application in common with us")
	}
	c.info = info(p, c)
	return nil
}

// info is what the handler learns about a connection.
func info(p PeerConfig, c *conn) Info {
	i := Info{
		Host: p.Host, Realm: p.Realm, Secured: p.Secured, Transport: c.transport,
		Remote: c.remote, Local: c.local, Product: c.caps.Product, Initiated: c.initiated,
	}
	if i.Realm == "" {
		i.Realm = c.caps.Realm
	}
	return i
}
