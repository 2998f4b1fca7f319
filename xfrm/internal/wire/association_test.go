package wire

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"homeagent/xfrm/internal/object"
)

func manualAssociation() object.Association {
	return object.Association{
		Src: home, Dst: agent, SPI: 0x1001, ReqID: object.FirstManualReqID + 7, Protocol: object.MobilityHeader,
		Encryption: object.Algorithm{Name: "cbc(aes)", Key: object.NewSecret([]byte("0123456789abcdef"))},
		Integrity:  object.Algorithm{Name: "hmac(sha256)", Key: object.NewSecret([]byte("0123456789abcdef0123456789abcdef")), Truncated: 128},
	}
}

func TestAssociation(t *testing.T) {
	t.Parallel()
	null := manualAssociation()
	null.Encryption = object.Algorithm{Name: "ecb(cipher_null)"}
	prefixes := manualAssociation()
	prefixes.Protocol, prefixes.ReqID = object.ICMPv6, prefixes.ReqID|3<<30
	for _, want := range []object.Association{manualAssociation(), null, prefixes} {
		got, err := ParseAssociation(AppendAssociation(nil, want))
		if err != nil || !got.Equal(want) {
			t.Errorf("got %v, error %v, want %v", got, err, want)
		}
	}
}

// What others negotiate is not ours, and what is broken is refused.
func TestParseAssociationRefuses(t *testing.T) {
	t.Parallel()
	whole := AppendAssociation(nil, manualAssociation())
	changed := func(offset int, value byte) []byte {
		b := append([]byte(nil), whole...)
		b[offset] = value
		return b
	}
	for name, tt := range map[string]struct {
		body []byte
		want error
	}{
		"empty":                  {nil, errShort},
		"no algorithms":          {whole[:sizeState], ErrForeign},
		"tunnel mode":            {changed(offStateMode, 1), ErrForeign},
		"another transform":      {changed(offStateID+20, 51), ErrForeign},
		"another selector":       {changed(43, 64), ErrForeign},
		"a family of IPv4":       {changed(offStateFamily, 2), ErrForeign},
		"half an algorithm":      {appendAttr(append([]byte(nil), whole[:sizeState]...), nl.XFRMA_ALG_CRYPT, make([]byte, 67)), errShort},
		"a key longer than said": {changed(sizeState+attrHeader+sizeAlgorithmName+1, 8), errShort},
	} {
		if a, err := ParseAssociation(tt.body); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v and error %v, want %v", name, a, err, tt.want)
		}
	}
}

func TestManualAssociationDeleted(t *testing.T) {
	t.Parallel()
	body := make([]byte, sizeStateID)
	body[22] = byte(object.ESP)
	body = appendAttr(body, nl.XFRMA_SA, AppendAssociation(nil, manualAssociation())[:sizeState])
	e, err := ParseEvent(unix.NETLINK_XFRM, nl.XFRM_MSG_DELSA, body)
	if err != nil || e.Kind != object.AssociationDeleted {
		t.Errorf("got %v, error %v", e, err)
	}
}

func FuzzParseAssociation(f *testing.F) {
	f.Add(AppendAssociation(nil, manualAssociation()))
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := ParseAssociation(b)
		if err != nil {
			return
		}
		again, err := ParseAssociation(AppendAssociation(nil, first))
		if err != nil || !again.Equal(first) {
			t.Errorf("first %v, again %v, error %v", first, again, err)
		}
	})
}
