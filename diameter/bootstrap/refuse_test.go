package bootstrap_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/ike/psk"
)

func keyOf(n int) func(*bootstrap.HMR) {
	return func(h *bootstrap.HMR) { h.Key = psk.NewAAAKey(make([]byte, n)) }
}

// nest returns a Proxy-Info inside a Proxy-Info and so on.
func nest(depth int) diameter.AVP {
	a := diameter.NewUTF8(proxyHost, 0, m, "relay")
	for range depth {
		a = diameter.NewGroup(proxyInfo, 0, m, a)
	}
	return a
}

// A fault is one thing wrong with an HMR and the answer to it.
type fault struct {
	name   string
	edits  []edit
	code   diameter.ResultCode
	failed []diameter.AVP
}

func avps(a ...diameter.AVP) []diameter.AVP { return a }

func TestDecodeHMR_Destination(t *testing.T) {
	t.Parallel()
	host := func(name string) edit { return set(diameter.NewUTF8(destinationHost, 0, m, name)) }
	realm := func(name string) edit { return set(diameter.NewUTF8(destinationRealm, 0, m, name)) }
	testRefused(t, []fault{
		{"another host in our realm", []edit{host("ghost.example.net")}, diameter.UnableToDeliver, nil},
		{"another host in another realm", []edit{host("ha.example.org"), realm("example.org")}, diameter.UnableToDeliver, nil},
		{"our host without realm", []edit{host(us.Host), drop(destinationRealm, 0)}, diameter.UnableToDeliver, nil},
		{"another realm", []edit{realm("example.org")}, diameter.RealmNotServed, nil},
		{"our host in the route", []edit{add(diameter.NewUTF8(routeRecord, 0, m, "relay"), diameter.NewUTF8(routeRecord, 0, m, "HA.example.net"))},
			diameter.LoopDetected, nil},
		{"neither host nor realm is for us, but incomplete", []edit{drop(destinationRealm, 0)}, diameter.MissingAVP,
			avps(diameter.AVP{Code: destinationRealm, Flags: m, Data: []byte{}})},
	})
}

func TestDecodeHMR_Application(t *testing.T) {
	t.Parallel()
	wrong := diameter.NewUnsigned32(authApplication, 0, m, 4)
	testRefused(t, []fault{{"not the header's", []edit{set(wrong)}, diameter.InvalidAVPValue, avps(wrong)}})
	c := newCodec(t)
	for _, tt := range []struct {
		name   string
		change func(*diameter.Message)
		want   diameter.ResultCode
	}{
		{"another application", func(msg *diameter.Message) { msg.Application = 4 }, diameter.ApplicationUnsupported},
		{"another command", func(msg *diameter.Message) { msg.Command-- }, diameter.CommandUnsupported},
		{"an answer", func(msg *diameter.Message) { msg.Flags = 0 }, diameter.CommandUnsupported},
	} {
		_, msg := edited(t, c, minimal())
		tt.change(msg)
		if _, f := c.DecodeHMR(msg, options()); f == nil || f.Code != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, f, tt.want)
		}
	}
}

func TestDecodeHMR_Framing(t *testing.T) {
	t.Parallel()
	long := diameter.NewOctets(lifetime, 0, m, []byte{0, 0, 14, 16, 0})
	short := diameter.NewOctets(aaaKeyID, vendor, m, []byte{1})
	enum := diameter.NewOctets(sessionState, 0, m, make([]byte, 8))
	cut := diameter.NewOctets(homeAddress, vendor, m, []byte{0, 2, 0x20, 1})
	time := diameter.NewOctets(eventTimestamp, 0, m, []byte{1, 2, 3})
	broken := diameter.AVP{Code: proxyInfo, Flags: m, Data: append(diameter.NewUTF8(proxyHost, 0, m, "relay").Append(nil), 0, 0, 0, proxyState, byte(m), 0, 0, 99)}
	typed := diameter.AVP{Code: proxyInfo, Flags: m, Data: []byte{0, 0, 1, 35, 0x40, 0, 0, 99}} // an Authorization-Lifetime
	testRefused(t, []fault{
		{"Unsigned32 of 5", []edit{set(long)}, diameter.InvalidAVPLength, avps(long)},
		{"Integer32 of 1", []edit{set(short)}, diameter.InvalidAVPLength, avps(short)},
		{"Enumerated of 8", []edit{set(enum)}, diameter.InvalidAVPLength, avps(enum)},
		{"Address of 4", []edit{set(cut)}, diameter.InvalidAVPLength, avps(cut)},
		{"Time of 3", []edit{add(time)}, diameter.InvalidAVPLength, avps(time)},
		{"inside a group", []edit{add(broken)}, diameter.InvalidAVPLength,
			avps(diameter.NewGroup(proxyInfo, 0, m, diameter.AVP{Code: proxyState, Flags: m}))},
		{"inside a group, of a type with a length", []edit{add(typed)}, diameter.InvalidAVPLength,
			avps(diameter.NewGroup(proxyInfo, 0, m, diameter.NewUnsigned32(lifetime, 0, m, 0)))},
		{"inside a group in a group", []edit{add(diameter.NewGroup(proxyInfo, 0, m, broken))}, diameter.InvalidAVPLength,
			avps(diameter.NewGroup(proxyInfo, 0, m, diameter.NewGroup(proxyInfo, 0, m, diameter.AVP{Code: proxyState, Flags: m})))},
	})
}

