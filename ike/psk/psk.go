// Package psk derives the IKE pre-shared key that a bootstrapped mobile node
// and its home agent hold in common, and holds the key types that never show
// what they hold.
//
// It knows one formula (draft-jee-mip6-bootstrap-pana-01 section 5.3.8) and
// nothing of Diameter, strongSwan or storage. Exported: [Derive], the key
// types [AAAKey] and [Key], and [Fingerprint], the name under which a key may
// appear in logs and be compared after it is gone.
package psk

import (
	"crypto/hmac"
	"crypto/sha1" // the draft names HMAC-SHA-1; what is kept secret rests on the MAC, not on collisions
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Size is the length of a derived pre-shared key in octets: the output of
// HMAC-SHA-1 (RFC 2104).
const Size = sha1.Size

// Limits of a MIPv6-AAA-Key in octets. A home agent refuses one below MinAAAKey
// from an AAA server, as it is shorter than the hash and weakens it (RFC 2104
// section 3); the formula itself takes any up to MaxAAAKey, which is longer
// than what any EAP method exports.
const (
	MinAAAKey = 20
	MaxAAAKey = 256
)

// label separates this use of the MIPv6-AAA-Key from any other: 13 octets,
// no terminating NUL.
const label = "MIPv6-IKE-PSK"

// Derive computes the IKE pre-shared key
//
//	HMAC-SHA-1(MIPv6-AAA-Key, "MIPv6-IKE-PSK" | key id | HoA | HA)
//
// of draft-jee-mip6-bootstrap-pana-01 section 5.3.8. The key id is 4 octets in
// two's complement and network order, as the Integer32 on the wire; HoA and HA
// are 16 octets each. Both must be IPv6 addresses without a zone.
func Derive(key AAAKey, keyID int32, homeAddress, homeAgent netip.Addr) (Key, error) {
	if n := key.Len(); n == 0 || n > MaxAAAKey {
		return Key{}, fmt.Errorf("deriving the pre-shared key: the MIPv6-AAA-Key has %d octets (must be 1 to %d)", n, MaxAAAKey)
	}
	if !plainIPv6(homeAddress) {
		return Key{}, fmt.Errorf("deriving the pre-shared key: home address %q is not a plain IPv6 address", homeAddress)
	}
	if !plainIPv6(homeAgent) {
		return Key{}, fmt.Errorf("deriving the pre-shared key: home agent address %q is not a plain IPv6 address", homeAgent)
	}
	return derive(key, keyID, homeAddress.As16(), homeAgent.As16()), nil
}

func plainIPv6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() && a.Zone() == "" }

func derive(key AAAKey, keyID int32, homeAddress, homeAgent [16]byte) Key {
	mac := hmac.New(sha1.New, key.Bytes())
	mac.Write([]byte(label))
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(keyID)))
	mac.Write(homeAddress[:])
	mac.Write(homeAgent[:])
	return newKey([Size]byte(mac.Sum(nil)))
}
