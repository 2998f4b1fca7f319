package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"homeagent/agent/config"
	"homeagent/agent/control"
	"homeagent/diameter/peer"
)

func number(n int) string { return strconv.Itoa(n) }

// listeners looks whether peers can reach the daemon's ports, or will.
func listeners(ctx context.Context, p *patient) []Finding {
	_, daemonErr := p.daemon()
	running := daemonErr == nil
	if pid := p.instance(); pid != 0 {
		running = true
	}
	var findings []Finding
	for i, l := range p.cfg.Diameter.Listen {
		address := endpoint(l.Address, l.TLS)
		err := p.Bind(ctx, address)
		f := listener(err, address, running, denied(daemonErr))
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			f = p.nobodysAddress(address).of(fmt.Sprintf("diameter.listen[%d].address", i))
		}
		findings = append(findings, f.about(address))
	}
	return findings
}

// nobodysAddress is for an address that is none of this box.
func (p *patient) nobodysAddress(address string) Finding {
	const text = "%s cannot be listened on, as it is no address of this box"
	host, _, _ := net.SplitHostPort(address)
	a, err := netip.ParseAddr(host)
	if err != nil {
		return fail("getent ahosts "+host, text, address)
	}
	n, _ := p.network()
	device, with := p.placeFor(&n, a)
	return fail(addAddress(device, with), text, address).atBoot(lastingAddress(device, with))
}

// listener judges what came of trying to bind an address.
func listener(err error, address string, running, unknown bool) Finding {
	_, port, _ := net.SplitHostPort(address)
	who := "ss -ltnp sport = :" + port
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && running:
		return good("the daemon listens on %s", address)
	case errors.Is(err, syscall.EADDRINUSE) && unknown:
		return warn("sudo homeagentctl doctor", "somebody listens on %s; whether it is the daemon cannot be checked without root", address)
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(who, "another program listens on %s", address)
	case err != nil:
		return cannot("listening on "+address, err)
	case running:
		return fail(restartDaemon, "the daemon does not listen on %s (was the configuration changed since it started?)", address)
	default:
		return good("%s is free to listen on", address)
	}
}

// endpoint adds the default port of Diameter to an address without one.
func endpoint(address string, tls bool) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	port := peer.PortTCP
	if tls {
		port = peer.PortTLS
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), port)
}

// peers looks whether each AAA server can be talked to. The running daemon knows;
// without it they are met, those at least that we connect to.
func peers(ctx context.Context, p *patient) []Finding {
	status, err := p.daemon()
	findings := make([]Finding, len(p.cfg.Diameter.Peers))
	var all sync.WaitGroup
	for i, configured := range p.cfg.Diameter.Peers {
		all.Go(func() {
			switch {
			case err == nil:
				findings[i] = connected(configured, &status)
			case denied(err):
				findings[i] = cannot("the connection with "+configured.Identity, err)
			default:
				findings[i] = p.meet(ctx, configured)
			}
			findings[i] = findings[i].about(configured.Identity)
		})
	}
	all.Wait()
	return findings
}

// connected judges what the daemon knows of a peer.
func connected(p config.Peer, status *control.Status) Finding {
	for _, k := range status.Peers {
		if !strings.EqualFold(k.Host, p.Identity) {
			continue
		}
		if strings.HasSuffix(k.State, "-Open") {
			return good("%s is connected from %s, secured by %s", k.Host, k.Address, k.Secured)
		}
		return unconnected(p, k, status.Strangers)
	}
	return fail(restartDaemon, "the daemon does not know the peer %s (was the configuration changed since it started?)", p.Identity)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// meet connects to a peer itself.
func (p *patient) meet(ctx context.Context, to config.Peer) Finding {
	if to.Connect == "" {
		return warn(startDaemon, "%s connects to us, which it can when the daemon runs", to.Identity)
	}
	if pid := p.instance(); pid != 0 {
		return warn("", "%s is not tried, as another home agent may be connected to it", to.Identity)
	}
	met, err := p.Meet(ctx, p.cfg.Diameter, to)
	switch {
	case denied(err):
		return cannot("the peer "+to.Identity, err)
	case err != nil:
		return fail("", "%s cannot be connected to at %s: %v", to.Identity, to.Connect, err)
	case met.TLS != "":
		return good("%s (%s) answers at %s over %s", to.Identity, met.Product, met.Remote, met.TLS)
	default:
		return good("%s (%s) answers at %s", to.Identity, met.Product, met.Remote)
	}
}
