package bootstrap

import (
	"net/netip"

	"homeagent/diameter"
	"homeagent/diameter/dictionary"
	"homeagent/ike/psk"
)

// A writer appends the AVPs it is shown to a message, with the flags of the
// dictionary.
type writer struct {
	dictionary *dictionary.Dictionary
	message    *diameter.Message
}

var _ visitor = writer{}

func (w writer) flags(n name) diameter.AVPFlags {
	r, _ := w.dictionary.AVP(n.code, n.vendor)
	return r.Must
}

func (w writer) text(n name, p *string, need presence) {
	if *p != "" || need == required {
		w.message.Add(diameter.NewUTF8(n.code, n.vendor, w.flags(n), *p))
	}
}

func (w writer) texts(n name, p *[]string) {
	for _, text := range *p {
		w.text(n, &text, required)
	}
}

func (w writer) unsigned(n name, p *uint32, need presence) {
	if *p != 0 || need == required {
		w.message.Add(diameter.NewUnsigned32(n.code, n.vendor, w.flags(n), *p))
	}
}

func (w writer) unsignedPointer(n name, p **uint32) {
	if *p != nil {
		w.unsigned(n, *p, required)
	}
}

func (w writer) integer(n name, p *int32, need presence) {
	if *p != 0 || need == required {
		w.message.Add(diameter.NewInteger32(n.code, n.vendor, w.flags(n), *p))
	}
}

func (w writer) integerPointer(n name, p **int32) {
	if *p != nil {
		w.integer(n, *p, required)
	}
}

func (w writer) address(n name, p *netip.Addr, need presence) {
	switch {
	case p.IsValid():
		w.message.Add(diameter.NewAddress(n.code, n.vendor, w.flags(n), *p))
	case need == required:
		w.message.Add(diameter.NewAddress(n.code, n.vendor, w.flags(n), netip.IPv6Unspecified()))
	}
}

func (w writer) octets(n name, p *[]byte, need presence) {
	if len(*p) > 0 || need == required {
		w.message.Add(diameter.NewOctets(n.code, n.vendor, w.flags(n), *p))
	}
}

func (w writer) key(n name, p *psk.AAAKey, need presence) {
	octets := p.Bytes()
	w.octets(n, &octets, need)
}
