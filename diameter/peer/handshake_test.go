package peer_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

func TestCEATellsAboutUs(t *testing.T) {
	t.Parallel()
	table := start(t, config())
	f := dialTo(t, table)
	cer := f.send(base.NewCER(caps(them)))
	got, err := base.ReadCEA(f.answer(cer))
	if err != nil {
		t.Fatal(err)
	}
	if got.Host != us || got.Realm != "example" || got.Product != "test" || got.OriginStateID != 7 {
		t.Errorf("CEA of %+v", got)
	}
	if len(got.Addresses) != 1 || got.Addresses[0] != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("Host-IP-Address %v, want the connection's own", got.Addresses)
	}
	connected(t, table, them)
	if s := status(t, table, them); s.State != "R-Open" || s.Health != "OKAY" || s.Product != "far" || s.Counters.Connections != 1 {
		t.Errorf("status %+v", s)
	}
}

// TestHostIPAddressOverIPv6: some peers refuse a CEA without it.
func TestHostIPAddressOverIPv6(t *testing.T) {
	t.Parallel()
	c := config()
	c.Listeners[0].Address = "[::1]:0"
	f := dialTo(t, start(t, c))
	got, err := base.ReadCEA(f.answer(f.send(base.NewCER(caps(them)))))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Addresses) != 1 || got.Addresses[0] != netip.IPv6Loopback() {
		t.Errorf("Host-IP-Address %v", got.Addresses)
	}
}

func TestConfiguredHostIPAddresses(t *testing.T) {
	t.Parallel()
	c := config()
	c.HostAddresses = []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}
	f := dialTo(t, start(t, c))
	got, err := base.ReadCEA(f.answer(f.send(base.NewCER(caps(them)))))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Addresses) != 2 {
		t.Errorf("Host-IP-Address %v", got.Addresses)
	}
}

// TestCERIsRefused has a row for each reason. The connection is closed, and the
// peer may try again.
func TestCERIsRefused(t *testing.T) {
	t.Parallel()
	change := func(f func(*base.Capabilities)) *diameter.Message {
		c := caps(them)
		f(&c)
		return base.NewCER(c)
	}
	proxiable := base.NewCER(caps(them))
	proxiable.Flags |= diameter.FlagProxiable
	tests := []struct {
		name   string
		cer    *diameter.Message
		code   diameter.ResultCode
		failed uint32 // code of the AVP in Failed-AVP
	}{
		{"stranger", change(func(c *base.Capabilities) { c.Host = "stranger.example" }), diameter.UnknownPeer, 0},
		{"other realm", change(func(c *base.Capabilities) { c.Realm = "other.example" }), diameter.UnknownPeer, 0},
		{"ourselves", change(func(c *base.Capabilities) { c.Host = us }), diameter.UnknownPeer, 0},
		{"no common application", change(func(c *base.Capabilities) { c.Applications = []base.Application{{AuthID: 4}} }), diameter.NoCommonApplication, 0},
		{"TLS inside only", change(func(c *base.Capabilities) { c.Security = []uint32{1} }), diameter.NoCommonSecurity, 0},
		{"no Host-IP-Address", change(func(c *base.Capabilities) { c.Addresses = nil }), diameter.MissingAVP, avp.HostIPAddress},
		{"P bit", proxiable, diameter.InvalidHeaderBits, 0},
	}
	table := start(t, config())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := dialTo(t, table)
			cea := f.answer(f.send(tt.cer))
			if code := result(t, cea); code != tt.code {
				t.Errorf("CEA with %v, want %v", code, tt.code)
			}
			checkFailed(t, cea, tt.failed)
			f.closed()
		})
	}
}

// checkFailed checks the code of the one AVP in Failed-AVP, 0 for none.
func checkFailed(t *testing.T, m *diameter.Message, code uint32) {
	t.Helper()
	a, ok := m.Find(avp.FailedAVP, 0)
	if !ok {
		if code != 0 {
			t.Errorf("no Failed-AVP, want AVP %d", code)
		}
		return
	}
	avps, err := a.Group()
	if err != nil || len(avps) != 1 || avps[0].Code != code {
		t.Errorf("Failed-AVP %v (%v), want AVP %d", avps, err, code)
	}
}

// TestCERIsAccepted has a row for each thing that must not matter.
func TestCERIsAccepted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*base.Capabilities)
	}{
		{"relay", func(c *base.Capabilities) { c.Applications = []base.Application{{AuthID: base.Relay}} }},
		{"other vendor", func(c *base.Capabilities) { c.Applications[0].Vendor = 1 }},
		{"no vendor", func(c *base.Capabilities) { c.Applications[0].Vendor = 0 }},
		{"upper case", func(c *base.Capabilities) { c.Host, c.Realm = strings.ToUpper(c.Host), strings.ToUpper(c.Realm) }},
		{"NO_INBAND_SECURITY", func(c *base.Capabilities) { c.Security = []uint32{0} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := dialTo(t, start(t, config()))
			c := caps(them)
			tt.change(&c)
			if code := f.ask(base.NewCER(c)); code != diameter.Success {
				t.Errorf("CEA with %v", code)
			}
			if code := f.ask(hmr("s")); code != diameter.Success {
				t.Errorf("result %v", code)
			}
		})
	}
}

