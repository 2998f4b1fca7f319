package peer_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/fiorix/go-diameter/v4/diam/datatype"
	"github.com/fiorix/go-diameter/v4/diam/dict"
	"github.com/fiorix/go-diameter/v4/diam/sm"

	"homeagent/diameter/dictionary"
	"homeagent/diameter/peer"
)

// goDiameter is the state machine of go-diameter, a stack that is not ours, as
// the peer.
func goDiameter(t *testing.T) (*sm.StateMachine, *dict.Parser) {
	t.Helper()
	d, err := dictionary.Load(dictionary.Default())
	if err != nil {
		t.Fatal(err)
	}
	return sm.New(&sm.Settings{
		OriginHost: them, OriginRealm: realm, VendorID: vendor, ProductName: "go-diameter", OriginStateID: 1,
		HostIPAddresses: []datatype.Address{datatype.Address(net.ParseIP("::1"))},
		Dict:            d.Parser(),
	}), d.Parser()
}

// goDiameterHMR is an HMR as that library builds it, without the AVPs that the
// handler of these tests does not look at.
func goDiameterHMR(d *dict.Parser) *diam.Message {
	m := diam.NewRequest(command, app, d)
	m.NewAVP(avp.SessionID, avp.Mbit, 0, datatype.UTF8String("aaa;1;2"))
	m.NewAVP(avp.OriginHost, avp.Mbit, 0, datatype.DiameterIdentity(them))
	m.NewAVP(avp.OriginRealm, avp.Mbit, 0, datatype.DiameterIdentity(realm))
	return m
}

// resultOf receives the next message and reads its Result-Code.
func resultOf(t *testing.T, answers <-chan *diam.Message) uint32 {
	t.Helper()
	select {
	case m := <-answers:
		a, err := m.FindAVP(avp.ResultCode, 0)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(a.Data.(datatype.Unsigned32))
	case <-time.After(patience):
		t.Fatal("no answer came")
		return 0
	}
}

func TestGoDiameterConnects(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	tests := []struct {
		name   string
		config peer.Config
		dial   func(address string) (net.Conn, error)
	}{
		{"TCP", config(), func(address string) (net.Conn, error) { return net.Dial("tcp", address) }},
		{"TLS", secure(a), func(address string) (net.Conn, error) { return dialTLSRaw(a, address) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			table := start(t, tt.config)
			machine, d := goDiameter(t)
			answers := make(chan *diam.Message, 10)
			machine.HandleFunc("HMA", func(_ diam.Conn, m *diam.Message) { answers <- m })
			client := &sm.Client{
				Dict: d, Handler: machine, RetransmitInterval: patience, EnableWatchdog: true, WatchdogInterval: 20 * time.Millisecond,
				VendorSpecificApplicationID: []*diam.AVP{diam.NewAVP(avp.VendorSpecificApplicationID, avp.Mbit, 0, &diam.GroupedAVP{
					AVP: []*diam.AVP{
						diam.NewAVP(avp.VendorID, avp.Mbit, 0, datatype.Unsigned32(vendor)),
						diam.NewAVP(avp.AuthApplicationID, avp.Mbit, 0, datatype.Unsigned32(app)),
					},
				})},
			}
			address := table.Addrs()[0].String()
			nc, err := tt.dial(address)
			if err != nil {
				t.Fatal(err)
			}
			c, err := client.NewConn(nc, address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := goDiameterHMR(d).WriteTo(c); err != nil {
				t.Fatal(err)
			}
			if code := resultOf(t, answers); code != diam.Success {
				t.Errorf("result %d", code)
			}
			eventually(t, "its watchdog is answered", func() bool { return status(t, table, them).Counters.WatchdogsReceived > 0 })
			if s := status(t, table, them); s.Product != "go-diameter" || s.OriginStateID != 1 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// TestConnectToGoDiameter: we dial, over TCP and TLS, and it asks over our
// connection. It knows no DPR, which bounds how it ends.
func TestConnectToGoDiameter(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	tests := []struct {
		name   string
		config peer.Config
		listen func() (net.Listener, error)
	}{
		{"TCP", config(), func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }},
		{"TLS", secure(a), func() (net.Listener, error) {
			c := a.config(strings.ToUpper(them))
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, a.pool
			return tls.Listen("tcp", "127.0.0.1:0", c)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := tt.listen()
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			machine, d := goDiameter(t)
			answers := make(chan *diam.Message, 10)
			machine.HandleFunc("HMA", func(_ diam.Conn, m *diam.Message) { answers <- m })
			go (&diam.Server{Handler: machine, Dict: d}).Serve(l)

			c := tt.config
			c.Peers[0].Connect = l.Addr().String()
			c.Timers.Disconnect = 10 * time.Millisecond
			table := start(t, c)
			select {
			case conn := <-machine.HandshakeNotify():
				if _, err := goDiameterHMR(d).WriteTo(conn); err != nil {
					t.Fatal(err)
				}
			case <-time.After(patience):
				t.Fatal("no capabilities were exchanged")
			}
			if code := resultOf(t, answers); code != diam.Success {
				t.Errorf("result %d", code)
			}
			if s := status(t, table, them); s.State != "I-Open" {
				t.Errorf("status %+v", s)
			}
		})
	}
}
