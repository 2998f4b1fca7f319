package agent_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/diameter"
	"homeagent/diameter/lab/rawpeer"
	"homeagent/ike"
	"homeagent/xfrm"
)

var (
	ownAddress   = netip.MustParseAddr("2001:db8:1::1")
	careOf       = netip.MustParseAddr("2001:db8:2::100")
	homeOfNobody = netip.MustParseAddr("2001:db8:1::5")
	// addresses are compared, not looked into.
	addresses = cmp.Comparer(func(x, y netip.Addr) bool { return x == y })
)

// octets writes a message as a mobile node would.
func octets(t *testing.T, m mobility.Message) []byte {
	t.Helper()
	b, err := mobility.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message is a Mobility Header from a mobile node that is away. The fake wipes what
// it has delivered.
func message(home netip.Addr, payload []byte) mobilitysocket.Packet {
	return mobilitysocket.Packet{Source: careOf, HomeAddress: home, Destination: ownAddress, Interface: 2, Payload: slices.Clone(payload)}
}

func update(sequence uint16, lifetime mobility.Lifetime) *mobility.BindingUpdate {
	return &mobility.BindingUpdate{
		Sequence: sequence, Lifetime: lifetime,
		Flags:   mobility.FlagAcknowledge | mobility.FlagHomeRegistration,
		Options: mobility.Options{AlternateCareOf: careOf},
	}
}

// bindings asks as homeagentctl does.
func (h *house) bindings(t *testing.T) control.Bindings {
	t.Helper()
	var all control.Bindings
	if err := h.ctl.Get(t.Context(), "/v1/bindings", nil, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// bootstrap has a home address given to a user.
func (h *house) bootstrap(t *testing.T) netip.Addr {
	t.Helper()
	s := h.connect(t, "aaah.example.com")
	if code := rawpeer.Result(s.ask(t, s.hmr("mn1@example.com"))); code != diameter.Success {
		t.Fatal(code)
	}
	view, err := h.ctl.Session(t.Context(), "mn1@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return view.HomeAddress
}

// answer delivers a packet and waits for what is sent then.
func (h *house) answer(t *testing.T, p mobilitysocket.Packet) (sent mobilitysocket.Outgoing) {
	t.Helper()
	h.mh.Deliver(p)
	eventually(t, "an answer is sent", func() bool {
		all := h.mh.Sent()
		if len(all) > 0 {
			sent = all[0]
		}
		return len(all) > 0
	})
	return sent
}

func parsed[M mobility.Message](t *testing.T, payload []byte) M {
	t.Helper()
	m, err := mobility.Parse(payload)
	if err != nil {
		t.Fatal(err)
	}
	message, ok := m.(M)
	if !ok {
		t.Fatalf("a %s was sent", m.Type())
	}
	return message
}

// What is not understood is answered to where it came from, and never by way of
// the home address that it claims (RFC 6275 section 9.3.3). We are nobody's
// correspondent node, so the messages to one are unknown, too.
func TestH2_H16_BindingErrors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	unknown := []byte{59, 1, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for name, payload := range map[string][]byte{
		"unknown type":      unknown,
		"Home Test Init":    octets(t, &mobility.HomeTestInit{Cookie: mobility.Cookie{7}}),
		"Care-of Test Init": octets(t, &mobility.CareOfTestInit{Cookie: mobility.Cookie{7}}),
	} {
		for _, home := range []netip.Addr{homeOfNobody, {}} {
			p := message(home, payload)
			sent := h.answer(t, p)
			told := home
			if !told.IsValid() {
				told = netip.IPv6Unspecified()
			}
			want := &mobility.BindingError{Status: mobility.ErrorUnknownType, HomeAddress: told}
			if diff := cmp.Diff(want, parsed[*mobility.BindingError](t, sent.Payload), addresses); diff != "" {
				t.Errorf("%s from home address %v (-want +got):\n%s", name, home, diff)
			}
			if sent.Source != ownAddress || sent.Destination != careOf || sent.CareOf.IsValid() || sent.Association != 0 {
				t.Errorf("%s from home address %v: answered by %s", name, home, sent)
			}
		}
	}
	if got := h.bindings(t).Counters["message_unknown_type"]; got != 2 {
		t.Errorf("%d messages of unknown type counted, want 2", got)
	}
}

// Messages that a home agent neither understands nor waits for leave no trace but
// a count.
func TestH5_H8_DiscardedInSilence(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	home := h.bootstrap(t)
	h.answer(t, message(home, octets(t, update(10, 100))))
	before := h.bindings(t).Bindings

	correspondents := update(11, 50)
	correspondents.Flags = 0
	stray := message(home, octets(t, correspondents))
	stray.HomeAddress = homeOfNobody
	overrun := octets(t, update(11, 50))
	overrun[len(overrun)-1-16] = 200 // the option's length
	short := octets(t, update(11, 50))
	short[1] = 0
	for _, p := range []mobilitysocket.Packet{
		stray,
		message(home, overrun), message(home, short), message(home, short[:7]),
		message(home, octets(t, &mobility.BindingAcknowledgement{Sequence: 11, Lifetime: 1})),
		message(home, octets(t, &mobility.BindingError{Status: mobility.ErrorUnknownBinding, HomeAddress: home})),
		message(home, octets(t, &mobility.BindingRefreshRequest{})),
	} {
		h.mh.Deliver(p)
	}
	after := h.bindings(t)
	if sent := h.mh.Sent(); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
	if diff := cmp.Diff(before, after.Bindings, addresses); diff != "" {
		t.Errorf("bindings (-before +after):\n%s", diff)
	}
	for _, name := range []string{"no_correspondent", "message_option_overrun", "message_header_length", "message_truncated"} {
		if after.Counters[name] != 1 {
			t.Errorf("%s counted %d times, want once: %v", name, after.Counters[name], after.Counters)
		}
	}
}

// An acknowledgement takes the way that the Binding Update came, under the
// security association of its home address, whatever the binding says.
func TestH9_H12_AcknowledgementsGoTheWayBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	home := h.bootstrap(t)
	away := h.answer(t, message(home, octets(t, update(1, 100))))
	if away.Destination != home || away.CareOf != careOf || away.Source != ownAddress || away.Association == 0 {
		t.Errorf("acknowledged by %s under association %d", away, away.Association)
	}
	// Another address sends, and names the registered one.
	elsewhere := message(home, octets(t, update(2, 100)))
	elsewhere.Source = careOf.Next()
	if sent := h.answer(t, elsewhere); sent.Destination != home || sent.CareOf != careOf.Next() {
		t.Errorf("acknowledged by %s, want by way of %s", sent, elsewhere.Source)
	}
	leave := update(3, 0)
	leave.AlternateCareOf = netip.Addr{}
	back := message(home, octets(t, leave))
	back.Source, back.HomeAddress = home, netip.Addr{}
	if sent := h.answer(t, back); sent.Destination != home || sent.CareOf.IsValid() || sent.Association != away.Association {
		t.Errorf("acknowledged at home by %s under association %d", sent, sent.Association)
	}
}

// tunnelled is a Mobility Header from inside the ESP tunnel of a mobile node's payload,
// whose association gives the mark.
func tunnelled(home netip.Addr, mark uint32, payload []byte) mobilitysocket.Packet {
	return mobilitysocket.Packet{Source: home, Destination: ownAddress, Interface: 2, Mark: mark, Payload: slices.Clone(payload)}
}

// Inside its own tunnel a mobile node registers without a Home Address option, and
// is answered there. What comes out of another's tunnel is nobody's (RFC 4877 section 5).
func TestH52_InsideTheTunnel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	home := h.bootstrap(t)
	association := h.answer(t, message(home, octets(t, update(1, 100)))).Association
	payload := ike.PayloadReqID(association)
	mark := xfrm.MarkOf(payload)

	for what, p := range map[string]mobilitysocket.Packet{
		"another's tunnel":                           tunnelled(home, mark+1, octets(t, update(2, 100))),
		"another's tunnel, with the option":          {Source: careOf, HomeAddress: home, Destination: ownAddress, Mark: mark + 1, Payload: octets(t, update(2, 100))},
		"own tunnel, for a home address of somebody": tunnelled(homeOfNobody, mark, octets(t, update(2, 100))),
	} {
		before := h.bindings(t).Counters["not_protected"]
		h.mh.Deliver(p)
		if got := h.bindings(t).Counters["not_protected"]; got != before+1 || len(h.mh.Sent()) != 0 {
			t.Errorf("%s: counted %d times", what, got-before)
		}
	}

	sent := h.answer(t, tunnelled(home, mark, octets(t, update(2, 100))))
	if sent.Destination != home || sent.CareOf.IsValid() || sent.Association != payload || sent.TunnelEnd != careOf {
		t.Errorf("answered by %s under association %d to %s", sent, sent.Association, sent.TunnelEnd)
	}
	// The firewall has marked the packet for purposes of its own.
	other := message(home, octets(t, update(3, 100)))
	other.Mark = 7
	if sent := h.answer(t, other); sent.Association != association || sent.TunnelEnd.IsValid() {
		t.Errorf("with another mark answered under association %d to %s", sent.Association, sent.TunnelEnd)
	}
	// The mobile node has given up the association for signalling.
	h.mh.Lack(association)
	if sent := h.answer(t, message(home, octets(t, update(4, 100)))); sent.Association != payload || sent.CareOf.IsValid() {
		t.Errorf("without an association for signalling answered by %s under %d", sent, sent.Association)
	}
}

// Whoever asks for the bindings is told what the kernel drops, too.
func TestH33_H46_KernelIsCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	want := control.Tally{"tunnel_spoofed": 3, "ipsec_XfrmInTmplMismatch": 2}
	if diff := cmp.Diff(want, h.bindings(t).Counters); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
	h.kernel.fail(errors.New("broken"))
	if got := h.bindings(t).Counters; len(got) != 0 {
		t.Errorf("without an answer of the kernel %v were counted", got)
	}
}

// By default a care-of address may stand where ESP does not protect it, as mobile
// nodes of RFC 3775 had it.
func TestH53_AlternateCareOfOptionOnRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	home := h.bootstrap(t)
	bare := func(sequence uint16) mobility.Status {
		u := update(sequence, 100)
		u.AlternateCareOf = netip.Addr{}
		return parsed[*mobility.BindingAcknowledgement](t, h.answer(t, message(home, octets(t, u))).Payload).Status
	}
	if got := bare(1); got != mobility.StatusAccepted {
		t.Errorf("by default: %s", got)
	}
	h.edit(t, "[ike]", "[mobility]\nrequire_alternate_care_of = true\n[ike]")
	h.reload(t, control.Reload{TakenOver: []string{"mobility.require_alternate_care_of"}})
	if got := bare(2); got != mobility.StatusInvalidCareOfAddress {
		t.Errorf("on request: %s", got)
	}
}
