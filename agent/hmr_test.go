package agent_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
	"homeagent/agent/store"
	"homeagent/agent/store/boltstore"
	"homeagent/diameter"
	"homeagent/diameter/dictionary"
	"homeagent/diameter/lab/rawpeer"
	"homeagent/ike/vici/vicitest"
)

var codes = dictionary.Default()

// refusals are requests that must be refused, in the order of the checks; each
// has the one fault that it is named after.
var refusals = []struct {
	name   string
	from   string // aaah.example.com if empty
	change func(m *diameter.Message)
	code   diameter.ResultCode
	failed uint32 // code of the AVP in Failed-AVP, 0 for none
}{
	{"unprotected connection", "clear.example.com", nil, diameter.EndToEndKeyEncryption, 0},
	{"peer without the role", "stranger.example.com", nil, diameter.AuthorizationRejected, 0},
	{"E bit in a request", "", func(m *diameter.Message) { m.Flags |= diameter.FlagError }, diameter.InvalidHeaderBits, 0},
	{"unknown application", "", func(m *diameter.Message) { m.Application = 16777250 }, diameter.ApplicationUnsupported, 0},
	{"unknown command", "", func(m *diameter.Message) { m.Command = 16777000 }, diameter.CommandUnsupported, 0},
	{"Auth-Application-Id differs", "", func(m *diameter.Message) {
		replace(m, diameter.NewUnsigned32(avp.AuthApplicationID, 0, must, 1))
	}, diameter.InvalidAVPValue, avp.AuthApplicationID},
	{"another Destination-Host", "", func(m *diameter.Message) {
		replace(m, diameter.NewUTF8(avp.DestinationHost, 0, must, "other.example.net"))
	}, diameter.UnableToDeliver, 0},
	{"another Destination-Realm", "", func(m *diameter.Message) {
		without(m, avp.DestinationHost, 0)
		replace(m, diameter.NewUTF8(avp.DestinationRealm, 0, must, "example.org"))
	}, diameter.RealmNotServed, 0},
	{"unknown AVP with M", "", func(m *diameter.Message) {
		m.Add(diameter.NewOctets(99999, 0, must, []byte("x")))
	}, diameter.AVPUnsupported, 99999},
	{"M missing where it must be", "", func(m *diameter.Message) {
		a := diameter.NewUTF8(avp.UserName, 0, 0, "mn1@example.com")
		replace(m, a)
	}, diameter.InvalidAVPBits, avp.UserName},
	{"two User-Names", "", func(m *diameter.Message) {
		m.Add(diameter.NewUTF8(avp.UserName, 0, must, "mn2@example.com"))
	}, diameter.AVPOccursTooManyTimes, avp.UserName},
	{"a lifetime of 3 octets", "", func(m *diameter.Message) {
		replace(m, diameter.NewOctets(avp.AuthorizationLifetime, 0, must, []byte{0, 0, 1}))
	}, diameter.InvalidAVPLength, avp.AuthorizationLifetime},
	{"User-Name missing", "", func(m *diameter.Message) { without(m, avp.UserName, 0) }, diameter.MissingAVP, avp.UserName},
	{"key id missing", "", func(m *diameter.Message) { without(m, codes.AAAKeyID, codes.Vendor) }, diameter.MissingAVP, codes.AAAKeyID},
	{"bootstrapping not requested", "", func(m *diameter.Message) {
		replace(m, diameter.NewUnsigned32(codes.BootstrapVector, codes.Vendor, must, 2))
	}, diameter.InvalidAVPValue, codes.BootstrapVector},
	{"contradictory vector", "", func(m *diameter.Message) {
		replace(m, diameter.NewUnsigned32(codes.BootstrapVector, codes.Vendor, must, 1|4))
	}, diameter.ContradictingAVPs, codes.BootstrapVector},
	{"the access network's key", "", func(m *diameter.Message) {
		m.Add(diameter.NewOctets(codes.PANAAAAKey, codes.Vendor, must, make([]byte, 64)))
	}, diameter.AVPNotAllowed, codes.PANAAAAKey},
	{"no lifetime at all", "", func(m *diameter.Message) {
		replace(m, diameter.NewUnsigned32(avp.AuthorizationLifetime, 0, must, 0))
	}, diameter.InvalidAVPValue, avp.AuthorizationLifetime},
	{"a server the peer may not speak for", "", func(m *diameter.Message) {
		replace(m, diameter.NewUTF8(avp.OriginHost, 0, must, "evil.example.com"))
	}, diameter.AuthorizationRejected, 0},
	{"a hop that is not trusted", "", func(m *diameter.Message) {
		m.Add(diameter.NewUTF8(avp.RouteRecord, 0, must, "evil.example.com"))
	}, diameter.AuthorizationRejected, 0},
	{"a user of another realm", "old.example.com", func(m *diameter.Message) {
		replace(m, diameter.NewUTF8(avp.UserName, 0, must, "mn1@example.org"))
	}, diameter.AuthorizationRejected, 0},
	{"a name that strongSwan reads as a wildcard", "", func(m *diameter.Message) {
		replace(m, diameter.NewUTF8(avp.UserName, 0, must, "m*n@example.com"))
	}, diameter.InvalidAVPValue, avp.UserName},
	{"the home agent's own name", "", func(m *diameter.Message) {
		replace(m, diameter.NewUTF8(avp.UserName, 0, must, "HA.example.net"))
	}, diameter.InvalidAVPValue, avp.UserName},
	{"a short key", "", func(m *diameter.Message) {
		replace(m, diameter.NewOctets(codes.AAAKey, codes.Vendor, must, make([]byte, 19)))
	}, diameter.InvalidAVPValue, codes.AAAKey},
	{"a home address off the prefix", "", func(m *diameter.Message) {
		m.Add(diameter.NewAddress(codes.MobileNodeAddress, codes.Vendor, must, netip.MustParseAddr("2001:db8:9::1")))
	}, diameter.InvalidAVPValue, codes.MobileNodeAddress},
	{"the home agent's address as home address", "", func(m *diameter.Message) {
		m.Add(diameter.NewAddress(codes.MobileNodeAddress, codes.Vendor, must, netip.MustParseAddr("2001:db8:1::1")))
	}, diameter.InvalidAVPValue, codes.MobileNodeAddress},
	{"another home agent", "", func(m *diameter.Message) {
		m.Add(diameter.NewAddress(codes.HomeAgentAddress, codes.Vendor, must, netip.MustParseAddr("2001:db8:1::2")))
	}, diameter.InvalidAVPValue, codes.HomeAgentAddress},
	{"re-authentication of an unknown session", "", func(m *diameter.Message) { m.Command = diam.ReAuth }, diameter.UnknownSessionID, 0},
	{"abort of an unknown session", "", func(m *diameter.Message) { m.Command = diam.AbortSession }, diameter.UnknownSessionID, 0},
}

