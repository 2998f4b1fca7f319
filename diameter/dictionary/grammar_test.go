package dictionary

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseGrammar(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want []element
		ok   bool
	}{
		{"", nil, true},
		{"<Session-Id> {Origin-Host} [User-Name]", []element{{"Session-Id", 1, 1}, {"Origin-Host", 1, 1}, {"User-Name", 0, 1}}, true},
		{"*[Proxy-Info] 1*{Host-IP-Address}", []element{{"Proxy-Info", 0, Unlimited}, {"Host-IP-Address", 1, Unlimited}}, true},
		{"*0[PANA-AAA-Key] 1*2[X]", []element{{"PANA-AAA-Key", 0, 0}, {"X", 1, 2}}, true},
		{"Session-Id", nil, false},
		{"{Session-Id", nil, false},
		{"{Session-Id]", nil, false},
		{"*[]", nil, false},
	}
	for _, tt := range tests {
		got, err := parseGrammar(tt.text)
		if (err == nil) != tt.ok {
			t.Errorf("%q: got error %v, want ok %v", tt.text, err, tt.ok)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(element{})); tt.ok && diff != "" {
			t.Errorf("%q: unexpected elements (-want +got):\n%s", tt.text, diff)
		}
	}
}

// The tables themselves: names and codes are unique, every grammar names AVPs
// that exist.
func TestTables(t *testing.T) {
	t.Parallel()
	names, codes := map[string]bool{}, map[id]bool{}
	for _, a := range append(baseAVPs(), ownAVPs(Default())...) {
		if names[a.Name] || codes[id{a.Code, a.VendorID}] {
			t.Errorf("AVP %s, %d of vendor %d, is there twice", a.Name, a.Code, a.VendorID)
		}
		names[a.Name], codes[id{a.Code, a.VendorID}] = true, true
	}
	for _, c := range append(baseCommands(), ownCommands(Default())...) {
		for _, grammar := range []string{c.Request, c.Answer} {
			seen := map[string]bool{}
			for _, e := range mustParseGrammar(grammar) {
				if !names[e.name] || seen[e.name] {
					t.Errorf("%s: AVP %s is not defined or is there twice", c.Name, e.name)
				}
				seen[e.name] = true
			}
		}
	}
}

func TestResolve_UnknownAVP(t *testing.T) {
	t.Parallel()
	if _, err := resolve("{Nonsense}", map[string]AVPRule{}); err == nil {
		t.Error("a grammar with an AVP that is not defined is accepted")
	}
}
