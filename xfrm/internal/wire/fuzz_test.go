package wire

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
)

// roundTrip reads octets; what it could read must be the same when it is
// written and read again.
func roundTrip[T any](t *testing.T, b []byte, parse func([]byte) (T, error), appendTo func([]byte, T) []byte) {
	t.Helper()
	first, err := parse(b)
	if err != nil {
		return
	}
	again, err := parse(appendTo(nil, first))
	if err != nil {
		t.Fatalf("reading what was written for %+v: %v", first, err)
	}
	if d := diff(first, again); d != "" {
		t.Errorf("(-first +again):\n%s", d)
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, p := range policies() {
		f.Add(AppendPolicy(nil, p))
	}
	f.Fuzz(func(t *testing.T, b []byte) { roundTrip(t, b, ParsePolicy, AppendPolicy) })
}

func FuzzParseState(f *testing.F) {
	f.Add(AppendState(nil, object.State{Transform: object.HomeAddress, Src: home, Dst: agent, CareOf: careOf, Wildcard: true}))
	f.Fuzz(func(t *testing.T, b []byte) { roundTrip(t, b, ParseState, AppendState) })
}

func FuzzParseRoute(f *testing.F) {
	for _, dst := range prefixes {
		f.Add(AppendRoute(nil, object.Route{Index: 5, Dst: dst, HomeAgent: agent, CareOf: careOf, HopLimit: 64}, false))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		roundTrip(t, b, ParseRoute, func(b []byte, r object.Route) []byte { return AppendRoute(b, r, false) })
	})
}

func FuzzParseFilter(f *testing.F) {
	for _, source := range prefixes {
		f.Add(AppendFilter(nil, filterOf(source)))
	}
	f.Add(AppendDrop(nil, 5))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseDrop(b); err != nil && s != (object.Statistics{}) && !errors.Is(err, ErrForeign) {
			t.Errorf("counters %v came with the error %v", s, err)
		}
		parse := func(b []byte) (object.Filter, error) {
			filter, _, err := ParseFilter(b)
			if err == nil && !filter.Source.IsValid() {
				err = ErrForeign // known by its handle alone
			}
			return filter, err
		}
		roundTrip(t, b, parse, AppendFilter)
	})
}

func FuzzParseAck(f *testing.F) {
	f.Add([]byte("\x24\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x00\x2a\x00\x00\x00\x00\x00\x00\x00\x10\x01\x00\x00\x10\x00\x05\x00\x07\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, result, err := ParseAck(b); result != nil && (err != nil || result.Error() == "") {
			t.Errorf("result %v, error %v", result, err)
		}
	})
}

func FuzzParseEvent(f *testing.F) {
	f.Add(uint16(unix.NETLINK_XFRM), uint16(nl.XFRM_MSG_REPORT), make([]byte, sizeReport))
	f.Add(uint16(unix.NETLINK_XFRM), uint16(nl.XFRM_MSG_DELPOLICY), make([]byte, nl.SizeofXfrmUserpolicyId))
	f.Add(uint16(unix.NETLINK_XFRM), uint16(nl.XFRM_MSG_UPDPOLICY), AppendPolicy(nil, policies()[0]))
	f.Add(uint16(unix.NETLINK_XFRM), uint16(nl.XFRM_MSG_DELSA), make([]byte, sizeStateID))
	f.Add(uint16(unix.NETLINK_ROUTE), uint16(unix.RTM_NEWLINK), make([]byte, unix.SizeofIfInfomsg))
	f.Fuzz(func(t *testing.T, family, typ uint16, b []byte) {
		if e, err := ParseEvent(int(family), typ, b); err == nil && e.Kind == object.NoEvent {
			t.Error("neither an event nor an error")
		}
	})
}