// Lengths that break the message itself cannot be edited in: they are patched
// into the octets of the last AVP.
func TestDecodeHMR_BrokenFrame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		octets string // of the last AVP
		failed string // octets of Failed-AVP's contents
	}{
		{"length 0", "00000123 40000000 00000e10", "00000123 4000000c 00000000"},
		{"length 7", "00000123 40000007 00000e10", "00000123 4000000c 00000000"},
		{"longer than the message", "00000123 40000010 00000e10", "00000123 4000000c 00000000"},
		{"V bit and length 8", "00000002 c0000008 00007ed9", "00000002 c000000c 00000000"},
		{"vendor's address too long", "00000002 c0000020 00007ed9", "00000002 c0000012 00007ed9 00000000 00000000"},
		{"vendor's key too long", "00000004 c0000064 00007ed9 4b455921", "00000004 c000000c 00007ed9"},
		{"unknown AVP too long", "0000270f 40000064", "0000270f 40000008"},
		{"group too long", "0000011c 40000064 00000118", "0000011c 40000008"},
		{"half a header", "00000123", "00000123 0000000c 00000000"},
	}
	c := newCodec(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			frame := c.EncodeHMR(minimal()).Append(nil)
			frame = append(frame, octets(t, tt.octets)...)
			frame[2], frame[3] = byte(len(frame)>>8), byte(len(frame))
			msg := parse(t, frame)
			_, f := c.DecodeHMR(msg, options())
			if f == nil || f.Code != diameter.InvalidAVPLength || len(f.Failed) != 1 {
				t.Fatalf("got %v, want %v", f, diameter.InvalidAVPLength)
			}
			if diff := cmp.Diff(octets(t, tt.failed), f.Failed[0].Append(nil)); diff != "" {
				t.Errorf("unexpected Failed-AVP (-want +got):\n%s", diff)
			}
			answer := c.Refuse(msg, us, f)
			if !answer.AVPs[0].Is(sessionID, 0) {
				t.Error("the answer has lost the Session-Id")
			}
		})
	}
}

func TestDecodeHMR_Flags(t *testing.T) {
	t.Parallel()
	unset := func(a diameter.AVP, f diameter.AVPFlags) diameter.AVP { a.Flags &^= f; return a }
	noM := diameter.NewUTF8(userName, 0, 0, "mn@example.com")
	vendorZero := diameter.AVP{Code: userName, Flags: vm, Data: []byte("mn@example.com")}
	ownNoM := unset(diameter.NewUnsigned32(vector, vendor, m, 1), m)
	tooM := diameter.NewUTF8(errorMessage, 0, m, "why")
	keyNoM := diameter.NewOctets(aaaKey, vendor, 0, secretKey(64))
	hidden := keyNoM
	hidden.Data = make([]byte, 64)
	testRefused(t, []fault{
		{"base AVP without M", []edit{set(noM)}, diameter.InvalidAVPBits, avps(noM)},
		{"base AVP with V and vendor 0", []edit{set(vendorZero)}, diameter.InvalidAVPBits, avps(vendorZero)},
		{"own AVP without M", []edit{set(ownNoM)}, diameter.InvalidAVPBits, avps(ownNoM)},
		{"AVP that must not have M", []edit{add(tooM)}, diameter.InvalidAVPBits, avps(tooM)},
		{"key without M, not shown", []edit{set(keyNoM)}, diameter.InvalidAVPBits, avps(hidden)},
	})
}