// Every request that must be refused is refused with the right answer, keeps
// nothing, and leaves the connection open.
func TestRefusedHMR(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	servers := map[string]*server{}
	for _, tt := range refusals {
		from := tt.from
		if from == "" {
			from = "aaah.example.com"
		}
		if servers[from] == nil {
			servers[from] = h.connect(t, from)
		}
		t.Run(tt.name, func(t *testing.T) {
			s := servers[from]
			request := s.hmr("mn1@example.com")
			request.Add(diameter.NewGroup(avp.ProxyInfo, 0, must,
				diameter.NewUTF8(avp.ProxyHost, 0, must, "proxy"), diameter.NewOctets(avp.ProxyState, 0, must, []byte{1, 2, 3})))
			if tt.change != nil {
				tt.change(request)
			}
			checkRefusal(t, request, s.ask(t, request), tt.code, tt.failed)
			if users := h.users(t); len(users) != 0 {
				t.Errorf("the refusal left sessions of %v", users)
			}
			if keys := h.charon.Keys(); len(keys) != 0 {
				t.Errorf("the refusal left keys %v", keys)
			}
		})
	}
	if code := rawpeer.Result(servers["aaah.example.com"].ask(t, servers["aaah.example.com"].hmr("mn1@example.com"))); code != diameter.Success {
		t.Errorf("a right request after all: %v", code)
	}
}

