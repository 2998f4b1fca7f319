package mobilenode

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"homeagent/diameter/lab/strongswan"
	"homeagent/ike/psk"
	"homeagent/ike/vici"
)

// childName is the CHILD_SA for Mobility Headers.
const childName = "mobility"

// An Association is what IKE has set up between node and home agent.
type Association struct {
	Name   string     // of the connection in the node's strongSwan
	CareOf netip.Addr // the node's end of the IKE_SA
	IKE    vici.IKESA
	Took   time.Duration // from asking strongSwan to do it
}

// Secure derives the pre-shared key, gives it to the node's strongSwan, and has it
// set up an IKE_SA from the care-of address and the CHILD_SA that protects Mobility
// Headers between home address and home agent.
func (n *Node) Secure(ctx context.Context, careOf netip.Addr) (Association, error) {
	key, err := psk.Derive(n.config.Key, n.config.KeyID, n.config.HomeAddress, n.config.HomeAgent)
	if err != nil {
		return Association{}, err
	}
	a := Association{Name: "home-" + n.config.HomeAddress.String(), CareOf: careOf}
	err = strongswan.Ask(ctx, n.config.Socket, func(ctx context.Context, link *vici.Link) error {
		if err := n.load(ctx, link, a, key); err != nil {
			return err
		}
		start := time.Now()
		if err := strongswan.Initiate(ctx, n.config.Socket, a.Name, childName); err != nil {
			return err
		}
		a.Took = time.Since(start)
		a.IKE, err = newest(ctx, link, a.Name)
		return err
	})
	if err != nil {
		return a, fmt.Errorf("setting up security with home agent %s: %w", n.config.HomeAgent, err)
	}
	return a, nil
}

func (n *Node) load(ctx context.Context, link *vici.Link, a Association, key psk.Key) error {
	shared := vici.Shared{ID: a.Name, Owners: []string{n.config.HomeAgentIdentity}, Key: key}
	if err := link.LoadShared(ctx, shared); err != nil {
		return err
	}
	return link.LoadConns(ctx, n.connection(a))
}

// connection is the mirror of RFC 4877's example in section 7.2: IKE runs between
// care-of address and home agent, and the CHILD_SA is the home address's.
func (n *Node) connection(a Association) vici.Conn {
	selector := func(address netip.Addr) []string { return []string{fmt.Sprintf("%s/128[%d]", address, protocol)} }
	return vici.Conn{
		Name:  a.Name,
		Local: a.CareOf, Remote: n.config.HomeAgent,
		LocalID: identity(n.config.UserName), RemoteID: n.config.HomeAgentIdentity,
		Proposals: n.config.Proposals.IKE,
		Children: []vici.Child{{
			Name: childName, Mode: "transport_proxy", ReqID: n.config.ReqID,
			LocalTS: selector(n.config.HomeAddress), RemoteTS: selector(n.config.HomeAgent),
			Proposals: n.config.Proposals.ESP,
		}},
	}
}

// identity makes strongSwan take a NAI for what it is, whatever else it looks like.
func identity(nai string) string {
	if strings.Contains(nai, "@") {
		return "email:" + nai
	}
	return "fqdn:" + nai
}

// newest returns the youngest IKE_SA of a connection.
func newest(ctx context.Context, link *vici.Link, name string) (vici.IKESA, error) {
	var found vici.IKESA
	for sa, err := range link.ListSAs(ctx, name) {
		if err != nil {
			return found, err
		}
		if sa.UniqueID >= found.UniqueID {
			found = sa
		}
	}
	if found.UniqueID == 0 {
		return found, errors.New("no IKE_SA although strongSwan reported success")
	}
	return found, nil
}
