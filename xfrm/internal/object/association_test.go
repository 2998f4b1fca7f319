package object_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"homeagent/xfrm/internal/object"
)

func association() object.Association {
	return object.Association{
		Src: home, Dst: agent, SPI: 0x1001, ReqID: 536870919, Protocol: object.MobilityHeader,
		Encryption: object.Algorithm{Name: "cbc(aes)", Key: object.NewSecret([]byte("0123456789abcdef"))},
		Integrity:  object.Algorithm{Name: "hmac(sha256)", Key: object.NewSecret([]byte("0123456789abcdef0123456789abcdef")), Truncated: 128},
	}
}

func TestAssociationCommand(t *testing.T) {
	t.Parallel()
	for v, want := range map[object.Verb]string{
		object.Add: "ip xfrm state add src 2001:db8:1::100 dst 2001:db8:1::1 proto esp spi 0x1001 mode transport reqid 536870919" +
			" auth-trunc hmac(sha256) [redacted] 128 enc cbc(aes) [redacted] sel src 2001:db8:1::100/128 dst 2001:db8:1::1/128 proto 135",
		object.Delete: "ip xfrm state delete src 2001:db8:1::100 dst 2001:db8:1::1 proto esp spi 0x1001",
	} {
		if got := association().Command(v); got != want {
			t.Errorf("got\n\t%s\nwant\n\t%s", got, want)
		}
	}
}

func TestAssociationEqual(t *testing.T) {
	t.Parallel()
	if !association().Equal(association()) {
		t.Error("an association differs from itself")
	}
	for name, change := range map[string]func(*object.Association){
		"SPI":            func(a *object.Association) { a.SPI++ },
		"reqid":          func(a *object.Association) { a.ReqID++ },
		"protocol":       func(a *object.Association) { a.Protocol = 58 },
		"encryption key": func(a *object.Association) { a.Encryption.Key = object.NewSecret([]byte("another")) },
		"integrity":      func(a *object.Association) { a.Integrity.Name = "hmac(sha1)" },
		"truncation":     func(a *object.Association) { a.Integrity.Truncated = 96 },
	} {
		other := association()
		change(&other)
		if association().Equal(other) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

// No way of printing shows a key.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	for _, v := range []any{association(), association().Encryption, struct{ a object.Association }{association()}, []object.Secret{association().Integrity.Key}} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "k", v)
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(raw)
		for _, leak := range []string{"0123456789", "30313233", "48 49 50", "MDEyMzQ1"} {
			if strings.Contains(out.String(), leak) {
				t.Errorf("%T is shown as %s", v, out.String())
			}
		}
	}
}

func TestManualReqIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[uint32]bool{
		1_000_001: false, 1<<29 - 1: false, 1 << 29: true, 1<<30 - 1: true, 1 << 30: false, 1<<29 | 1<<31: true, 3<<30 | 1<<29: true, 3<<30 | 1_000_001: false,
	} {
		if got := object.IsManual(id); got != want {
			t.Errorf("reqid %d: got %t, want %t", id, got, want)
		}
	}
}
