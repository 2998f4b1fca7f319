package bootstrap_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
)

// inOrder holds one fault per check, in the order of the checks. Each changes
// an AVP of its own, so that any two fit into one HMR.
func inOrder() []fault {
	application := diameter.NewUnsigned32(authApplication, 0, m, 4)
	length := diameter.NewOctets(originStateID, 0, m, []byte{0, 0, 0, 1, 0})
	flags := diameter.NewUnsigned32(gracePeriod, 0, 0, 5)
	unknown := diameter.NewUTF8(9999, 0, m, "")
	excess := diameter.NewUTF8(acctMultiSession, 0, m, "second")
	form := diameter.NewUTF8(userName, 0, m, "mn one@example.com")
	none := diameter.NewUnsigned32(vector, vendor, m, 2)
	pana := diameter.NewOctets(panaKey, vendor, m, make([]byte, 8))
	zero := diameter.NewUnsigned32(lifetime, 0, m, 0)
	short := diameter.NewOctets(aaaKey, vendor, m, make([]byte, 8))
	return []fault{
		{"application", []edit{set(application)}, diameter.InvalidAVPValue, avps(application)},
		{"destination", []edit{set(diameter.NewUTF8(destinationHost, 0, m, "ghost.example.net"))}, diameter.UnableToDeliver, nil},
		{"loop", []edit{add(diameter.NewUTF8(routeRecord, 0, m, us.Host))}, diameter.LoopDetected, nil},
		{"length", []edit{set(length)}, diameter.InvalidAVPLength, avps(length)},
		{"flags", []edit{set(flags)}, diameter.InvalidAVPBits, avps(flags)},
		{"unknown", []edit{add(unknown)}, diameter.AVPUnsupported, avps(unknown)},
		{"excess", []edit{add(diameter.NewUTF8(acctMultiSession, 0, m, "first"), excess)}, diameter.AVPOccursTooManyTimes, avps(excess)},
		{"form", []edit{set(form)}, diameter.InvalidAVPValue, avps(form)},
		{"missing", []edit{drop(aaaKeyID, vendor)}, diameter.MissingAVP,
			avps(diameter.AVP{Code: aaaKeyID, Vendor: vendor, Flags: vm, Data: make([]byte, 4)})},
		{"vector", []edit{set(none)}, diameter.InvalidAVPValue, avps(none)},
		{"forbidden", []edit{add(pana)}, diameter.AVPNotAllowed, avps(pana)},
		{"lifetime", []edit{set(zero)}, diameter.InvalidAVPValue, avps(zero)},
		{"authorization", []edit{set(diameter.NewUTF8(originRealm, 0, m, "evil.example"))}, diameter.AuthorizationRejected, nil},
		{"key", []edit{set(short)}, diameter.InvalidAVPValue, avps(short)},
	}
}

// In a request with two faults the earlier check answers, wherever in the
// message the faults are.
func TestDecodeHMR_EarlierCheckWins(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	opt := options()
	opt.Authorize = func(h *bootstrap.HMR) *diameter.Failure {
		if h.OriginRealm == "evil.example" {
			return &diameter.Failure{Code: diameter.AuthorizationRejected, Text: "realm"}
		}
		return nil
	}
	faults := inOrder()
	for i, want := range faults {
		for _, other := range faults[i:] {
			t.Run(want.name+" before "+other.name, func(t *testing.T) {
				t.Parallel()
				for _, edits := range [][]edit{append(want.edits, other.edits...), append(other.edits, want.edits...)} {
					if other.name == want.name {
						edits = want.edits
					}
					_, msg := edited(t, c, minimal(), edits...)
					_, f := c.DecodeHMR(msg, opt)
					if f == nil || f.Code != want.code {
						t.Fatalf("got %v, want %v", f, want.code)
					}
					if diff := cmp.Diff(want.failed, f.Failed, equateEmpty); diff != "" {
						t.Errorf("unexpected AVPs for Failed-AVP (-want +got):\n%s", diff)
					}
				}
			})
		}
	}
}

// The operator's decision about origin and user is asked for complete requests
// only, and sees all of them.
func TestDecodeHMR_Authorize(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	var asked *bootstrap.HMR
	opt := options()
	opt.Authorize = func(h *bootstrap.HMR) *diameter.Failure {
		asked = h
		return nil
	}
	_, msg := edited(t, c, complete())
	if _, f := c.DecodeHMR(msg, opt); f != nil {
		t.Fatalf("refused: %v", f)
	}
	if diff := cmp.Diff(complete(), asked, compare); diff != "" {
		t.Errorf("asked about another HMR (-want +got):\n%s", diff)
	}
}
