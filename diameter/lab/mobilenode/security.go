package mobilenode

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeagent/agent/mobility"
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
// set up an IKE_SA from the care-of address, the CHILD_SA that protects Mobility
// Headers between home address and home agent, and then those for what else is to
// be protected. An older IKE_SA is ended.
func (n *Node) Secure(ctx context.Context, careOf netip.Addr) (Association, error) {
	key, err := psk.Derive(n.config.Key, n.config.KeyID, n.config.HomeAddress, n.config.HomeAgent)
	if err != nil {
		return Association{}, err
	}
	a := Association{Name: n.connectionName(), CareOf: careOf}
	err = strongswan.Ask(ctx, n.config.Socket, func(ctx context.Context, link *vici.Link) error {
		if _, err := link.Terminate(ctx, a.Name); err != nil {
			return err
		}
		if err := n.load(ctx, link, a, key); err != nil {
			return err
		}
		start := time.Now()
		for _, child := range n.connection(a).Children {
			if err := strongswan.Initiate(ctx, n.config.Socket, a.Name, child.Name); err != nil {
				return err
			}
		}
		a.Took = time.Since(start)
		a.IKE, err = newest(ctx, link, a.Name)
		return err
	})
	if err != nil {
		return a, fmt.Errorf("setting up security with home agent %s: %w", n.config.HomeAgent, err)
	}
	n.secured, n.origin = careOf, careOf
	return a, nil
}

// Protect changes what travels under ESP: the CHILD_SAs that are missing are set up
// over the IKE_SA, if there is one, and those of no more use ended. The home agent
// takes that for the node's wish.
func (n *Node) Protect(ctx context.Context, p Protect) (Association, error) {
	if err := n.config.checkProtect(p); err != nil {
		return Association{}, fmt.Errorf("changing what is protected: %w", err)
	}
	former := n.config.shields()
	n.config.Protect = p
	// strongSwan takes a connection with another address for another one.
	a := Association{Name: n.connectionName(), CareOf: n.origin}
	err := n.reshield(ctx, a, former)
	if err == nil && n.secured.IsValid() {
		err = strongswan.Ask(ctx, n.config.Socket, func(ctx context.Context, link *vici.Link) (err error) {
			a.IKE, err = newest(ctx, link, a.Name)
			return err
		})
	}
	a.CareOf = n.secured
	if err != nil {
		return a, fmt.Errorf("changing what is protected: %w", err)
	}
	return a, nil
}

// reshield leads from former shields to those of the configuration: packets leave
// under ESP as soon as they can, and in the clear as late as they may.
func (n *Node) reshield(ctx context.Context, a Association, former []shield) error {
	wanted := n.config.shields()
	if n.secured.IsValid() {
		err := strongswan.Ask(ctx, n.config.Socket, func(ctx context.Context, link *vici.Link) error {
			return link.LoadConns(ctx, n.connection(a))
		})
		for _, s := range wanted {
			if err == nil && !slices.Contains(former, s) {
				err = strongswan.Initiate(ctx, n.config.Socket, a.Name, s.child)
			}
		}
		for _, s := range former {
			if err == nil && !slices.Contains(wanted, s) {
				err = strongswan.EndChild(ctx, n.config.Socket, s.child)
			}
		}
		if err != nil {
			return err
		}
	}
	err := n.plane.dropShields()
	n.plane.shields = wanted
	if n.where.IsValid() {
		err = errors.Join(err, n.plane.setShields(n.where))
	}
	return err
}

// Security is what became of the IKE_SA when the node moved.
type Security int

// The ways of an IKE_SA.
const (
	Unmoved  Security = iota // its end was at the care-of address already
	Followed                 // it goes on from the new care-of address (K bit)
	Renewed                  // the home agent dropped it, a new one was set up
	Ended                    // the node deregistered
)

// String says it in words.
func (s Security) String() string {
	switch s {
	case Followed:
		return "the IKE_SA followed"
	case Renewed:
		return "a new IKE_SA was set up"
	case Ended:
		return "the IKE_SA was ended"
	}
	return "the IKE_SA stays"
}

// follow brings the IKE_SA to a new care-of address. Unless the home agent has set
// the K bit, it has given up the old one (RFC 6275 section 10.3.1).
func (n *Node) follow(ctx context.Context, careOf netip.Addr, flags mobility.AckFlags) (Security, error) {
	if n.secured == careOf {
		return Unmoved, nil
	}
	if n.config.KeyManagement {
		// Also before strongSwan ends it: it must know where it is.
		if err := n.plane.migrate(n.secured, careOf); err != nil {
			return Unmoved, err
		}
		n.secured = careOf
	}
	if flags.Has(mobility.AckKeyManagement) {
		return Followed, nil
	}
	_, err := n.Secure(ctx, careOf)
	return Renewed, err
}

// insecure ends the IKE_SA, whose address the node has no more.
func (n *Node) insecure(ctx context.Context) error {
	n.secured = netip.Addr{}
	return strongswan.Ask(ctx, n.config.Socket, func(ctx context.Context, link *vici.Link) error {
		_, err := link.Terminate(ctx, n.connectionName())
		return err
	})
}

func (n *Node) connectionName() string { return "home-" + n.config.HomeAddress.String() }

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
	conn := vici.Conn{
		Name:  a.Name,
		Local: a.CareOf, Remote: n.config.HomeAgent,
		LocalID: identity(n.config.UserName), RemoteID: n.config.HomeAgentIdentity,
		Proposals: n.config.Proposals.IKE,
	}
	if !n.config.Tunnelled {
		conn.Children = []vici.Child{{
			Name: childName, Mode: "transport_proxy", ReqID: n.config.ReqID,
			LocalTS: selector(n.config.HomeAddress), RemoteTS: selector(n.config.HomeAgent),
			Proposals: n.config.Proposals.ESP,
		}}
	}
	for _, s := range n.config.shields() {
		conn.Children = append(conn.Children, s.childSA(&n.config))
	}
	return conn
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

// String gives the figures a reader of the demo wants.
func (a Association) String() string {
	return fmt.Sprintf("IKE_SA %s from %s to %s[%s], %d CHILD_SA(s), %v",
		a.IKE.State, a.IKE.Local, a.IKE.Remote, a.IKE.RemoteID, len(a.IKE.Children), a.Took.Round(time.Millisecond))
}
