package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
)

var (
	home     = netip.MustParseAddr("2001:db8:1::100")
	agent    = netip.MustParseAddr("2001:db8:1::1")
	careOf   = netip.MustParseAddr("2001:db8:2::a")
	prefixes = []netip.Prefix{
		netip.MustParsePrefix("::/0"), netip.MustParsePrefix("2001:db8:1::/64"),
		netip.MustParsePrefix("2001:db8:80::/57"), netip.MustParsePrefix("2001:db8:1::100/128"),
	}
)

// comparer compares what has addresses in it.
var comparer = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func diff(want, got any) string {
	return cmp.Diff(want, got, comparer, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
}

// octets reads hexadecimal text with blanks and line ends in it.
func octets(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// policies are of every shape this tree makes.
func policies() []object.Policy {
	transport := object.Template{Transform: object.ESP, Mode: object.Transport, ReqID: 1001}
	option := object.Template{Transform: object.HomeAddress, Mode: object.RouteOptimization, Optional: true}
	tunnel := object.Template{Transform: object.ESP, Mode: object.TunnelMode, ReqID: 7, Src: careOf, Dst: agent}
	selector := object.Selector{Src: prefixes[1], Dst: object.Host(agent), Protocol: object.MobilityHeader, Type: 5, Typed: true}
	refresh := selector
	refresh.Type = 0
	marked := object.Selector{Src: prefixes[0], Dst: object.Host(agent), Protocol: object.MobilityHeader, Mark: 1 << 31, Mask: 3 << 30}
	return []object.Policy{
		{Selector: selector, Priority: 62750, Templates: [2]object.Template{transport, option}},
		{Selector: refresh, Direction: object.Out, Priority: 62750, Templates: [2]object.Template{transport}},
		{Selector: object.Selector{Src: prefixes[3], Dst: prefixes[0]}, Direction: object.Forward, Priority: 62770, Templates: [2]object.Template{tunnel}},
		{Selector: object.Selector{Src: prefixes[0], Dst: prefixes[2], Protocol: 58}, Direction: object.Out, Block: true},
		{Selector: marked, Priority: 62748, Templates: [2]object.Template{tunnel}},
	}
}

func TestPolicyRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range policies() {
		got, err := ParsePolicy(AppendPolicy(nil, want))
		if err != nil {
			t.Errorf("%s: %v", want.Command(object.Add), err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", want.Command(object.Add), d)
		}
	}
}

// The octets are what ip(8) sends for the command in the comment, on a
// machine of low octet first.
func TestPolicyOctets(t *testing.T) {
	t.Parallel()
	// ip xfrm policy add src 2001:db8:1::/64 dst 2001:db8:1::1 proto 135 type 5 dir in priority 62750
	//   tmpl proto esp mode transport reqid 1001
	want := octets(t, `
		20010db8000100000000000000000001 20010db8000100000000000000000000
		0000 0000 0005 ffff 0a00 80 40 87 000000 00000000 00000000
		ffffffffffffffff ffffffffffffffff ffffffffffffffff ffffffffffffffff
		0000000000000000 0000000000000000 0000000000000000 0000000000000000
		0000000000000000 0000000000000000 0000000000000000 0000000000000000
		1ef50000 00000000 00 00 00 00 00000000
		4400 0500
		00000000000000000000000000000000 00000000 32 000000 0a00 0000
		00000000000000000000000000000000 e9030000 00 00 00 00 ffffffff ffffffff ffffffff`)
	p := policies()[0]
	p.Templates[1] = object.Template{}
	if d := cmp.Diff(want, AppendPolicy(nil, p)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// The policy that is deleted is found by its mark, too.
func TestMarks(t *testing.T) {
	t.Parallel()
	const attribute = "0c00 1500 00000080 000000c0"
	marked := policies()[4]
	for name, body := range map[string][]byte{"policy": AppendPolicy(nil, marked), "deletion": AppendPolicyID(nil, marked.Key())} {
		if want := octets(t, attribute); !bytes.HasSuffix(body, want) {
			t.Errorf("%s ends with %x, want %x", name, body[max(0, len(body)-len(want)):], want)
		}
	}
	unmarked := marked
	unmarked.Mask, unmarked.Mark = 0, 0
	for text, want := range map[string]error{
		"0c00 1500 01000080 000000c0": ErrForeign, // no packet can have that
		"0800 1500 00000080":          errShort,
	} {
		if _, err := ParsePolicy(append(AppendPolicy(nil, unmarked), octets(t, text)...)); !errors.Is(err, want) {
			t.Errorf("attribute %s: got error %v, want %v", text, err, want)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	t.Parallel()
	none := netip.IPv6Unspecified()
	for _, want := range []object.State{
		{Transform: object.HomeAddress, Src: none, Dst: none, CareOf: none, ReqID: 6275, Wildcard: true},
		{Transform: object.Routing, Src: agent, Dst: home, CareOf: careOf},
	} {
		got, err := ParseState(AppendState(nil, want))
		if err != nil {
			t.Errorf("%s: %v", want.Command(object.Add), err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", want.Command(object.Add), d)
		}
	}
}

func filterOf(source netip.Prefix) object.Filter {
	return object.Filter{Index: 5, Handle: 3, CareOf: careOf, HomeAgent: agent, Source: source}
}

func TestFilterRoundTrip(t *testing.T) {
	t.Parallel()
	for _, source := range prefixes {
		want := filterOf(source)
		got, statistics, err := ParseFilter(AppendFilter(nil, want))
		if err != nil {
			t.Errorf("%s: %v", want.Command(object.Add), err)
		}
		if d := diff(want, got) + diff(object.Statistics{}, statistics); d != "" {
			t.Errorf("%s (-want +got):\n%s", want.Command(object.Add), d)
		}
	}
	if _, err := ParseDrop(AppendDrop(nil, 5)); err != nil {
		t.Errorf("filter that drops: %v", err)
	}
}

func TestFilterStatistics(t *testing.T) {
	t.Parallel()
	f := filterOf(prefixes[1])
	basic := native.AppendUint32(native.AppendUint64(nil, 1000), 10)
	queue := native.AppendUint32(make([]byte, 8), 7)
	statistics := appendAttr(appendAttr(nil, attrBasicStatistics, pad(basic, 4)), attrQueueStatistics, pad(queue, 8))
	// One more action list, with nothing but counters, comes after the first.
	b := AppendFilter(nil, f)
	b = withOptions(b, appendAttr(nil, attrActionStatistics, statistics))
	p, err := parseFilter(b, "flower\x00")
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(object.Statistics{Packets: 10, Octets: 1000, Dropped: 7}, p.statistics); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// withOptions appends to a filter an option with an action.
func withOptions(b, action []byte) []byte {
	const optionsAt = sizeFilter + attrHeader + 8 // after the kind
	o := appendAttr(bytes.Clone(b[optionsAt+attrHeader:]), 3, appendAttr(nil, 1, action))
	return appendAttr(bytes.Clone(b[:optionsAt]), 2, o)
}

// A filter that is not quite ours is known by its handle alone.
func TestFilterThatIsNotOurs(t *testing.T) {
	t.Parallel()
	ours := AppendFilter(nil, filterOf(prefixes[3]))
	at := func(pattern []byte, change byte) []byte {
		i := bytes.Index(ours, pattern)
		if i < 0 {
			t.Fatalf("no %x in a filter", pattern)
		}
		b := bytes.Clone(ours)
		b[i+len(pattern)-1] ^= change
		return b
	}
	index := native.AppendUint32(nil, firstAction+3)
	for name, b := range map[string][]byte{
		"verdict":      at(append(index, 0, 0, 0, 0, 0), 2),
		"action index": at(index, 1),
		"mask":         at(bytes.Repeat([]byte{0xff}, 8), 1),
		"kind":         at([]byte("gact"), 1),
		"ethertype":    at([]byte{8, 0, 0x86, 0xdd}, 1),
		"more actions": withOptions(ours, nil),
	} {
		got, _, err := ParseFilter(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := diff(object.Filter{Index: 5, Handle: 3}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if _, _, err := ParseFilter(AppendDrop(nil, 5)); !errors.Is(err, ErrForeign) {
		t.Errorf("a filter of another kind: got error %v, want %v", err, ErrForeign)
	}
	if _, err := ParseDrop(ours); !errors.Is(err, ErrForeign) {
		t.Errorf("a filter of another kind as one that drops: got error %v, want %v", err, ErrForeign)
	}
}

func TestRouteRoundTrip(t *testing.T) {
	t.Parallel()
	for _, dst := range prefixes[1:] {
		want := object.Route{Index: 5, Dst: dst, HomeAgent: agent, CareOf: careOf, HopLimit: 64}
		got, err := ParseRoute(AppendRoute(nil, want, false))
		if err != nil {
			t.Errorf("%s: %v", want.Command(object.Add), err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", want.Command(object.Add), d)
		}
		if _, err := ParseRoute(AppendRoute(nil, want, true)); !errors.Is(err, ErrForeign) {
			t.Errorf("a route without encapsulation: got error %v, want %v", err, ErrForeign)
		}
	}
}

func migration() object.Migration {
	move := object.Move{Mode: object.TunnelMode, ReqID: 7, FromSrc: careOf, FromDst: agent, ToSrc: home, ToDst: agent}
	second := move
	second.ReqID = 8
	return object.Migration{
		Policy: policies()[2].Key(), Moves: []object.Move{move, second}, Local: agent, Remote: home,
	}
}

func TestMigrationOctets(t *testing.T) {
	t.Parallel()
	addresses := `
		20010db8000100000000000000000001 20010db800020000000000000000000a
		20010db8000100000000000000000001 20010db8000100000000000000000100`
	want := octets(t, "00000000000000000000000000000000 20010db8000100000000000000000100"+`
		0000 0000 0000 0000 0a00 00 80 00 000000 00000000 00000000
		00000000 02 000000
		2c00 1300
		20010db8000100000000000000000001 20010db8000100000000000000000100 00000000 0a00 0000
		9c00 1100`+addresses+"32 01 0000 07000000 0a00 0a00"+addresses+"32 01 0000 08000000 0a00 0a00")
	if d := cmp.Diff(want, AppendMigration(nil, migration())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Whatever is cut off, there is an error and no panic.
func TestShortMessages(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct {
		body  []byte
		parse func([]byte) error
		whole int // what is still whole when cut
	}{
		"marked": {AppendPolicy(nil, policies()[4]), errOf(ParsePolicy), sizePolicy},
		"policy": {AppendPolicy(nil, policies()[0]), errOf(ParsePolicy), sizePolicy},
		"state":  {AppendState(nil, object.State{Transform: object.HomeAddress}), errOf(ParseState), -1},
		"route":  {AppendRoute(nil, object.Route{Dst: prefixes[1], CareOf: careOf, HomeAgent: agent}, false), errOf(ParseRoute), -1},
		"ack":    {octets(t, ackText), func(b []byte) error { _, _, err := ParseAck(b); return err }, -1},
	} {
		for n := range len(m.body) {
			// Attributes may end at a boundary of four octets.
			if err := m.parse(m.body[:n]); err == nil && n < m.whole {
				t.Errorf("%s of %d octets instead of %d was read", name, n, len(m.body))
			}
		}
	}
}

func errOf[T any](parse func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error { _, err := parse(b); return err }
}

// ackText is the refusal of a state whose module is missing, as sent to an
// Intel machine.
const ackText = `
	40000000 0200 0003 07000000 2a000000
	a3ffffff 10010000 1000 0500 07000000 00000000
	1c000100 526571756573746564207479706520 6e6f7420666f756e6400`

func TestParseAck(t *testing.T) {
	t.Parallel()
	sequence, result, err := ParseAck(octets(t, ackText))
	if err != nil {
		t.Fatal(err)
	}
	if sequence != 7 || !errors.Is(result, syscall.EPROTONOSUPPORT) || !strings.HasSuffix(result.Error(), ": Requested type not found") {
		t.Errorf("got sequence number %d and result %v", sequence, result)
	}
	accepted := octets(t, "24000000 0200 0000 07000000 2a000000 00000000 10010000 1000 0500 07000000 00000000")
	if _, result, err := ParseAck(accepted); result != nil || err != nil {
		t.Errorf("acceptance: got result %v and error %v", result, err)
	}
}

func TestAppendMessage(t *testing.T) {
	t.Parallel()
	want := octets(t, "13000000 1000 0502 09000000 07000000 aabbcc00")
	got := AppendMessage(nil, Message{Type: 16, Flags: unix.NLM_F_EXCL | unix.NLM_F_ACK, Body: []byte{0xaa, 0xbb, 0xcc}}, 9, 7)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestParseCounters(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/xfrm_stat")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseCounters(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 28 || got["XfrmInTmplMismatch"] != 12 || got["XfrmInStateMismatch"] != 3 {
		t.Errorf("got %v", got)
	}
	for _, bad := range []string{"Name\n", "Name x\n", "Name 1 2\n", "\n"} {
		if _, err := ParseCounters([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
