package mobility

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The sums were computed by another program from RFC 6275 section 6.1.1 alone.
func TestH1_Checksum(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		source, destination netip.Addr
		octets              []byte
		want                uint16
	}{
		{"update, under the home address", home, agent, updateRows()[1].octets, 0x5ed0},
		{"acknowledgement", agent, home, acknowledgementRows()[1].octets, 0x4d9d},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := merge(tt.octets)
			if got := Checksum(tt.source, tt.destination, b); got != tt.want {
				t.Errorf("unexpected checksum %#04x (want %#04x)", got, tt.want)
			}
			if ChecksumOK(tt.source, tt.destination, b) {
				t.Error("zero passes for the checksum")
			}
			SetChecksum(tt.source, tt.destination, b)
			if !ChecksumOK(tt.source, tt.destination, b) {
				t.Errorf("the checksum %x is not taken back", b[4:6])
			}
			for i := range b {
				b[i] ^= 0x10
				if ChecksumOK(tt.source, tt.destination, b) {
					t.Errorf("a flipped bit in octet %d is not noticed", i)
				}
				b[i] ^= 0x10
			}
		})
	}
	if ChecksumOK(home, agent, []byte{59, 0, 0}) {
		t.Error("three octets pass")
	}
}

// A header of odd length cannot be sent, but can be received.
func TestChecksumOdd(t *testing.T) {
	t.Parallel()
	b := merge(updateRows()[0].octets, []byte{0x12})
	SetChecksum(home, agent, b)
	if !ChecksumOK(home, agent, b) || ChecksumOK(home, agent, append(b, 1)) {
		t.Error("odd lengths are summed up wrongly")
	}
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		d    time.Duration
		want Lifetime
	}{
		{0, 0}, {-time.Hour, 0}, {4*time.Second - 1, 0}, {4 * time.Second, 1}, {7999 * time.Millisecond, 1},
		{600 * time.Second, 150}, {262140 * time.Second, MaxLifetime}, {math.MaxInt64, MaxLifetime}, {math.MinInt64, 0},
	}
	for _, tt := range tests {
		got := LifetimeOf(tt.d)
		if got != tt.want {
			t.Errorf("%s: %d units (want %d)", tt.d, got, tt.want)
		}
		if got.Duration() > max(tt.d, 0) {
			t.Errorf("%s: promises %s", tt.d, got)
		}
	}
	if got := Lifetime(150).String(); got != "10m0s" {
		t.Errorf("unexpected text %q", got)
	}
}

func TestNetworkPrefix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		p    NetworkPrefix
		want string
		ok   bool
	}{
		{NetworkPrefix{home, 64}, "2001:db8:1::/64", true},
		{NetworkPrefix{home, 128}, "2001:db8:1::1234/128", true},
		{NetworkPrefix{home, 0}, "::/0", true},
		{NetworkPrefix{home, 129}, "invalid Prefix", false},
	}
	for _, tt := range tests {
		if got, ok := tt.p.Prefix(); got.String() != tt.want || ok != tt.ok {
			t.Errorf("%v: %s, %t (want %s, %t)", tt.p, got, ok, tt.want, tt.ok)
		}
	}
}

// All options at once, at every alignment that the identifier can cause.
func TestOptionsAtEveryAlignment(t *testing.T) {
	t.Parallel()
	for n := range 17 {
		want := &BindingUpdate{Options: Options{
			RefreshAdvice: 1, AlternateCareOf: careOf, NonceIndices: &NonceIndices{2, 3},
			NetworkPrefixes: []NetworkPrefix{{home, 64}, {agent, 48}},
			Identifier:      Identifier{IdentifierNAI, make([]byte, n)},
			Authorization:   make([]byte, 12+n%3),
		}}
		b, err := Append(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		if len(b)%unit != 0 {
			t.Errorf("%d octets", len(b))
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Message(want), got, addrComparer); diff != "" {
			t.Errorf("unexpected message (-want +got):\n%s", diff)
		}
	}
}

// FuzzParse: whatever is parsed can be written, and is the same when parsed again.
func FuzzParse(f *testing.F) {
	for _, row := range messageRows() {
		f.Add(row.octets)
	}
	for _, row := range slices.Concat(headerFaultRows(), optionFaultRows()) {
		f.Add(row.octets)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := Parse(b)
		if err != nil {
			return
		}
		octets, err := Append(nil, first)
		if err != nil {
			if len(b) < MaxLength/2 { // a long one may not fit when its options get aligned
				t.Fatalf("%+v: %v", first, err)
			}
			return
		}
		second, err := Parse(octets)
		if err != nil {
			t.Fatalf("%x: %v", octets, err)
		}
		first.options().Skipped = 0 // those are not written
		if diff := cmp.Diff(first, second, addrComparer); diff != "" {
			t.Fatalf("unexpected message (-first +second):\n%s", diff)
		}
	})
}
