package mobilenode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"homeagent/agent/mobility"
	"homeagent/ike/psk"
)

// Config says who the node is and what it has been told by its AAA.
type Config struct {
	UserName          string        // NAI, the node's IKE identity
	HomeAddress       netip.Addr    // as the AAA passed it on
	HomeAgent         netip.Addr    // likewise
	HomeAgentIdentity string        // the home agent's IKE identity, an FQDN or address
	Key               psk.AAAKey    // MIPv6-AAA-Key of the node's EAP run
	KeyID             int32         // MIPv6-AAA-Key-Id
	Socket            string        // VICI socket of the node's own strongSwan
	ReqID             uint32        // ties its SAs to its policies; default 1001
	Proposals         Proposals     // default AES-128, SHA-256, X25519
	Interface         string        // the interface that moves, default eth0
	Lifetime          time.Duration // asked for in a Binding Update, default 10 min
	KeyManagement     bool          // asks that IKE follows movements (the K bit)
	// Tunnelled sends Binding Updates inside the ESP tunnel for the payload, too,
	// without a Home Address option, and sets up no CHILD_SA for them alone (RFC 4877
	// sections 3 and 5). Protect must be for the payload.
	Tunnelled bool
	Protect   Protect // what is under ESP besides Binding Updates
	Log       *slog.Logger
}

// Proposals are what IKE and ESP offer, as strongSwan writes them.
type Proposals struct {
	IKE, ESP []string
}

// Node is a mobile node. Its methods are for one goroutine at a time.
type Node struct {
	config   Config
	plane    *plane
	signals  *signals
	herald   *herald
	sequence uint16
	where    netip.Addr // the care-of address; zero at home or nowhere
	secured  netip.Addr // our end of the IKE_SA; zero if there is none
	origin   netip.Addr // where it was at first
}