func checkRefusal(t *testing.T, request, answer *diameter.Message, code diameter.ResultCode, failed uint32) {
	t.Helper()
	if got := rawpeer.Result(answer); got != code {
		text, _ := answer.Find(avp.ErrorMessage, 0)
		t.Errorf("Result-Code %v (%s), want %v", got, text.Data, code)
	}
	if got := answer.Flags&diameter.FlagError != 0; got != code.Protocol() {
		t.Errorf("E bit %v with %v (RFC 6733 section 7.1.3)", got, code)
	}
	if answer.AVPs[0].Code != avp.SessionID {
		t.Errorf("the answer begins with %v, not with Session-Id", answer.AVPs[0])
	}
	sent, _ := request.Find(avp.ProxyInfo, 0)
	if got, _ := answer.Find(avp.ProxyInfo, 0); !cmp.Equal(got.Data, sent.Data) {
		t.Errorf("Proxy-Info came back as %x", got.Data)
	}
	var got uint32
	for _, a := range failedOf(t, answer) {
		got = a.Code
		if a.Is(codes.AAAKey, codes.Vendor) && slices.Max(a.Data) != 0 {
			t.Error("the answer shows the key")
		}
	}
	if got != failed {
		t.Errorf("Failed-AVP holds %d, want %d", got, failed)
	}
}

func refused(t *testing.T, answer *diameter.Message, want diameter.ResultCode) {
	t.Helper()
	if got := rawpeer.Result(answer); got != want {
		t.Errorf("Result-Code %v, want %v", got, want)
	}
}

func TestGrantedHMR(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.connect(t, "aaah.example.com")
	answer := s.ask(t, s.hmr("mn1@example.com"))
	hma, failure := s.codec.DecodeHMA(answer)
	if failure != nil || hma.Result != diameter.Success {
		t.Fatalf("HMA: %+v, %v", hma, failure)
	}
	if hma.HomeAgent != netip.MustParseAddr("2001:db8:1::1") || hma.AcctMultiSessionID == "" || hma.OriginStateID == 0 || hma.UserName != "mn1@example.com" {
		t.Errorf("HMA = %+v", hma)
	}
	view, err := h.ctl.Session(t.Context(), hma.HomeAddress.String())
	if err != nil || view.UserName != "mn1@example.com" || view.State != "armed" || view.Peer != "aaah.example.com" {
		t.Errorf("session = %+v, %v", view, err)
	}
	if keys, conns := h.charon.Keys(), h.charon.Conns(); len(keys) != 1 || !cmp.Equal(keys, conns) {
		t.Errorf("charon holds keys %v and connections %v", keys, conns)
	}
}

// A retransmission gets the same answer, by another connection too, and no
// second session.
func TestRetransmittedHMR(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.connect(t, "aaah.example.com")
	request := s.hmr("mn1@example.com")
	first := s.ask(t, request)
	s.Close()
	repeated := s.hmr("mn1@example.com")
	repeated.EndToEnd, repeated.Flags = request.EndToEnd, repeated.Flags|diameter.FlagRetransmit
	again := h.connect(t, "aaah.example.com").ask(t, repeated)
	if again.HopByHop != repeated.HopByHop || again.Flags&diameter.FlagRetransmit != 0 {
		t.Errorf("header of the second answer: %+v", again.Header)
	}
	if diff := cmp.Diff(first.AVPs, again.AVPs); diff != "" {
		t.Errorf("the second answer differs (-first +second):\n%s", diff)
	}
	if n := len(h.users(t)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestExhaustionAndRelease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.connect(t, "aaah.example.com")
	for n := range 4 {
		if code := rawpeer.Result(s.ask(t, s.hmr("mn"+strconv.Itoa(n)+"@example.com"))); code != diameter.Success {
			t.Fatalf("mobile node %d: %v", n, code)
		}
	}
	refused(t, s.ask(t, s.hmr("mn5@example.com")), diameter.HomeAgentNotAvailable)
	if _, err := h.ctl.Release(t.Context(), "mn2@example.com"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "charon forgets the released key", func() bool { return len(h.charon.Keys()) == 3 })
	// The released address is held down: nobody gets it yet.
	refused(t, s.ask(t, s.hmr("mn5@example.com")), diameter.HomeAgentNotAvailable)
}

func TestPeerOfTheDraftsGrammar(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.connect(t, "old.example.com")
	request := s.hmr("mn1@example.com")
	without(request, codes.AAAKeyID, codes.Vendor)
	if code := rawpeer.Result(s.ask(t, request)); code != diameter.Success {
		t.Errorf("without a key id: %v", code)
	}
}

func TestCharonAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.connect(t, "aaah.example.com")
	h.charon.Script(func(c vicitest.Call) vicitest.Action {
		if strings.HasPrefix(c.Command, "load-") {
			return vicitest.Action{Refuse: "out of memory"}
		}
		return vicitest.Action{}
	})
	refused(t, s.ask(t, s.hmr("mn1@example.com")), diameter.UnableToComply)
	h.charon.Script(func(vicitest.Call) vicitest.Action { return vicitest.Action{} })
	if users := h.users(t); len(users) != 0 {
		t.Errorf("left: %v", users)
	}
	h.charon.Stop()
	refused(t, s.ask(t, s.hmr("mn2@example.com")), diameter.TooBusy) // transient: RFC 6733 section 7.1.3
	h.charon.Start()
	eventually(t, "charon is connected again", func() bool {
		status, err := h.ctl.Status(t.Context())
		return err == nil && status.IKE.Connected
	})
	if code := rawpeer.Result(s.ask(t, s.hmr("mn1@example.com"))); code != diameter.Success {
		t.Errorf("after charon came to its senses: %v", code)
	}
}

