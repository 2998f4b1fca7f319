package peer_test

import (
	"bufio"
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// The application of these tests, and its one command.
const (
	app     = 0xFF007ED9
	vendor  = 32473
	command = 16777215
)

const (
	us    = "ha.example"
	them  = "aaa.home.example"
	other = "relay.home.example"
	realm = "home.example"
)

// known knows our command, and the session commands in application 0.
func known(a, c uint32) (commandKnown, applicationKnown bool) {
	switch a {
	case app:
		return c == command, true
	case 0:
		return c == diam.AbortSession || c == diam.SessionTermination || c == diam.ReAuth, true
	}
	return false, false
}

// handler answers with success, unless its functions say otherwise.
type handler struct {
	admit func(peer.Info, diameter.Header) *diameter.Failure
	serve func(context.Context, peer.Info, *diameter.Message) *diameter.Message
}

var identity = diameter.Identity{Host: us, Realm: "example", OriginStateID: 7}

func (h handler) Admit(p peer.Info, header diameter.Header) *diameter.Failure {
	if h.admit == nil {
		return nil
	}
	return h.admit(p, header)
}

func (h handler) Serve(ctx context.Context, p peer.Info, req *diameter.Message) *diameter.Message {
	if h.serve == nil {
		return diameter.NewAnswer(req, identity, diameter.Success)
	}
	return h.serve(ctx, p, req)
}

// config is ours, with one peer that connects to us.
func config() peer.Config {
	return peer.Config{
		Host: us, Realm: "example", Product: "test", OriginStateID: 7,
		Applications: []peer.Application{{Vendor: vendor, AuthID: app}},
		Commands:     known, Handler: handler{},
		Listeners: []peer.Listener{{Address: "127.0.0.1:0"}},
		Peers:     []peer.PeerConfig{{Host: them, Realm: realm, Secured: peer.SecuredLoopback}},
		Log:       slog.New(slog.DiscardHandler),
	}
}

// start runs a Table until the test ends, and waits until it is ready.
func start(t testing.TB, c peer.Config, use ...func(*peer.Table)) *peer.Table {
	t.Helper()
	table, err := peer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range use {
		f(table)
	}
	stop := run(t, table)
	t.Cleanup(stop)
	return table
}

// run runs a Table until stop is called, which waits for its end.
func run(t testing.TB, table *peer.Table) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- table.Run(ctx) }()
	select {
	case <-table.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// patience is how long a test waits for what must happen. In a bubble waiting
// costs nothing.
const (
	patience         = 20 * time.Second
	patienceOfBubble = time.Hour
)

// far is the other end of a connection, played by a test. It reads all the time,
// so that the Table can always write.
type far struct {
	t        testing.TB
	nc       net.Conn
	messages chan *diameter.Message
	ended    chan struct{} // closed when the connection has ended
	id       uint32
	patience time.Duration
	alive    atomic.Bool // DWRs are answered without telling the test
}

func newFar(t testing.TB, nc net.Conn) *far {
	f := &far{t: t, nc: nc, messages: make(chan *diameter.Message, 4096), ended: make(chan struct{}), id: 1000, patience: patience}
	if _, ok := nc.(pipeConn); ok {
		f.patience = patienceOfBubble
	}
	t.Cleanup(func() { nc.Close() })
	go func() {
		defer close(f.ended)
		in := bufio.NewReader(nc)
		for {
			frame, err := diameter.ReadFrame(in, 1<<20)
			if err != nil {
				return
			}
			m, err := diameter.Parse(frame)
			if err != nil {
				return
			}
			if f.alive.Load() && m.Request() && m.Command == diam.DeviceWatchdog {
				nc.Write(base.NewAnswer(m, id, nil).Append(nil))
				continue
			}
			f.messages <- m
		}
	}()
	return f
}

// dialTo connects to the first listener of a Table.
func dialTo(t testing.TB, table *peer.Table) *far {
	t.Helper()
	nc, err := net.Dial("tcp", table.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	return newFar(t, nc)
}

func (f *far) write(b []byte) {
	f.t.Helper()
	if _, err := f.nc.Write(b); err != nil {
		f.t.Fatalf("writing: %v", err)
	}
}

// send gives a message its identifiers, if it has none, and sends it.
func (f *far) send(m *diameter.Message) *diameter.Message {
	f.t.Helper()
	f.id++
	m.HopByHop, m.EndToEnd = cmp.Or(m.HopByHop, f.id), cmp.Or(m.EndToEnd, f.id)
	f.write(m.Append(nil))
	return m
}

// next returns the next message.
func (f *far) next() *diameter.Message {
	f.t.Helper()
	select {
	case m := <-f.messages:
		return m
	default:
	}
	select {
	case m := <-f.messages:
		return m
	case <-f.ended:
		select {
		case m := <-f.messages:
			return m
		default:
			f.t.Fatal("the connection ended while a message was due")
		}
	case <-time.After(f.patience):
		f.t.Fatal("no message came")
	}
	return nil
}

// request returns the next message, which must be a request of that command.
func (f *far) request(command uint32) *diameter.Message {
	f.t.Helper()
	m := f.next()
	if !m.Request() || m.Command != command {
		f.t.Fatalf("got a %v, want a request %d", m.Header, command)
	}
	return m
}

// answer returns the next message, which must be the answer to m.
func (f *far) answer(m *diameter.Message) *diameter.Message {
	f.t.Helper()
	a := f.next()
	if a.Request() || a.Command != m.Command || a.HopByHop != m.HopByHop || a.EndToEnd != m.EndToEnd {
		f.t.Fatalf("got a %v, want the answer to the %v", a.Header, m.Header)
	}
	return a
}

// ask sends a request and returns the Result-Code of its answer.
func (f *far) ask(m *diameter.Message) diameter.ResultCode {
	f.t.Helper()
	f.send(m)
	return result(f.t, f.answer(m))
}

// closed waits for the end of the connection, in the course of which no message
// may come.
func (f *far) closed() {
	f.t.Helper()
	select {
	case <-f.ended:
	case <-time.After(f.patience):
		f.t.Fatal("the connection did not end")
	}
	if len(f.messages) > 0 {
		f.t.Fatalf("got a %v, want none", (<-f.messages).Header)
	}
}

// silent checks that for a time nothing comes and the connection stays.
func (f *far) silent(d time.Duration) {
	f.t.Helper()
	select {
	case m := <-f.messages:
		f.t.Fatalf("got a %v, want silence", m.Header)
	case <-f.ended:
		f.t.Fatal("the connection ended")
	case <-time.After(d):
	}
}

// caps are the capabilities of the far end.
func caps(host string) base.Capabilities {
	return base.Capabilities{
		Host: host, Realm: realm, Product: "far", Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::aaa")},
		Applications: []base.Application{{Vendor: vendor, AuthID: app}},
	}
}

// open exchanges capabilities as the one who connected.
func (f *far) open(host string) *far {
	f.t.Helper()
	if code := f.ask(base.NewCER(caps(host))); code != diameter.Success {
		f.t.Fatalf("CEA with %v", code)
	}
	return f
}

// accept exchanges capabilities as the one who was connected to.
func (f *far) accept(host string) *far {
	f.t.Helper()
	f.send(base.NewCEA(f.request(diam.CapabilitiesExchange), caps(host), nil))
	return f
}

// hmr is a request of the application.
func hmr(session string) *diameter.Message {
	const m = diameter.AVPMandatory
	return &diameter.Message{
		Header: diameter.Header{Flags: diameter.FlagRequest | diameter.FlagProxiable, Command: command, Application: app},
		AVPs: []diameter.AVP{
			diameter.NewUTF8(avp.SessionID, 0, m, session),
			diameter.NewUTF8(avp.OriginHost, 0, m, them),
			diameter.NewUTF8(avp.OriginRealm, 0, m, realm),
			diameter.NewUTF8(avp.DestinationHost, 0, m, us),
		},
	}
}

func result(t testing.TB, m *diameter.Message) diameter.ResultCode {
	t.Helper()
	a, ok := m.Find(avp.ResultCode, 0)
	if !ok {
		t.Fatalf("the %v has no Result-Code", m.Header)
	}
	code, err := a.Unsigned32()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Flags&diameter.FlagError != 0, diameter.ResultCode(code).Protocol(); got != want {
		t.Errorf("E bit is %v with %v", got, diameter.ResultCode(code))
	}
	return diameter.ResultCode(code)
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// status returns the status of a peer.
func status(t testing.TB, table *peer.Table, host string) peer.Status {
	t.Helper()
	for _, s := range table.Peers() {
		if s.Host == host {
			return s
		}
	}
	t.Fatalf("no status of %s", host)
	return peer.Status{}
}

func connected(t testing.TB, table *peer.Table, host string) {
	t.Helper()
	eventually(t, host+" connects", func() bool { return status(t, table, host).Open })
}
