package ike

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"homeagent/ike/psk"
)

// A Credential is what charon needs of one mobile node's session.
type Credential struct {
	// UserName is the mobile node's NAI and its IKE identity (IDi). charon
	// does not tell upper from lower case in it, and cannot take one with
	// an asterisk, with control characters, or of more than 249 octets.
	UserName string

	// HomeAddress is the only address a CHILD_SA may be for; HomeAgent is
	// the home agent's address it is served from.
	HomeAddress, HomeAgent netip.Addr

	// PSK is the pre-shared key of the IKE_SA.
	PSK psk.Key

	// ReqID is the reqid of the mobile node's CHILD_SAs, its own so that charon
	// can be told that this one node moved; 0 for [Config.ReqID].
	ReqID uint32

	// EstablishedAt is when the key was last proven by an IKE_AUTH; zero
	// means it is armed and has never been.
	EstablishedAt time.Time

	// CareOf is where the mobile node's IKE_SA was when last heard of, the zero
	// Addr if that is not known. [Charon.Restore] reports one that came since.
	CareOf netip.Addr

	// RoutabilitySA and PayloadSA say which tunnels the mobile node had when
	// last heard of; see [Tunneled].
	RoutabilitySA, PayloadSA bool
}

// Identify is that of [Identities].
func (c *Charon) Identify(userName string) (string, error) { return Identities{c.agent}.Of(userName) }

// check refuses what charon cannot express, or would understand otherwise than
// it is meant.
func (c *Charon) check(cred Credential) (identity, error) {
	user, err := userIdentity(cred.UserName)
	if err != nil {
		return identity{}, err
	}
	switch {
	case !isPlain(cred.HomeAddress):
		return identity{}, fmt.Errorf("the home address %q is no unicast IPv6 address", cred.HomeAddress)
	case !isPlain(cred.HomeAgent):
		return identity{}, fmt.Errorf("the home agent address %q is no unicast IPv6 address", cred.HomeAgent)
	case cred.PSK.IsZero():
		return identity{}, errors.New("there is no pre-shared key")
	case cred.ReqID > maxReqID:
		return identity{}, fmt.Errorf("the reqid %d is above %d", cred.ReqID, maxReqID)
	case user.fold == c.agent.fold:
		return identity{}, fmt.Errorf("the user name %q is the home agent's own identity: its key would authenticate everybody", cred.UserName)
	case cred.HomeAddress == cred.HomeAgent, addressIdentity(cred.HomeAddress) == c.agent:
		return identity{}, fmt.Errorf("the home address %s is the home agent's own: its key would authenticate everybody", cred.HomeAddress)
	}
	return user, nil
}

func isPlain(addr netip.Addr) bool {
	return addr.Is6() && !addr.Is4In6() && addr.Zone() == "" && !addr.IsUnspecified() && !addr.IsMulticast() && !addr.IsLoopback()
}

// same reports whether charon needs no change to hold b instead of a.
func (a Credential) same(b Credential) bool {
	return a.UserName == b.UserName && a.HomeAddress == b.HomeAddress && a.HomeAgent == b.HomeAgent && a.ReqID == b.ReqID && a.PSK.Equal(b.PSK)
}