func TestDecodeHMR_Unknown(t *testing.T) {
	t.Parallel()
	unknown := diameter.NewUTF8(9999, 0, m, "do this")
	foreign := diameter.NewUnsigned32(vector, 10415, m, 1)
	binding := diameter.NewUnsigned32(270, 0, m, 1)
	group := func(f diameter.AVPFlags, a ...diameter.AVP) diameter.AVP {
		return diameter.NewGroup(proxyInfo, 0, f, a...)
	}
	known := diameter.NewUTF8(proxyHost, 0, m, "relay")
	testRefused(t, []fault{
		{"with the M bit", []edit{add(unknown)}, diameter.AVPUnsupported, avps(unknown)},
		{"first of two", []edit{add(foreign, unknown)}, diameter.AVPUnsupported, avps(foreign)},
		{"our code of another vendor", []edit{first(foreign)}, diameter.AVPUnsupported, avps(foreign)},
		{"base AVP that we would not obey", []edit{add(binding)}, diameter.AVPUnsupported, avps(binding)},
		{"in a group with the M bit", []edit{add(group(m, known, unknown))}, diameter.AVPUnsupported, avps(group(m, unknown))},
		{"in a group in a group", []edit{add(group(m, group(m, known, unknown)))}, diameter.AVPUnsupported, avps(group(m, group(m, unknown)))},
		{"in a group without the M bit, whose flags are wrong", []edit{add(group(0, unknown))}, diameter.InvalidAVPBits, avps(group(0, unknown))},
	})
}

func TestDecodeHMR_TooMany(t *testing.T) {
	t.Parallel()
	second := diameter.NewUTF8(userName, 0, m, "second@example.com")
	third := diameter.NewUTF8(userName, 0, m, "third@example.com")
	state := diameter.NewUnsigned32(originStateID, 0, m, 2)
	hidden := diameter.NewOctets(aaaKey, vendor, m, make([]byte, 32))
	many := make([]diameter.AVP, diameter.MaxAVPs)
	for i := range many {
		many[i] = diameter.NewOctets(class, 0, m, []byte{byte(i)})
	}
	used := len(newCodec(t).EncodeHMR(minimal()).AVPs)
	testRefused(t, []fault{
		{"required one, first excess", []edit{add(second, third)}, diameter.AVPOccursTooManyTimes, avps(second)},
		{"optional one", []edit{add(diameter.NewUnsigned32(originStateID, 0, m, 1), state)}, diameter.AVPOccursTooManyTimes, avps(state)},
		{"key, not shown", []edit{add(diameter.NewOctets(aaaKey, vendor, m, secretKey(32)))}, diameter.AVPOccursTooManyTimes, avps(hidden)},
		{"more than any message has", []edit{add(many...)}, diameter.AVPOccursTooManyTimes, avps(many[diameter.MaxAVPs-used])},
	})
}

