package base

import (
	"net/netip"
	"slices"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
)

// Relay is the Application-Id by which relays say that they carry any
// application (RFC 6733 section 2.4).
const Relay = 0xffffffff

// The values of Inband-Security-Id (RFC 6733 section 6.10).
const (
	noInbandSecurity = 0
	inbandTLS        = 1
)

// An Application is an authorization application and the vendor that defined
// it, 0 for none.
type Application struct {
	Vendor uint32
	AuthID uint32
}

// Capabilities are what CER and CEA tell of a node.
type Capabilities struct {
	Host, Realm   string
	Addresses     []netip.Addr
	VendorID      uint32
	Product       string
	OriginStateID uint32 // 0 if not told
	// Applications are those for authorization, whether told with a vendor or
	// without.
	Applications []Application
	// Accounting are the identifiers of accounting applications.
	Accounting []uint32
	// Security are the values of Inband-Security-Id.
	Security []uint32
}

// Common reports whether two nodes have an application in common. Vendors do
// not count, and a relay has all (RFC 6733 section 5.3).
func (c Capabilities) Common(other Capabilities) bool {
	ids := c.authIDs()
	return slices.ContainsFunc(other.authIDs(), func(id uint32) bool {
		return id == Relay || slices.Contains(ids, id)
	}) || slices.Contains(other.Accounting, Relay) || slices.Contains(ids, Relay)
}

func (c Capabilities) authIDs() []uint32 {
	var ids []uint32
	for _, a := range c.Applications {
		ids = append(ids, a.AuthID)
	}
	return ids
}

// InsistsOnInbandTLS reports whether the node offers no other security than
// TLS begun inside the connection, which RFC 6733 deprecates and we lack.
func (c Capabilities) InsistsOnInbandTLS() bool {
	return slices.Contains(c.Security, inbandTLS) && !slices.Contains(c.Security, noInbandSecurity)
}

// identity is who the node is in its messages.
func (c Capabilities) identity() diameter.Identity {
	return diameter.Identity{Host: c.Host, Realm: c.Realm, OriginStateID: c.OriginStateID}
}

// NewCER makes the request that opens a connection we initiated. The
// identifiers are the caller's to set, as for all requests here.
func NewCER(own Capabilities) *diameter.Message {
	m := request(diam.CapabilitiesExchange)
	m.Add(own.identity().AVPs()...)
	m.Add(own.avps()...)
	return m
}

// NewCEA answers a CER: with success if f is nil. All our applications are
// named, not only the common ones, but not to strangers.
func NewCEA(cer *diameter.Message, own Capabilities, f *diameter.Failure) *diameter.Message {
	if f == nil {
		m := diameter.NewAnswer(cer, own.identity(), diameter.Success)
		m.Add(own.avps()...)
		return m
	}
	m := diameter.NewFailure(cer, own.identity(), f)
	if !f.Code.Protocol() {
		m.Add(own.avps()...)
	}
	return m
}

// avps are all but the identity. A vendor's application is named twice: some
// peers look for it in only one of the two places.
func (c Capabilities) avps() []diameter.AVP {
	const m = diameter.AVPMandatory
	var avps []diameter.AVP
	for _, a := range c.Addresses {
		avps = append(avps, diameter.NewAddress(avp.HostIPAddress, 0, m, a))
	}
	avps = append(avps,
		diameter.NewUnsigned32(avp.VendorID, 0, m, c.VendorID),
		diameter.NewUTF8(avp.ProductName, 0, 0, c.Product))
	for _, vendor := range c.vendors() {
		avps = append(avps, diameter.NewUnsigned32(avp.SupportedVendorID, 0, m, vendor))
	}
	for _, a := range c.Applications {
		id := diameter.NewUnsigned32(avp.AuthApplicationID, 0, m, a.AuthID)
		avps = append(avps, id)
		if a.Vendor != 0 {
			avps = append(avps, diameter.NewGroup(avp.VendorSpecificApplicationID, 0, m,
				diameter.NewUnsigned32(avp.VendorID, 0, m, a.Vendor), id))
		}
	}
	for _, id := range c.Accounting {
		avps = append(avps, diameter.NewUnsigned32(avp.AcctApplicationID, 0, m, id))
	}
	for _, s := range c.Security {
		avps = append(avps, diameter.NewUnsigned32(avp.InbandSecurityID, 0, m, s))
	}
	return avps
}

// vendors are those whose AVPs we know, each once.
func (c Capabilities) vendors() []uint32 {
	var vendors []uint32
	for _, a := range c.Applications {
		if a.Vendor != 0 && !slices.Contains(vendors, a.Vendor) {
			vendors = append(vendors, a.Vendor)
		}
	}
	return vendors
}

func request(command uint32) *diameter.Message {
	return &diameter.Message{Header: diameter.Header{Flags: diameter.FlagRequest, Command: command}}
}
