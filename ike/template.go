package ike

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"strings"

	"homeagent/ike/vici"
)

// Names of keys and connections in charon are prefix plus nameLength letters
// and digits of base32. What is not of that form was made by others and is
// left alone.
const (
	prefix     = "mn-"
	nameLength = 12
	alphabet   = "abcdefghijklmnopqrstuvwxyz234567"
)

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// ConnectionName is the name that a mobile node's key, connection and IKE_SAs
// have in charon, for looking them up there with swanctl.
func ConnectionName(home netip.Addr) string {
	octets := home.As16()
	sum := sha256.Sum256(octets[:])
	return prefix + encoding.EncodeToString(sum[:])[:nameLength]
}

func isOurs(name string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && len(rest) == nameLength && strings.Trim(rest, alphabet) == ""
}

// The CHILD_SAs of a mobile node (RFC 4877 section 4.1): for Binding Updates and
// Acknowledgements, for Home Test Inits and Home Tests, for Mobile Prefix
// Solicitations and Advertisements, and for all that is tunnelled. The first is
// there for every mobile node, the others are for those which ask. Home Tests are
// there twice, for mobile nodes that select Mobility Header types and for those
// that do not.
const (
	childMH                = "mh"
	childReturnRoutability = "rr"
	childHomeTest          = "ht"
	childPrefixDiscovery   = "mpd"
	childPayload           = "payload"
)

// mobilityHeader is the protocol of signalling and home tests (RFC 6275 section
// 6.1), icmp that of prefix discovery. charon gives the kernel no selectors with
// Mobility Header types; the kernel's policies have them.
const (
	mobilityHeader = 135
	icmp           = 58
)

// Mobility Header types as they are in a traffic selector's port (RFC 4877 section
// 7.2.1).
const (
	homeTestInit = 1 << 8
	homeTest     = 3 << 8
)

// maxReqID is the highest reqid that a mobile node may have: those of its tunnels
// are made of it.
const maxReqID = 1<<30 - 1

// RoutabilityReqID and PayloadReqID are the reqids of a mobile node's CHILD_SAs
// in tunnel mode, made of the one of its [Credential]. Each has its own, as a
// policy finds its security association by it.
func RoutabilityReqID(reqID uint32) uint32 { return reqID | 1<<30 }

// PayloadReqID is like RoutabilityReqID. What comes under these CHILD_SAs is marked
// with it, for the receiver of Binding Updates to tell whose tunnel they came in.
func PayloadReqID(reqID uint32) uint32 { return reqID | 1<<31 }

// PrefixReqID is that of the CHILD_SA in transport mode for Mobile Prefix
// Advertisements: Binding Acknowledgements must not leave under it.
func PrefixReqID(reqID uint32) uint32 { return reqID | 1<<30 | 1<<31 }

// everywhere is any address.
var everywhere = netip.PrefixFrom(netip.IPv6Unspecified(), 0)

// connection is a mobile node's connection in charon. Its IKE_SA may come from
// anywhere (RFC 4877 section 4.3: the care-of address is no selector); its
// CHILD_SA is between the home agent's and the home address, whatever the
// addresses of the IKE_SA ("transport_proxy"), and charon refuses any other
// home address, as the traffic selector is exactly one. The CHILD_SAs in tunnel
// mode end where the IKE_SA does, and are for the home address and the mobile
// network's prefixes only.
//
// A newer IKE_SA of the same identity replaces the older: a mobile node that
// restarted has forgotten it. There is no reauthentication, which would fail
// for a session that is not loaded.
func (c *Charon) connection(name string, cred Credential, user identity) vici.Conn {
	return vici.Conn{
		Name:      name,
		Local:     cred.HomeAgent,
		LocalID:   c.agent.text,
		RemoteID:  user.text,
		Proposals: c.cfg.IKEProposals,
		Rekey:     c.cfg.IKERekey,
		DPD:       c.cfg.DPDDelay,
		Unique:    "replace",
		Pools:     c.poolsOf(name),
		Children:  c.children(cred),
	}
}

// children are in the order in which charon prefers them where a mobile node's
// traffic selectors fit several equally. charon gives points for each selector: five
// if it is the same, one if it overlaps. So the types of Binding Updates fit most of
// them equally, and those of home tests would, were there not one for them.
func (c *Charon) children(cred Credential) []vici.Child {
	reqID := cmp.Or(cred.ReqID, c.cfg.ReqID)
	children := []vici.Child{{
		Name:     childMH,
		Mode:     "transport_proxy",
		ReqID:    reqID,
		LocalTS:  []string{selector(cred.HomeAgent, mobilityHeader)},
		RemoteTS: []string{selector(cred.HomeAddress, mobilityHeader)},
	}, {
		Name:     childReturnRoutability,
		Mode:     "tunnel",
		ReqID:    RoutabilityReqID(reqID),
		LocalTS:  []string{fmt.Sprintf("%s[%d]", everywhere, mobilityHeader)},
		RemoteTS: []string{selector(cred.HomeAddress, mobilityHeader)},
	}, {
		Name:     childHomeTest,
		Mode:     "tunnel",
		ReqID:    RoutabilityReqID(reqID),
		LocalTS:  []string{fmt.Sprintf("%s[%d/%d]", everywhere, mobilityHeader, homeTest)},
		RemoteTS: []string{fmt.Sprintf("%s/128[%d/%d]", cred.HomeAddress, mobilityHeader, homeTestInit)},
	}, {
		Name:     childPrefixDiscovery,
		Mode:     "transport_proxy",
		ReqID:    PrefixReqID(reqID),
		LocalTS:  []string{selector(cred.HomeAgent, icmp)},
		RemoteTS: []string{selector(cred.HomeAddress, icmp)},
	}}
	if !c.cfg.RefusePayload {
		children = append(children, vici.Child{
			Name:     childPayload,
			Mode:     "tunnel",
			ReqID:    PayloadReqID(reqID),
			LocalTS:  []string{everywhere.String()},
			RemoteTS: c.behind(cred),
			MarkIn:   PayloadReqID(reqID),
		})
	}
	for i := range children {
		children[i].Proposals, children[i].Rekey = c.cfg.ESPProposals, c.cfg.ESPRekey
	}
	return children
}

// behind are the addresses of a mobile node and the networks that move with it.
func (c *Charon) behind(cred Credential) []string {
	list := []string{fmt.Sprintf("%s/128", cred.HomeAddress)}
	if c.cfg.Networks == nil {
		return list
	}
	for _, network := range c.cfg.Networks(cred.UserName) {
		list = append(list, network.String())
	}
	return list
}

func selector(addr netip.Addr, protocol int) string { return fmt.Sprintf("%s/128[%d]", addr, protocol) }

// shared is a mobile node's key in charon. Its owners are the mobile node's
// two identities and never the home agent's: charon tries all keys one of
// whose owners is at either end, so a key owned by the home agent would
// authenticate anybody.
func shared(name string, cred Credential, user identity) vici.Shared {
	return vici.Shared{ID: name, Owners: []string{user.text, cred.HomeAddress.String()}, Key: cred.PSK}
}
