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

// childMH is the CHILD_SA that protects Binding Updates and Acknowledgements.
const childMH = "mh"

// mobilityHeader is the protocol that CHILD_SA is for (RFC 6275 section 6.1).
// charon cannot select Mobility Header types; the kernel's policies do.
const mobilityHeader = 135

// connection is a mobile node's connection in charon. Its IKE_SA may come from
// anywhere (RFC 4877 section 4.3: the care-of address is no selector); its
// CHILD_SA is between the home agent's and the home address, whatever the
// addresses of the IKE_SA ("transport_proxy"), and charon refuses any other
// home address, as the traffic selector is exactly one.
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
		Children: []vici.Child{{
			Name:      childMH,
			Mode:      "transport_proxy",
			ReqID:     cmp.Or(cred.ReqID, c.cfg.ReqID),
			LocalTS:   []string{selector(cred.HomeAgent)},
			RemoteTS:  []string{selector(cred.HomeAddress)},
			Proposals: c.cfg.ESPProposals,
			Rekey:     c.cfg.ESPRekey,
		}},
	}
}

func selector(addr netip.Addr) string { return fmt.Sprintf("%s/128[%d]", addr, mobilityHeader) }

// shared is a mobile node's key in charon. Its owners are the mobile node's
// two identities and never the home agent's: charon tries all keys one of
// whose owners is at either end, so a key owned by the home agent would
// authenticate anybody.
func shared(name string, cred Credential, user identity) vici.Shared {
	return vici.Shared{ID: name, Owners: []string{user.text, cred.HomeAddress.String()}, Key: cred.PSK}
}