// Open returns a node in the network namespace of the calling thread. It needs
// CAP_NET_ADMIN and CAP_NET_RAW there.
func Open(config Config) (*Node, error) {
	config.setDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	n := &Node{config: config, sequence: uint16(rand.Uint32())}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open() (err error) {
	if n.plane, err = openPlane(n.config); err != nil {
		return err
	}
	if n.signals, err = openSignals(n.config.HomeAddress, n.config.HomeAgent); err != nil {
		return err
	}
	n.herald, err = openHerald(n.config.HomeAddress, n.config.Interface)
	return err
}

func (c *Config) setDefaults() {
	if c.ReqID == 0 {
		c.ReqID = 1001
	}
	if len(c.Proposals.IKE) == 0 {
		c.Proposals.IKE = []string{"aes128-sha256-x25519"}
	}
	if len(c.Proposals.ESP) == 0 {
		c.Proposals.ESP = []string{"aes128-sha256"}
	}
	if c.Interface == "" {
		c.Interface = "eth0"
	}
	if c.Lifetime == 0 {
		c.Lifetime = 10 * time.Minute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func (c *Config) validate() error {
	for name, address := range map[string]netip.Addr{"home address": c.HomeAddress, "home agent": c.HomeAgent} {
		if !address.Is6() || address.IsUnspecified() {
			return fmt.Errorf("reading the node's configuration: %s %q: must be an IPv6 address", name, address)
		}
	}
	if c.Lifetime < mobility.LifetimeUnit || c.Lifetime > mobility.MaxLifetime.Duration() {
		return fmt.Errorf("reading the node's configuration: lifetime %v: must be between %v and %v",
			c.Lifetime, mobility.LifetimeUnit, mobility.MaxLifetime.Duration())
	}
	return c.checkProtect(c.Protect)
}

// checkProtect keeps the tunnel that Binding Updates take.
func (c *Config) checkProtect(p Protect) error {
	if c.Tunnelled && p != (Protect{Payload: true}) {
		return errors.New("reading the node's configuration: Binding Updates inside the tunnel for the payload need that, and only that")
	}
	return nil
}

// A Registration is what a Binding Acknowledgement granted.
type Registration struct {
	CareOf   netip.Addr // the home address when deregistered
	Status   mobility.Status
	Flags    mobility.AckFlags
	Lifetime time.Duration
	Sequence uint16
	Updates  int           // how many Binding Updates it took
	Took     time.Duration // from the first of them to the acknowledgement
	Security Security      // what became of the IKE_SA
}

// String gives the figures a reader of the demo wants.
func (r Registration) String() string {
	return fmt.Sprintf("%s for %v, sequence %d, %d Binding Update(s), %v; %s",
		r.Status, r.Lifetime, r.Sequence, r.Updates, r.Took.Round(10*time.Microsecond), r.Security)
}

// A RefusedError is a Binding Acknowledgement that refused.
type RefusedError struct {
	Registration Registration
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("registering %s: refused: %s", e.Registration.CareOf, e.Registration.Status)
}

// Register makes the care-of address, which must be configured on this node, the
// one that the home agent sends to: the first time, after a movement, or before
// the binding expires. Without an IKE_SA it does Secure first. A refusal is a
// *RefusedError.
func (n *Node) Register(ctx context.Context, careOf netip.Addr) (Registration, error) {
	if err := n.plane.away(careOf); err != nil {
		return Registration{}, fmt.Errorf("preparing the kernel for care-of address %s: %w", careOf, err)
	}
	if n.config.KeyManagement && n.secured.IsValid() && n.secured != careOf {
		if err := n.plane.moveShields(n.secured, careOf); err != nil {
			return Registration{}, err
		}
	}
	n.where = careOf
	if !n.secured.IsValid() {
		if _, err := n.Secure(ctx, careOf); err != nil {
			return Registration{}, err
		}
	}
	registration, err := n.update(ctx, careOf, n.config.Lifetime)
	if err != nil {
		return registration, err
	}
	registration.Security, err = n.follow(ctx, careOf, registration.Flags)
	return registration, err
}

// Leave deregisters from where the node is, without going home (RFC 6275 section
// 11.7.1): its home address is not reachable afterwards.
func (n *Node) Leave(ctx context.Context) (Registration, error) {
	registration, err := n.update(ctx, n.where, 0)
	if err != nil {
		return registration, err
	}
	n.where, registration.Security = netip.Addr{}, Ended
	return registration, errors.Join(n.plane.dropShields(), n.plane.dropTunnel(), n.insecure(ctx))
}

// ReturnHome deregisters from the home link, where the home address must be
// configured on the node's interface, and tells the link that the home address is
// here again (RFC 6275 section 11.5.5).
func (n *Node) ReturnHome(ctx context.Context) (Registration, error) {
	if err := n.plane.atHome(); err != nil {
		return Registration{}, fmt.Errorf("preparing the kernel for being at home: %w", err)
	}
	n.where = netip.Addr{}
	registration, err := n.update(ctx, n.config.HomeAddress, 0)
	if err != nil {
		return registration, err
	}
	registration.Security = Ended
	return registration, errors.Join(n.herald.announce(n.plane.netlink), n.insecure(ctx))
}

// Close gives back the sockets and removes what the node made in the kernel. The
// binding at the home agent and the security associations stay. The node is of no
// use afterwards; closing it again is fine.
func (n *Node) Close() error {
	var errs []error
	if n.herald != nil {
		errs = append(errs, n.herald.close())
	}
	if n.signals != nil {
		errs = append(errs, n.signals.close())
	}
	if n.plane != nil {
		errs = append(errs, n.plane.remove())
		n.plane.close()
	}
	n.herald, n.signals, n.plane = nil, nil, nil
	return errors.Join(errs...)
}

// update has a Binding Update acknowledged.
func (n *Node) update(ctx context.Context, careOf netip.Addr, lifetime time.Duration) (Registration, error) {
	update := &mobility.BindingUpdate{
		Sequence: n.sequence,
		Flags:    mobility.FlagAcknowledge | mobility.FlagHomeRegistration,
		Lifetime: mobility.LifetimeOf(lifetime),
	}
	if n.config.KeyManagement {
		update.Flags |= mobility.FlagKeyManagement
	}
	if careOf != n.config.HomeAddress {
		// Under ESP the source address is not protected, this option is
		// (RFC 4877 section 4.3, RFC 6275 section 11.7.1).
		update.AlternateCareOf = careOf
	}
	result, err := exchange(ctx, n.signals, update)
	n.sequence = result.Sequence + 1
	if err != nil {
		return Registration{}, fmt.Errorf("registering %s: %w", careOf, err)
	}
	result.CareOf = careOf
	n.config.Log.Info("binding acknowledged", "home_address", n.config.HomeAddress, "care_of", careOf, "result", result.Status)
	if result.Status >= mobility.StatusUnspecified {
		return result, &RefusedError{result}
	}
	return result, nil
}
