package packetport

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOwnAddresses needs no privileges: every Linux host has ::1.
func TestOwnAddresses(t *testing.T) {
	t.Parallel()
	o, err := openOwnAddresses()
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	for a, want := range map[string]bool{"::1": true, "2001:db8::1234": false, "fe80::1234:5678": false} {
		if got, err := o.has(netip.MustParseAddr(a), 1); err != nil || got != want {
			t.Errorf("%s is an own address: %t, %v; want %t", a, got, err, want)
		}
	}
	o.close()
	if _, err := o.has(netip.IPv6Loopback(), 1); err == nil {
		t.Error("no error from a closed socket")
	}
}

func TestAddressAnswer(t *testing.T) {
	t.Parallel()
	answer := func(kind uint16, errno unix.Errno) []byte {
		b := slices.Concat(make([]byte, 4), binary.NativeEndian.AppendUint16(nil, kind), make([]byte, 10))
		return binary.NativeEndian.AppendUint32(b, uint32(-int32(errno)))
	}
	tests := []struct {
		name   string
		answer []byte
		want   bool
		ok     bool
	}{
		{"address", answer(unix.RTM_NEWADDR, 0), true, true},
		{"no address", answer(unix.NLMSG_ERROR, unix.EADDRNOTAVAIL), false, true},
		{"no interface", answer(unix.NLMSG_ERROR, unix.ENODEV), false, false},
		{"something else", answer(unix.NLMSG_DONE, 0), false, false},
		{"nothing", nil, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := addressAnswer(tt.answer)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("%t, %v", got, err)
			}
		})
	}
}