// Framing that cannot be trusted closes the connection, and only that one.
func TestBrokenFrames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := h.connect(t, "aaah.example.com")
	for name, change := range map[string]func([]byte){
		"version 2":       func(b []byte) { b[0] = 2 },
		"length 19":       func(b []byte) { binary.BigEndian.PutUint32(b, 1<<24|19) },
		"announces 16 MB": func(b []byte) { binary.BigEndian.PutUint32(b, 1<<24|0xfffffc) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := h.connect(t, "old.example.com")
			frame := bad.hmr("mn1@example.com").Append(nil)
			change(frame)
			if err := bad.Raw(frame); err != nil {
				t.Fatal(err)
			}
			select { // an answer may come first
			case <-bad.Ended():
			case <-time.After(20 * time.Second):
				t.Fatal("the connection is still open")
			}
			if code := rawpeer.Result(good.ask(t, good.hmr("mn1@example.com"))); code != diameter.Success {
				t.Errorf("the other peer got %v", code)
			}
		})
	}
}

func TestRestartKeepsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.connect(t, "aaah.example.com")
	first := s.ask(t, s.hmr("mn1@example.com"))
	before, _ := first.Find(codes.MobileNodeAddress, codes.Vendor)
	h.stop()
	h.charon.Stop()
	h.charon.Start()
	h.start(t)
	eventually(t, "charon holds the key again", func() bool { return len(h.charon.Keys()) == 1 })
	s = h.connect(t, "aaah.example.com")
	answer := s.ask(t, s.hmr("mn1@example.com"))
	after, _ := answer.Find(codes.MobileNodeAddress, codes.Vendor)
	if !cmp.Equal(before.Data, after.Data) {
		t.Errorf("home address %x before the restart, %x after", before.Data, after.Data)
	}
	stateBefore, _ := first.Find(avp.OriginStateID, 0)
	stateAfter, _ := answer.Find(avp.OriginStateID, 0)
	if !cmp.Equal(stateBefore.Data, stateAfter.Data) {
		t.Error("Origin-State-Id changed although nothing was lost (RFC 6733 section 8.16)")
	}
}

// A binding that lost its session, as by a crash between the two, is neither
// forwarded nor left to whoever gets the home address next.
func TestBindingWithoutSessionIsDropped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.stop()
	records, err := boltstore.Open(h.file("state.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	orphan := netip.MustParseAddr("2001:db8:1::100")
	err = records.Apply(t.Context(), store.PutBinding{Binding: store.Binding{
		HomeAddress: orphan, CareOf: netip.MustParseAddr("2001:db8:2::1"), HomeAgent: netip.MustParseAddr("2001:db8:1::1"),
		Sequence: 1, Lifetime: 1000, Registered: time.Now(), Expires: time.Now().Add(4000 * time.Second),
	}})
	if err := errors.Join(err, records.Close()); err != nil {
		t.Fatal(err)
	}
	h.start(t)
	var bindings control.Bindings
	if err := h.ctl.Get(t.Context(), "/v1/bindings", nil, &bindings); err != nil || len(bindings.Bindings) != 0 {
		t.Errorf("bindings = %+v, %v", bindings.Bindings, err)
	}
	h.stop()
	records, err = boltstore.Open(h.file("state.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	if err := records.Bindings(func(b store.Binding) error { return fmt.Errorf("the store still holds %v", b.HomeAddress) }); err != nil {
		t.Error(err)
	}
}