// TestFirstMessageMustBeCER: whatever else comes first gets no answer.
func TestFirstMessageMustBeCER(t *testing.T) {
	t.Parallel()
	cea := base.NewCEA(base.NewCER(caps(them)), caps(them), nil)
	elsewhere := base.NewCER(caps(them))
	elsewhere.Application = app
	tests := []struct {
		name string
		m    *diameter.Message
	}{
		{"DWR", base.NewDWR(id)}, {"DPR", base.NewDPR(id, base.Rebooting)}, {"HMR", hmr("s")}, {"CEA", cea},
		{"CER of an application", elsewhere},
	}
	table := start(t, config())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := dialTo(t, table)
			f.send(tt.m)
			f.closed()
		})
	}
}

// TestCERInOpenState is answered, and changes nothing.
func TestCERInOpenState(t *testing.T) {
	t.Parallel()
	f := dialTo(t, start(t, config())).open(them)
	if code := f.ask(base.NewCER(caps(them))); code != diameter.UnableToComply {
		t.Errorf("CEA with %v", code)
	}
	if code := f.ask(hmr("s")); code != diameter.Success {
		t.Errorf("result %v", code)
	}
}

// TestSilentStranger: nobody may stand in the doorway for ever.
func TestSilentStranger(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		say  func(f *far)
	}{
		{"says nothing", func(*far) {}},
		{"says half a header", func(f *far) { f.write([]byte{1, 0, 1}) }},
		{"says one octet at a time", func(f *far) {
			for _, b := range base.NewCER(caps(them)).Append(nil) {
				if _, err := f.nc.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
				f := net.connect(t, listening)
				begin := time.Now()
				var saying sync.WaitGroup
				saying.Go(func() { tt.say(f) })
				defer saying.Wait()
				f.closed()
				if d := time.Since(begin); d != 10*time.Second {
					t.Errorf("closed after %v", d)
				}
				synctest.Wait()
				if n := table.Traffic().Strangers; n != 0 {
					t.Errorf("%d strangers left", n)
				}
			})
		})
	}
}

// dialling is a configuration in which we connect to one peer.
func dialling() peer.Config {
	c := config()
	c.Peers[0].Connect = "aaa:3868"
	return c
}

func TestWeConnect(t *testing.T) {
	t.Parallel()
	bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.taken(t)
		cer := f.request(diam.CapabilitiesExchange)
		got, failure := base.ReadCER(cer)
		if failure != nil || got.Host != us || len(got.Addresses) != 1 || got.OriginStateID != 7 {
			t.Errorf("CER of %+v: %v", got, failure)
		}
		f.send(base.NewCEA(cer, caps(them), nil))
		synctest.Wait()
		if s := status(t, table, them); s.State != "I-Open" || !s.Open {
			t.Errorf("status %+v", s)
		}
		if code := f.ask(hmr("s")); code != diameter.Success {
			t.Errorf("result %v", code)
		}
	})
}

// TestCEAIsRefused: the connection ends, and is not tried again in a hurry.
func TestCEAIsRefused(t *testing.T) {
	t.Parallel()
	change := func(f func(*base.Capabilities)) base.Capabilities {
		c := caps(them)
		f(&c)
		return c
	}
	refusal := &diameter.Failure{Code: diameter.UnknownPeer, Text: "who?"}
	tests := []struct {
		name   string
		answer func(cer *diameter.Message) *diameter.Message
		reason string
	}{
		{"refused", func(cer *diameter.Message) *diameter.Message { return base.NewCEA(cer, caps(them), refusal) },
			`the peer answered DIAMETER_UNKNOWN_PEER: "who?"`},
		{"other host", func(cer *diameter.Message) *diameter.Message {
			return base.NewCEA(cer, change(func(c *base.Capabilities) { c.Host = other }), nil)
		}, `the peer calls itself "relay.home.example", not "aaa.home.example"`},
		{"other realm", func(cer *diameter.Message) *diameter.Message {
			return base.NewCEA(cer, change(func(c *base.Capabilities) { c.Realm = "x" }), nil)
		}, `the peer's realm is "x", not "home.example"`},
		{"no application", func(cer *diameter.Message) *diameter.Message {
			return base.NewCEA(cer, change(func(c *base.Capabilities) { c.Applications = nil }), nil)
		}, "the peer has no application in common with us"},
		{"no CEA", func(*diameter.Message) *diameter.Message { return hmr("s") },
			"waiting for CEA: got a request 16777215 of application 4278222553, hop-by-hop 0x000003e9, end-to-end 0x000003e9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
				f := net.taken(t)
				f.send(tt.answer(f.request(diam.CapabilitiesExchange)))
				f.closed()
				begin := time.Now()
				synctest.Wait()
				if s := status(t, table, them); s.LastError != tt.reason || s.State != "Closed" {
					t.Errorf("%s, because %s", s.State, s.LastError)
				}
				net.taken(t)
				if d := time.Since(begin); d < 22*time.Second || d > 38*time.Second {
					t.Errorf("tried again after %v, want about 30 s", d)
				}
			})
		})
	}
}

// TestMuteAcceptor: a peer that never answers our CER.
func TestMuteAcceptor(t *testing.T) {
	t.Parallel()
	bubble(t, dialling, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.taken(t)
		begin := time.Now()
		f.request(diam.CapabilitiesExchange)
		f.closed()
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}
