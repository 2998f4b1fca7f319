package agent

import (
	"log/slog"
	"net/netip"
	"testing"

	"homeagent/agent/mobility"
	"homeagent/agent/mobilitysocket"
	"homeagent/xfrm"
)

// Whoever sends a Home Address option that agrees with no binding is told, at the
// address that it sent from (RFC 6275 section 9.3.3).
func TestH7_RejectedPacketsAreAnswered(t *testing.T) {
	t.Parallel()
	home, careOf, own := netip.MustParseAddr("2001:db8:1::5"), netip.MustParseAddr("2001:db8:2::5"), netip.MustParseAddr("2001:db8:1::1")
	for protocol, want := range map[uint8]mobility.ErrorStatus{
		17: mobility.ErrorUnknownBinding, 58: mobility.ErrorUnknownBinding, mobilityHeader: mobility.ErrorUnknownType,
	} {
		conn := mobilitysocket.NewFake()
		w := kernelWatch{signals: &signalling{conn: conn, log: slog.New(slog.DiscardHandler)}}
		w.rejected(xfrm.Rejection{HomeAddress: home, CareOf: careOf, HomeAgent: own, Protocol: protocol})
		sent := conn.Sent()
		if len(sent) != 1 || sent[0].Source != own || sent[0].Destination != careOf || sent[0].CareOf.IsValid() {
			t.Fatalf("protocol %d: answered by %v", protocol, sent)
		}
		m, err := mobility.Parse(sent[0].Payload)
		if got, ok := m.(*mobility.BindingError); err != nil || !ok || got.Status != want || got.HomeAddress != home {
			t.Errorf("protocol %d: answered by %+v, error %v, want status %d", protocol, m, err, want)
		}
	}
}