func TestDecodeHMR_Form(t *testing.T) {
	t.Parallel()
	name := func(s string) diameter.AVP { return diameter.NewUTF8(userName, 0, m, s) }
	state := diameter.NewInteger32(sessionState, 0, m, 2)
	v4 := diameter.NewAddress(homeAddress, vendor, m, netip.MustParseAddr("192.0.2.1"))
	mapped := diameter.NewOctets(homeAgent, vendor, m, append([]byte{0, 2}, netip.MustParseAddr("::ffff:192.0.2.1").AsSlice()...))
	bare := diameter.NewOctets(homeAddress, vendor, m, netip.MustParseAddr("2001:db8::1").AsSlice())
	family := diameter.NewOctets(hostIPAddress, 0, m, []byte{0, 8, '1', '2'})
	session := diameter.NewUTF8(sessionID, 0, m, "a\nb")
	empty := diameter.NewUTF8(sessionID, 0, m, "")
	host := diameter.NewUTF8(originHost, 0, m, "aaah example")
	multi := diameter.NewUTF8(acctMultiSession, 0, m, "\x1b[2J")
	deep := nest(5)
	deepFailed := diameter.NewGroup(proxyInfo, 0, m)
	for range 4 {
		deepFailed = diameter.NewGroup(proxyInfo, 0, m, deepFailed)
	}
	faults := []fault{
		{"Auth-Session-State 2", []edit{set(state)}, diameter.InvalidAVPValue, avps(state)},
		{"IPv4 home address", []edit{set(v4)}, diameter.InvalidAVPValue, avps(v4)},
		{"IPv4-mapped home agent", []edit{set(mapped)}, diameter.InvalidAVPValue, avps(mapped)},
		{"bare address without the switch", []edit{set(bare)}, diameter.InvalidAVPValue, avps(bare)},
		{"unknown address family", []edit{add(family)}, diameter.InvalidAVPValue, avps(family)},
		{"Session-Id with a newline", []edit{set(session)}, diameter.InvalidAVPValue, avps(session)},
		{"empty Session-Id", []edit{set(empty)}, diameter.InvalidAVPValue, avps(empty)},
		{"Origin-Host with a space", []edit{set(host)}, diameter.InvalidAVPValue, avps(host)},
		{"Acct-Multi-Session-Id with an escape", []edit{add(multi)}, diameter.InvalidAVPValue, avps(multi)},
		{"groups nested too deep", []edit{add(deep)}, diameter.InvalidAVPValue, avps(deepFailed)},
	}
	for _, bad := range []string{
		"", "\xff@example.com", "mn\n@example.com", "mn\x7f@example.com", "m\u200bn@example.com", "m\u202en@example.com",
		"*@example.com", "%any", "%@example.com", "*", "mn one@example.com", "mn@", "@example.com", "mn@localhost",
		"mn@-a.example", "mn@a-.example", "mn@a..b", "mn@exa_mple.com", "mn@example.com@example.org", ".mn@example.com", "mn.@example.com",
		"m..n@example.com", "m:n@example.com", `mn\`, `"mn"@example.com`, "mn@bücher.example", strings.Repeat("m", 254),
	} {
		faults = append(faults, fault{"User-Name " + bad, []edit{set(name(bad))}, diameter.InvalidAVPValue, avps(name(bad))})
	}
	testRefused(t, faults)
}

func TestDecodeHMR_UserNames(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for _, good := range []string{
		"mn", "mn@example.com", "m.n@example.com", "m*n@example.com", "m%n@example.com", "mn+1=a/b?c{d}|e~f^g`h'i#j$k&l!@a-b.c1.example",
		"jürgen@example.com", "移動@example.com", `m\@n@example.com`, `m\ n@example.com`, `\*@example.com`, strings.Repeat("m", 253),
	} {
		_, msg := edited(t, c, minimal(), set(diameter.NewUTF8(userName, 0, m, good)))
		if h, f := c.DecodeHMR(msg, options()); f != nil || h.UserName != good {
			t.Errorf("%q: got %+v, %v", good, h, f)
		}
	}
}

func TestDecodeHMR_Missing(t *testing.T) {
	t.Parallel()
	example := func(code uint32, n int) []diameter.AVP {
		return avps(diameter.AVP{Code: code, Flags: m, Data: make([]byte, n)})
	}
	own := func(code uint32, n int) []diameter.AVP {
		return avps(diameter.AVP{Code: code, Vendor: vendor, Flags: vm, Data: make([]byte, n)})
	}
	testRefused(t, []fault{
		{"Session-Id", []edit{drop(sessionID, 0)}, diameter.MissingAVP, example(sessionID, 0)},
		{"Auth-Application-Id", []edit{drop(authApplication, 0)}, diameter.MissingAVP, example(authApplication, 4)},
		{"Authorization-Lifetime", []edit{drop(lifetime, 0)}, diameter.MissingAVP, example(lifetime, 4)},
		{"Auth-Session-State", []edit{drop(sessionState, 0)}, diameter.MissingAVP, example(sessionState, 4)},
		{"Origin-Host", []edit{drop(originHost, 0)}, diameter.MissingAVP, example(originHost, 0)},
		{"Origin-Realm", []edit{drop(originRealm, 0)}, diameter.MissingAVP, example(originRealm, 0)},
		{"User-Name", []edit{drop(userName, 0)}, diameter.MissingAVP, example(userName, 0)},
		{"Destination-Realm", []edit{drop(destinationRealm, 0)}, diameter.MissingAVP, example(destinationRealm, 0)},
		{"MIPv6-Bootstrap-Vector", []edit{drop(vector, vendor)}, diameter.MissingAVP, own(vector, 4)},
		{"MIPv6-AAA-Key", []edit{drop(aaaKey, vendor)}, diameter.MissingAVP, own(aaaKey, 0)},
		{"MIPv6-AAA-Key-Id", []edit{drop(aaaKeyID, vendor)}, diameter.MissingAVP, own(aaaKeyID, 4)},
		{"two of them", []edit{drop(userName, 0), drop(lifetime, 0)}, diameter.MissingAVP, example(lifetime, 4)},
		{"User-Name, a vendor's in its place", []edit{drop(userName, 0), add(diameter.NewUTF8(userName, 10415, 0, "mn@example.com"))},
			diameter.MissingAVP, example(userName, 0)},
		{"all", []edit{func([]diameter.AVP) []diameter.AVP { return nil }}, diameter.MissingAVP, example(sessionID, 0)},
	})
}

