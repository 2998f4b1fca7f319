package bootstrap_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/ike/psk"
)

// Base AVP codes as the tests use them.
const (
	userName         = 1
	class            = 25
	sessionTimeout   = 27
	acctMultiSession = 50
	eventTimestamp   = 55
	hostIPAddress    = 257
	authApplication  = 258
	sessionID        = 263
	originHost       = 264
	resultCode       = 268
	gracePeriod      = 276
	sessionState     = 277
	originStateID    = 278
	failedAVP        = 279
	proxyHost        = 280
	errorMessage     = 281
	routeRecord      = 282
	destinationRealm = 283
	proxyInfo        = 284
	lifetime         = 291
	destinationHost  = 293
	originRealm      = 296
	proxyState       = 33
)

// The application's own, under the vendor.
const (
	vendor      = 32473
	vector      = 1
	homeAddress = 2
	homeAgent   = 3
	aaaKey      = 4
	panaKey     = 5
	aaaKeyID    = 6
)

const (
	m  = diameter.AVPMandatory
	vm = diameter.AVPVendor | diameter.AVPMandatory
)

var us = diameter.Identity{Host: "ha.example.net", Realm: "example.net", OriginStateID: 7}

func newCodec(t testing.TB) *bootstrap.Codec {
	t.Helper()
	d, err := dictionary.Load(dictionary.Default())
	if err != nil {
		t.Fatalf("loading the dictionary: %v", err)
	}
	return bootstrap.NewCodec(d)
}

// secretKey is a key whose octets are easy to find where they must not be.
func secretKey(n int) []byte { return bytes.Repeat([]byte("KEY!"), n/4+1)[:n] }

// minimal is an HMR with what the grammar requires.
func minimal() *bootstrap.HMR {
	return &bootstrap.HMR{
		SessionID:             "aaah.example.com;1;2",
		UserName:              "mn@example.com",
		OriginHost:            "aaah.example.com",
		OriginRealm:           "example.com",
		DestinationRealm:      "example.net",
		AuthorizationLifetime: 3600,
		Vector:                bootstrap.Requested,
		Key:                   psk.NewAAAKey(secretKey(64)),
		KeyID:                 -2,
	}
}

// complete is an HMR with everything it can have.
func complete() *bootstrap.HMR {
	timeout := uint32(7200)
	h := minimal()
	h.DestinationHost = "ha.example.net"
	h.GracePeriod = 30
	h.SessionState = bootstrap.NoStateMaintained
	h.SessionTimeout = &timeout
	h.Vector = bootstrap.Requested | bootstrap.VisitedAvailable | bootstrap.HomeAgentInVisited
	h.HomeAddress = netip.MustParseAddr("2001:db8:1::1000")
	h.HomeAgent = netip.MustParseAddr("2001:db8:1::1")
	h.AcctMultiSessionID = "multi"
	h.OriginStateID = 42
	h.RouteRecords = []string{"aaah.example.com", "relay.example.com"}
	return h
}

// options are those of a home agent without exceptions.
func options() bootstrap.HMROptions {
	return bootstrap.HMROptions{Host: us.Host, Realm: us.Realm}
}

// compare lets cmp look at what the messages are made of.
var compare = cmp.Options{
	cmp.Comparer(func(a, b psk.AAAKey) bool { return bytes.Equal(a.Bytes(), b.Bytes()) }),
	cmpopts.EquateComparable(netip.Addr{}),
}

// An edit changes the AVPs of a request.
type edit func([]diameter.AVP) []diameter.AVP

// set replaces the AVP of the same code and vendor, or appends it.
func set(a diameter.AVP) edit {
	return func(avps []diameter.AVP) []diameter.AVP {
		for i := range avps {
			if avps[i].Is(a.Code, a.Vendor) {
				avps[i] = a
				return avps
			}
		}
		return append(avps, a)
	}
}

// add appends AVPs.
func add(more ...diameter.AVP) edit {
	return func(avps []diameter.AVP) []diameter.AVP { return append(avps, more...) }
}

// first puts AVPs before all others.
func first(more ...diameter.AVP) edit {
	return func(avps []diameter.AVP) []diameter.AVP { return append(slices.Clone(more), avps...) }
}

// drop removes an AVP.
func drop(code, vendor uint32) edit {
	return func(avps []diameter.AVP) []diameter.AVP {
		return slices.DeleteFunc(avps, func(a diameter.AVP) bool { return a.Is(code, vendor) })
	}
}

// edited encodes an HMR with changes, as frame and as parsed from it.
func edited(t testing.TB, c *bootstrap.Codec, h *bootstrap.HMR, edits ...edit) ([]byte, *diameter.Message) {
	t.Helper()
	msg := c.EncodeHMR(h)
	for _, e := range edits {
		msg.AVPs = e(msg.AVPs)
	}
	frame := msg.Append(nil)
	return frame, parse(t, frame)
}

func parse(t testing.TB, frame []byte) *diameter.Message {
	t.Helper()
	msg, err := diameter.Parse(frame)
	if err != nil {
		t.Fatalf("parsing %x: %v", frame, err)
	}
	return msg
}

func octets(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		t.Fatalf("reading the octets of a row: %v", err)
	}
	return b
}
