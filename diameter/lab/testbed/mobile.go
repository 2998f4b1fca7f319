package testbed

import (
	"errors"
	"net/netip"
)

// Addresses of the Mobile IPv6 laboratory. The router has address 2 on every link
// and joins them all.
var (
	HomePrefix     = netip.MustParsePrefix("2001:db8:1::/64")
	ForeignAPrefix = netip.MustParsePrefix("2001:db8:2::/64")
	RemotePrefix   = netip.MustParsePrefix("2001:db8:3::/64")
	ForeignBPrefix = netip.MustParsePrefix("2001:db8:4::/64")

	HomeAgentAddress     = netip.MustParseAddr("2001:db8:1::1")
	AAAAddress           = netip.MustParseAddr("2001:db8:3::a")
	CorrespondentAddress = netip.MustParseAddr("2001:db8:3::1")
	CareOfAddressA       = netip.MustParseAddr("2001:db8:2::100")
	CareOfAddressB       = netip.MustParseAddr("2001:db8:4::100")
)

// Interface is the name of the one interface that every host of the Mobile IPv6
// laboratory has; the router has one for each link, named like the link.
const Interface = "eth0"

// Mobile is the usual laboratory of Mobile IPv6:
//
//	HomeAgent      ---+-- Home --------+
//	(MobileNode)   ---+                |
//	MobileNode     ------ ForeignA ----+-- Router
//	(MobileNode)   ------ ForeignB ----+
//	Correspondent  ---+-- Remote ------+
//	AAA            ---+
//
// The mobile node is plugged in nowhere at first.
type Mobile struct {
	*Bed
	HomeAgent, Router, MobileNode, Correspondent, AAA *Host
	Home, ForeignA, ForeignB, Remote                  *Link
	// At is where the mobile node is; its Link is nil before the first MoveTo.
	At Place
}

// A Place is a point of attachment: a link and the address a host has there.
type Place struct {
	Link    *Link
	Address netip.Prefix // with the length of the link's prefix
}

// NewMobile builds the laboratory with its files in a folder.
func NewMobile(folder string) (*Mobile, error) {
	bed, err := New(folder)
	if err != nil {
		return nil, err
	}
	m := &Mobile{Bed: bed}
	if err := m.build(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Mobile) build() error {
	err := m.addHosts()
	if err == nil {
		err = m.addLinks()
	}
	if err != nil {
		return err
	}
	return errors.Join(
		m.connect(m.HomeAgent, Place{m.Home, withLength(HomeAgentAddress, HomePrefix)}),
		m.connect(m.Correspondent, Place{m.Remote, withLength(CorrespondentAddress, RemotePrefix)}),
		m.connect(m.AAA, Place{m.Remote, withLength(AAAAddress, RemotePrefix)}),
		m.HomeAgent.Sysctl("net.ipv6.conf.all.forwarding", "1"),
	)
}

func (m *Mobile) addHosts() error {
	hosts := []struct {
		name  string
		place **Host
	}{
		{"ha", &m.HomeAgent}, {"router", &m.Router}, {"mn", &m.MobileNode},
		{"cn", &m.Correspondent}, {"aaa", &m.AAA},
	}
	for _, h := range hosts {
		host, err := m.Host(h.name)
		if err != nil {
			return err
		}
		*h.place = host
	}
	return m.Router.Sysctl("net.ipv6.conf.all.forwarding", "1")
}

func (m *Mobile) addLinks() error {
	links := []struct {
		name   string
		prefix netip.Prefix
		place  **Link
	}{
		{"home", HomePrefix, &m.Home},
		{"foreign-a", ForeignAPrefix, &m.ForeignA},
		{"foreign-b", ForeignBPrefix, &m.ForeignB},
		{"remote", RemotePrefix, &m.Remote},
	}
	for _, l := range links {
		link, err := m.Link(l.name)
		if err != nil {
			return err
		}
		*l.place = link
		if err := link.Attach(m.Router, l.name, withLength(RouterAddress(l.prefix), l.prefix)); err != nil {
			return err
		}
	}
	return nil
}

// AtHome is the mobile node's place on the home link, where it uses its home address.
func (m *Mobile) AtHome(homeAddress netip.Addr) Place {
	return Place{m.Home, withLength(homeAddress, HomePrefix)}
}

// AtForeignA is the mobile node's place on foreign link A.
func (m *Mobile) AtForeignA() Place {
	return Place{m.ForeignA, withLength(CareOfAddressA, ForeignAPrefix)}
}

// AtForeignB is the mobile node's place on foreign link B.
func (m *Mobile) AtForeignB() Place {
	return Place{m.ForeignB, withLength(CareOfAddressB, ForeignBPrefix)}
}

// MoveTo takes the mobile node to another place: its cable is plugged in there,
// the address replaces the one it had, and the way to everywhere leads through
// that link's router. What the node does about it is its own business.
func (m *Mobile) MoveTo(place Place) error {
	if m.At.Link != nil {
		if err := m.MobileNode.RemoveAddress(Interface, m.At.Address); err != nil {
			return err
		}
	}
	m.At = place
	return m.connect(m.MobileNode, place)
}

// connect plugs a host in, with the router as its way to everywhere.
func (m *Mobile) connect(h *Host, place Place) error {
	if err := place.Link.Attach(h, Interface, place.Address); err != nil {
		return err
	}
	return h.AddRoute(everywhere, RouterAddress(place.Address))
}

// everywhere is the destination of a default route.
var everywhere = netip.PrefixFrom(netip.IPv6Unspecified(), 0)

// RouterAddress returns the router's address on the link of a prefix.
func RouterAddress(prefix netip.Prefix) netip.Addr {
	address := prefix.Masked().Addr().As16()
	address[15] = 2
	return netip.AddrFrom16(address)
}

func withLength(address netip.Addr, prefix netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(address, prefix.Bits())
}
