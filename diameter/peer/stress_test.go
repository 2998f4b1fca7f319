package peer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// TestComingAndGoing has peers connect, ask, and leave in every manner, several
// times at once, while they are asked and reconfigured. It is for the race
// detector, and for deadlocks: at the end the Table stops.
func TestComingAndGoing(t *testing.T) {
	t.Parallel()
	c := config()
	c.Peers = nil
	for i := range 4 {
		c.Peers = append(c.Peers, peer.PeerConfig{Host: fmt.Sprintf("aaa%d.home.example", i), Realm: realm, Secured: peer.SecuredLoopback})
	}
	c.Timers.Drain, c.Timers.Disconnect = 10*time.Millisecond, 10*time.Millisecond
	c.Limits.Strangers, c.Limits.StrangersPerSource = 8, 8
	table, err := peer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, table)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				visit(t, table.Addrs()[0].String(), c.Peers[n%4].Host, n)
			}
		})
	}
	all.Go(func() {
		for ctx.Err() == nil {
			table.Peers()
			short, done := context.WithTimeout(ctx, time.Millisecond)
			table.Do(short, realm, str("")) // there may be no peer, nor an answer
			done()
		}
	})
	all.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			if err := table.SetPeers(ctx, c.Peers[n%2:]); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("SetPeers: %v", err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	all.Wait()
	stop()
}

// visit connects, exchanges capabilities, asks, and leaves. None of it needs to
// succeed.
func visit(t *testing.T, address, host string, n int) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Errorf("connecting: %v", err)
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(20 * time.Millisecond))
	nc.Write(base.NewCER(caps(host)).Append(nil))
	request := hmr(fmt.Sprint(n))
	request.EndToEnd = uint32(n % 50)
	nc.Write(request.Append(nil))
	nc.Write(base.NewDWR(id).Append(nil))
	switch n % 3 {
	case 0:
		nc.Read(make([]byte, 4096))
	case 1:
		nc.Write(base.NewDPR(id, base.Cause(n%4)).Append(nil))
		nc.Read(make([]byte, 4096))
		nc.Write(base.NewAnswer(&diameter.Message{Header: diameter.Header{Command: diam.DisconnectPeer}}, id, nil).Append(nil))
	}
}
