package peer

import (
	"context"
	"net"
)

// UseNetwork makes the Table listen and dial elsewhere than on the real network.
func (t *Table) UseNetwork(
	listen func(ctx context.Context, address string) (net.Listener, error),
	dial func(ctx context.Context, address string) (net.Conn, error),
) {
	t.listener, t.dialer = listen, dial
}

// WithPort is withPort.
var WithPort = withPort

// EndToEnd returns a new End-to-End Identifier.
func (t *Table) EndToEnd() uint32 { return t.ends.next() }
