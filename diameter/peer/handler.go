package peer

import (
	"context"
	"net/netip"

	"homeagent/diameter"
)

// A Handler serves the requests of applications. Its methods are called
// concurrently.
type Handler interface {
	// Admit decides by the header alone whether this peer may ask this. It is
	// called before any other check, must not block, and its Failure is the
	// answer.
	Admit(p Info, h diameter.Header) *diameter.Failure
	// Serve returns the answer to a request of a known command, made with
	// diameter.NewAnswer or NewFailure; nil sends none. The request may have a
	// Fault. It is Serve's alone, and not used after Serve returned. The
	// context ends when the connection's peer is removed or the Table's time
	// to drain is over.
	Serve(ctx context.Context, p Info, req *diameter.Message) *diameter.Message
}

// Info describes the peer at the other end of a connection.
type Info struct {
	Host, Realm string // as configured; Realm as announced if none is
	Secured     Secured
	Transport   Transport
	Remote      netip.AddrPort
	Local       netip.AddrPort
	Product     string // Product-Name, as announced
	// Initiated is true on a connection that we dialled.
	Initiated bool
}