func TestDecodeHMR_Contents(t *testing.T) {
	t.Parallel()
	none := diameter.NewUnsigned32(vector, vendor, m, 14)
	zero := diameter.NewUnsigned32(lifetime, 0, m, 0)
	timeout := diameter.NewUnsigned32(sessionTimeout, 0, m, 3599)
	testRefused(t, []fault{
		{"not requested", []edit{set(none)}, diameter.InvalidAVPValue, avps(none)},
		{"PANA-AAA-Key, not shown", []edit{add(diameter.NewOctets(panaKey, vendor, m, secretKey(32)))}, diameter.AVPNotAllowed,
			avps(diameter.NewOctets(panaKey, vendor, m, make([]byte, 32)))},
		{"PANA-AAA-Key twice", []edit{add(diameter.NewOctets(panaKey, vendor, m, secretKey(32)), diameter.NewOctets(panaKey, vendor, m, secretKey(16)))},
			diameter.AVPNotAllowed, avps(diameter.NewOctets(panaKey, vendor, m, make([]byte, 32)))},
		{"no lifetime at all", []edit{set(zero)}, diameter.InvalidAVPValue, avps(zero)},
		{"Session-Timeout before the lifetime ends", []edit{add(timeout)}, diameter.ContradictingAVPs,
			avps(timeout, diameter.NewUnsigned32(lifetime, 0, m, 3600))},
		{"key of 19 octets, not shown", []edit{set(diameter.NewOctets(aaaKey, vendor, m, secretKey(19)))}, diameter.InvalidAVPValue,
			avps(diameter.NewOctets(aaaKey, vendor, m, make([]byte, 19)))},
		{"no key", []edit{set(diameter.NewOctets(aaaKey, vendor, m, nil))}, diameter.InvalidAVPValue,
			avps(diameter.NewOctets(aaaKey, vendor, m, nil))},
		{"key of 257 octets, not shown", []edit{set(diameter.NewOctets(aaaKey, vendor, m, secretKey(257)))}, diameter.InvalidAVPValue,
			avps(diameter.NewOctets(aaaKey, vendor, m, make([]byte, 257)))},
	})
}

func TestDecodeHMR_StrictVector(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for _, v := range []uint32{5, 7, 11, 15} {
		contradictory := diameter.NewUnsigned32(vector, vendor, m, v)
		_, msg := edited(t, c, minimal(), set(contradictory))
		opt := options()
		opt.StrictVector = true
		_, f := c.DecodeHMR(msg, opt)
		if f == nil || f.Code != diameter.ContradictingAVPs {
			t.Fatalf("vector %d: got %v, want %v", v, f, diameter.ContradictingAVPs)
		}
		if diff := cmp.Diff(avps(contradictory), f.Failed, equateEmpty); diff != "" {
			t.Errorf("vector %d: unexpected Failed-AVP (-want +got):\n%s", v, diff)
		}
	}
}

// testRefused decodes each faulty HMR and checks the failure and its answer.
func testRefused(t *testing.T, faults []fault) {
	t.Helper()
	c := newCodec(t)
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, msg := edited(t, c, minimal(), tt.edits...)
			h, f := c.DecodeHMR(msg, options())
			if h != nil || f == nil || f.Code != tt.code {
				t.Fatalf("got %v, %v; want %v", h, f, tt.code)
			}
			if diff := cmp.Diff(tt.failed, f.Failed, equateEmpty); diff != "" {
				t.Errorf("unexpected AVPs for Failed-AVP (-want +got):\n%s", diff)
			}
			if f.Text == "" || strings.ContainsAny(f.Text, "\n\x1b") {
				t.Errorf("the failure has the text %q", f.Text)
			}
			testAnswer(t, c, msg, f)
		})
	}
}
