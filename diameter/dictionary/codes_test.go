package dictionary_test

import (
	"strings"
	"testing"

	"homeagent/diameter/dictionary"
)

func TestCodes_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*dictionary.Codes)
		want   []string // parts of the error, none if valid
	}{
		{"default", func(*dictionary.Codes) {}, nil},
		{"base application", func(c *dictionary.Codes) { c.Application = 0 }, []string{"Application-Id 0 belongs"}},
		{"accounting application", func(c *dictionary.Codes) { c.Application = 3 }, []string{"Application-Id 3 belongs"}},
		{"relay application", func(c *dictionary.Codes) { c.Application = 1<<32 - 1 }, []string{"Application-Id 4294967295 belongs"}},
		{"command 0", func(c *dictionary.Codes) { c.HMR = 0 }, []string{"HA-MIPv6-Bootstrap: command code 0 (must be 1 to 16777215)"}},
		{"command of 25 bits", func(c *dictionary.Codes) { c.AMR = 1 << 24 }, []string{"AAA-MIPv6-Bootstrap: command code 16777216 (must be"}},
		{"command DWR", func(c *dictionary.Codes) { c.HMR = 280 }, []string{"HA-MIPv6-Bootstrap: command code 280 belongs"}},
		{"command ACR", func(c *dictionary.Codes) { c.HMR = 271 }, []string{"command code 271 belongs"}},
		{"command twice", func(c *dictionary.Codes) { c.HMR = c.AMR }, []string{"command code 16777214 is used twice"}},
		{"AVP twice", func(c *dictionary.Codes) { c.MAC = c.AAAKey }, []string{"MAC: AVP code 4 is that of MIPv6-AAA-Key already"}},
		{"no vendor, RADIUS codes", func(c *dictionary.Codes) { c.Vendor = 0 },
			[]string{"MIPv6-Bootstrap-Vector: AVP code 1 without a vendor", "PANA-Session-Id: AVP code 9 without a vendor"}},
		{"no vendor, IANA codes", func(c *dictionary.Codes) { *c = assigned() }, nil},
		{"no vendor, Session-Id", func(c *dictionary.Codes) { *c = assigned(); c.MAC = 263 }, []string{"MAC: AVP code 263 without a vendor"}},
		{"no vendor, EAP-Payload", func(c *dictionary.Codes) { *c = assigned(); c.MAC = 462 }, []string{"MAC: AVP code 462"}},
		{"no vendor, Session-Binding", func(c *dictionary.Codes) { *c = assigned(); c.MAC = 270 }, []string{"MAC: AVP code 270"}},
		{"several", func(c *dictionary.Codes) { c.Application, c.HMR = 0, 257 }, []string{"Application-Id 0", "command code 257"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			codes := dictionary.Default()
			tt.change(&codes)
			err := codes.Validate()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q in it", err, part)
				}
			}
			if _, loadErr := dictionary.Load(codes); (loadErr == nil) != (err == nil) {
				t.Errorf("Load: got %v, though Validate says %v", loadErr, err)
			}
		})
	}
}

// assigned are codes as they would be if IANA had assigned them.
func assigned() dictionary.Codes {
	return dictionary.Codes{Application: 9999, AMR: 901, HMR: 902,
		BootstrapVector: 9001, MobileNodeAddress: 9002, HomeAgentAddress: 9003, AAAKey: 9004, PANAAAAKey: 9005,
		AAAKeyID: 9006, PANAAAAKeyID: 9007, MAC: 9008, PANASessionID: 9009}
}
