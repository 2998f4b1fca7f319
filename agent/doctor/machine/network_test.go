package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"homeagent/agent/doctor"
)

func comparePrefixes() cmp.Option {
	return cmp.Options{cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}
}

const ifInet6 = `00000000000000000000000000000001 01 80 10 80       lo
20010db8000f00000000000000000001 02 40 00 80     eth0
20010db8000f00000000000000000002 02 40 00 c8     eth0
20010db8000f00000000000000000003 02 40 00 40     eth0
20010db8000f00000000000000000004 02 40 00 44     eth0
a line of something else
xx010db8000f00000000000000000004 02 40 00 44     eth1
`

func TestParseAddresses(t *testing.T) {
	t.Parallel()
	at := func(s string, tentative, duplicate bool) doctor.Address {
		return doctor.Address{Prefix: netip.MustParsePrefix(s), Tentative: tentative, Duplicate: duplicate}
	}
	want := map[string][]doctor.Address{
		"lo": {at("::1/128", false, false)},
		"eth0": {
			at("2001:db8:f::1/64", false, false), at("2001:db8:f::2/64", false, true), at("2001:db8:f::3/64", true, false),
			at("2001:db8:f::4/64", false, false), // optimistic: it can be used
		},
	}
	if diff := cmp.Diff(want, parseAddresses([]byte(ifInet6)), comparePrefixes()); diff != "" {
		t.Errorf("unexpected addresses (-want +got):\n%s", diff)
	}
}

const ipv6Route = `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0
20010db800010000 40 00
20010db8000100000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00200200       lo
20010db8000f00000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`

func TestParseRoutes(t *testing.T) {
	t.Parallel()
	want := []doctor.Route{
		{To: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fe80::1"), Interface: "eth0", Advertised: true},
		{To: netip.MustParsePrefix("2001:db8:1::/64"), Interface: "lo", Reject: true},
		{To: netip.MustParsePrefix("2001:db8:f::/64"), Interface: "eth0"},
	}
	if diff := cmp.Diff(want, parseRoutes([]byte(ipv6Route)), comparePrefixes()); diff != "" {
		t.Errorf("unexpected routes (-want +got):\n%s", diff)
	}
}

// Only what was asked for is kept of what the kernel has: there may be routes of many
// mobile nodes.
func TestRoutes(t *testing.T) {
	t.Parallel()
	loopback := netip.MustParsePrefix("::1/128")
	routes, err := Linux{}.Routes([]netip.Prefix{loopback})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		if !r.Covers(loopback) {
			t.Errorf("a route that was not asked for: %+v", r)
		}
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	attribute := func(kind uint16, size uint16, value ...byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, size)
		return append(binary.NativeEndian.AppendUint16(b, kind), value...)
	}
	one := binary.NativeEndian.AppendUint32(nil, 1)
	tests := map[string]struct {
		octets []byte
		want   map[uint16]int32
	}{
		"two":           {append(attribute(1, 8, one...), attribute(2, 8, 0xff, 0xff, 0xff, 0xff)...), map[uint16]int32{1: 1, 2: -1}},
		"another size":  {append(attribute(1, 5, 7, 0, 0, 0), attribute(2, 8, one...)...), map[uint16]int32{2: 1}},
		"too long":      {attribute(1, 9, one...), map[uint16]int32{}},
		"too short":     {attribute(1, 3, one...), map[uint16]int32{}},
		"without value": {attribute(1, 4), map[uint16]int32{}},
		"cut":           {[]byte{8, 0}, map[uint16]int32{}},
		"padding cut":   {attribute(1, 5, 7), map[uint16]int32{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, attributes(tt.octets)); diff != "" {
				t.Errorf("unexpected values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBind(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	taken := fmt.Sprintf("127.0.0.1:%d", port)
	if err := (Linux{}).Bind(t.Context(), taken); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("Bind of an address in use: %v", err)
	}
	if err := (Linux{}).Bind(t.Context(), fmt.Sprintf(":%d", port)); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("Bind of all addresses of a port in use: %v", err)
	}
	listener.Close()
	if err := (Linux{}).Bind(t.Context(), taken); err != nil {
		t.Errorf("Bind of a free address: %v", err)
	}
	if err := (Linux{}).Bind(t.Context(), "[2001:db8::77]:3868"); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("Bind of an address of another box: %v", err)
	}
	for _, address := range []string{"127.0.0.1", "127.0.0.1:many", "no.such.name.invalid:1"} {
		if err := (Linux{}).Bind(t.Context(), address); err == nil {
			t.Errorf("Bind of %q succeeded", address)
		}
	}
}
