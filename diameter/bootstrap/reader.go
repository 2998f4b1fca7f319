package bootstrap

import (
	"bytes"
	"errors"
	"net/netip"

	"homeagent/diameter"
	"homeagent/ike/psk"
)

// A reader fills the fields it is shown from the first top-level AVP of that
// name. It keeps the first error; a message that was checked before has none.
type reader struct {
	message *diameter.Message
	legacy  bool // accept addresses without their family
	fault   *diameter.Failure
}

var _ visitor = (*reader)(nil)

// fetch decodes one AVP with get, if it is there.
func fetch[T any](r *reader, n name, get func(diameter.AVP) (T, error)) (value T, present bool) {
	a, ok := r.message.Find(n.code, n.vendor)
	if !ok || r.fault != nil {
		return value, false
	}
	value, err := get(a)
	if err != nil {
		r.fault = asFailure(err)
		return value, false
	}
	return value, true
}

// read is fetch into a field, which stays as it is when the AVP is absent.
func read[T any](r *reader, n name, p *T, get func(diameter.AVP) (T, error)) {
	if value, ok := fetch(r, n, get); ok {
		*p = value
	}
}

// readPointer is fetch into a field that tells absent from zero.
func readPointer[T any](r *reader, n name, p **T, get func(diameter.AVP) (T, error)) {
	if value, ok := fetch(r, n, get); ok {
		*p = &value
	}
}

func (r *reader) text(n name, p *string, _ presence) { read(r, n, p, diameter.AVP.UTF8) }

func (r *reader) texts(n name, p *[]string) {
	for a := range r.message.All(n.code, n.vendor) {
		*p = append(*p, string(a.Data))
	}
}

func (r *reader) unsigned(n name, p *uint32, _ presence) { read(r, n, p, diameter.AVP.Unsigned32) }

func (r *reader) unsignedPointer(n name, p **uint32) { readPointer(r, n, p, diameter.AVP.Unsigned32) }

func (r *reader) integer(n name, p *int32, _ presence) { read(r, n, p, diameter.AVP.Integer32) }

func (r *reader) integerPointer(n name, p **int32) { readPointer(r, n, p, diameter.AVP.Integer32) }

func (r *reader) address(n name, p *netip.Addr, _ presence) {
	read(r, n, p, func(a diameter.AVP) (netip.Addr, error) { return mobileAddress(a, r.legacy) })
}

func (r *reader) octets(n name, p *[]byte, _ presence) {
	read(r, n, p, func(a diameter.AVP) ([]byte, error) { return bytes.Clone(a.Data), nil })
}

func (r *reader) key(n name, p *psk.AAAKey, _ presence) {
	read(r, n, p, func(a diameter.AVP) (psk.AAAKey, error) { return psk.NewAAAKey(a.Data), nil })
}

// mobileAddress decodes a home address or home agent address: IPv6, where ::
// means that the other side is to choose and reads as the zero Addr. A legacy
// address is 16 bare octets, for servers that read the draft's type IPAddress
// that way.
func mobileAddress(a diameter.AVP, legacy bool) (netip.Addr, error) {
	if legacy && len(a.Data) == 16 {
		addr := netip.AddrFrom16([16]byte(a.Data))
		if addr.Is4In6() {
			return netip.Addr{}, invalid(a, "is an IPv4-mapped IPv6 address")
		}
		return chosen(addr), nil
	}
	addr, err := a.Address()
	switch {
	case err != nil && len(a.Data) == 16:
		return netip.Addr{}, invalid(a, "is 16 octets without an address family, as only peers set up for that may send")
	case err != nil:
		return netip.Addr{}, err
	case addr.Is4():
		return netip.Addr{}, invalid(a, "is an IPv4 address (must be IPv6)")
	}
	return chosen(addr), nil
}

func chosen(addr netip.Addr) netip.Addr {
	if addr.IsUnspecified() {
		return netip.Addr{}
	}
	return addr
}

// invalid refuses a value; what continues a sentence that begins with the AVP.
func invalid(a diameter.AVP, what string) *diameter.Failure {
	return &diameter.Failure{Code: diameter.InvalidAVPValue, Failed: []diameter.AVP{a}, Text: a.String() + " " + what}
}

// asFailure unwraps what the getters of diameter.AVP return.
func asFailure(err error) *diameter.Failure {
	var f *diameter.Failure
	if errors.As(err, &f) {
		return f
	}
	return &diameter.Failure{Code: diameter.UnableToComply, Text: err.Error()}
}
