package ancillary_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"homeagent/agent/mobilitysocket/ancillary"
)

var (
	agent  = netip.MustParseAddr("2001:db8:1::1")
	home   = netip.MustParseAddr("2001:db8:1::100")
	careOf = netip.MustParseAddr("2001:db8:2::5")
	addrs  = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
)

// message writes a control message as the kernel does, with the padding that
// separates it from the next one.
func message(level, kind int32, data ...byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
	binary.NativeEndian.PutUint32(b[8:], uint32(level))
	binary.NativeEndian.PutUint32(b[12:], uint32(kind))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func packetInfo(a netip.Addr, index uint32) []byte {
	return message(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, slices.Concat(a.AsSlice(), number(index))...)
}

func destinationOptions(options ...byte) []byte {
	header := append([]byte{135, byte((2+len(options))/8 - 1)}, options...)
	return message(unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, header...)
}

func homeAddressOption(a netip.Addr) []byte {
	return slices.Concat([]byte{1, 2, 0, 0, 201, 16}, a.AsSlice())
}

func TestParse(t *testing.T) {
	t.Parallel()
	info := packetInfo(agent, 7)
	option := destinationOptions(homeAddressOption(careOf)...)
	tests := []struct {
		name    string
		control []byte
		want    ancillary.Received
		flaw    ancillary.Flaw
	}{
		{name: "nothing", flaw: ancillary.AddressMissing},
		{name: "packet information", control: info, want: ancillary.Received{Destination: agent, Interface: 7}},
		{
			name:    "home address option",
			control: slices.Concat(info, option),
			want:    ancillary.Received{Destination: agent, Interface: 7, HomeAddressOption: careOf},
		},
		{
			name:    "home address option between others, after Pad1",
			control: slices.Concat(info, destinationOptions(slices.Concat([]byte{0, 0, 0, 99, 0, 0, 0, 0, 0, 99, 3, 1, 2, 3}, homeAddressOption(careOf)[4:], []byte{1, 4, 0, 0, 0, 0})...)),
			want:    ancillary.Received{Destination: agent, Interface: 7, HomeAddressOption: careOf},
		},
		{
			name: "hop limit, drop counter, mark and something unknown",
			control: slices.Concat(message(1, 99, 1, 2), info, message(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, number(255)...), message(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, number(12)...),
				message(unix.SOL_SOCKET, unix.SO_MARK, number(1<<31|7)...)),
			want: ancillary.Received{Destination: agent, Interface: 7, HopLimit: 255, Overflow: 12, Mark: 1<<31 | 7},
		},
		{name: "mark cut off", control: slices.Concat(info, message(unix.SOL_SOCKET, unix.SO_MARK, 1, 2)), flaw: ancillary.Malformed},
		{name: "other routing header", control: slices.Concat(info, message(unix.IPPROTO_IPV6, unix.IPV6_RTHDR, 135, 0, 4, 0, 0, 0, 0, 0)), want: ancillary.Received{Destination: agent, Interface: 7}},
		{name: "H6 routing header of type 2", control: slices.Concat(info, message(unix.IPPROTO_IPV6, unix.IPV6_RTHDR, 135, 2, 2, 0, 0, 0, 0, 0)), flaw: ancillary.RoutingHeader},
		{name: "routing header cut off", control: slices.Concat(info, message(unix.IPPROTO_IPV6, unix.IPV6_RTHDR, 135, 0, 4)), flaw: ancillary.Malformed},
		{name: "H6 two options in one header", control: slices.Concat(info, destinationOptions(slices.Concat(homeAddressOption(careOf), []byte{201, 16}, home.AsSlice(), []byte{1, 4, 0, 0, 0, 0})...)), flaw: ancillary.OptionRepeated},
		{name: "H6 two headers with an option each", control: slices.Concat(info, option, option), flaw: ancillary.OptionRepeated},
		{name: "option runs past the end", control: slices.Concat(info, destinationOptions(201, 16, 0, 0, 0, 0)), flaw: ancillary.Malformed},
		{name: "option without a length", control: slices.Concat(info, destinationOptions(1, 3, 0, 0, 0, 201)), flaw: ancillary.Malformed},
		{name: "home address of 4 octets", control: slices.Concat(info, destinationOptions(201, 4, 192, 0, 2, 1)), flaw: ancillary.Malformed},
		{name: "header length of another header", control: slices.Concat(info, message(unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, 135, 1, 1, 4, 0, 0, 0, 0)), flaw: ancillary.Malformed},
		{name: "header cut off", control: slices.Concat(info, message(unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, 135)), flaw: ancillary.Malformed},
		{name: "packet information cut off", control: message(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, 1, 2), flaw: ancillary.Malformed},
		{name: "number cut off", control: message(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, 1), flaw: ancillary.Malformed},
		{name: "length of a message runs past the end", control: info[:30], flaw: ancillary.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, flaw := ancillary.Parse(tt.control)
			if flaw != tt.flaw {
				t.Fatalf("flaw %s, want %s", flaw, tt.flaw)
			}
			if diff := cmp.Diff(tt.want, got, addrs); flaw == ancillary.Sound && diff != "" {
				t.Errorf("unexpected result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	header := slices.Concat([]byte{0, 2, 2, 1, 0, 0, 0, 0}, careOf.AsSlice())
	tests := []struct {
		name string
		sent ancillary.Sent
		want []byte
	}{
		{"nothing", ancillary.Sent{}, nil},
		{"source", ancillary.Sent{Source: agent}, packetInfo(agent, 0)},
		{
			"source and routing header", ancillary.Sent{Source: agent, CareOf: careOf},
			slices.Concat(packetInfo(agent, 0), message(unix.IPPROTO_IPV6, unix.IPV6_RTHDR, header...)),
		},
		{"routing header", ancillary.Sent{CareOf: careOf}, message(unix.IPPROTO_IPV6, unix.IPV6_RTHDR, header...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := ancillary.Append(make([]byte, 0, ancillary.SendSpace), tt.sent)
			if diff := cmp.Diff(tt.want, got); len(got)+len(tt.want) > 0 && diff != "" {
				t.Errorf("unexpected control messages (-want +got):\n%s", diff)
			}
			if len(got) > ancillary.SendSpace {
				t.Errorf("%d octets, more than SendSpace %d", len(got), ancillary.SendSpace)
			}
		})
	}
}

func TestFlawNames(t *testing.T) {
	t.Parallel()
	for f := range ancillary.Flaws {
		if ancillary.Flaw(f).String() == "" {
			t.Errorf("flaw %d has no name", f)
		}
	}
}

// FuzzParse builds control messages from what it found and parses them again.
func FuzzParse(f *testing.F) {
	f.Add(packetInfo(agent, 7))
	f.Add(slices.Concat(packetInfo(agent, 7), destinationOptions(homeAddressOption(careOf)...)))
	f.Add(slices.Concat(packetInfo(agent, 7), message(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, number(64)...)))
	f.Add(slices.Concat(packetInfo(agent, 7), message(unix.SOL_SOCKET, unix.SO_MARK, number(1<<31)...)))
	f.Add(message(unix.IPPROTO_IPV6, unix.IPV6_RTHDR, 135, 2, 2, 0, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, control []byte) {
		got, flaw := ancillary.Parse(control)
		if flaw != ancillary.Sound {
			return
		}
		again := slices.Concat(
			packetInfo(got.Destination, uint32(got.Interface)),
			message(unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, number(uint32(got.HopLimit))...),
			message(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, number(got.Overflow)...),
			message(unix.SOL_SOCKET, unix.SO_MARK, number(got.Mark)...),
		)
		if got.HomeAddressOption.IsValid() {
			again = append(again, destinationOptions(homeAddressOption(got.HomeAddressOption)...)...)
		}
		second, flaw := ancillary.Parse(again)
		if diff := cmp.Diff(got, second, addrs); diff != "" || flaw != ancillary.Sound {
			t.Errorf("%s, unexpected result (-want +got):\n%s", flaw, diff)
		}
	})
}
