package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
	"homeagent/ike/vici"
)

// What charon cannot read in a connection was written by the operator: the error
// names the option.
func TestBlame(t *testing.T) {
	t.Parallel()
	refusal := func(reason string) error {
		return fmt.Errorf("arming: %w", &vici.CommandError{Command: "load-conn", Subject: "mn-x", Reason: reason})
	}
	tests := []struct {
		err  error
		want string // in the error
	}{
		{refusal("invalid value for: proposals, config discarded"), "the option ike.proposals is not"},
		{refusal("invalid value for: esp_proposals, config discarded"), "the option ike.esp_proposals is not"},
		{refusal("something else"), ""},
		{fs.ErrClosed, ""},
	}
	for _, tt := range tests {
		got := blame(tt.err)
		if !errors.Is(got, tt.err) || tt.want == "" && got != tt.err || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%v became %v, want %q", tt.err, got, tt.want)
		}
	}
	if blame(nil) != nil {
		t.Error("no error became one")
	}
}

func TestLegible(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		avps []diameter.AVP
		want string
	}{
		"none":       {nil, ""},
		"one":        {[]diameter.AVP{diameter.NewUTF8(avp.UserName, 0, 0, "mn1@example.com")}, "mn1@example.com"},
		"two":        {[]diameter.AVP{diameter.NewUTF8(avp.UserName, 0, 0, "mn1"), diameter.NewUTF8(avp.UserName, 0, 0, "mn2")}, "mn1"},
		"no text":    {[]diameter.AVP{diameter.NewOctets(avp.UserName, 0, 0, []byte{'a', 0xff, '\n', 'b'})}, "a\uFFFD\uFFFDb"},
		"very long":  {[]diameter.AVP{diameter.NewUTF8(avp.UserName, 0, 0, strings.Repeat("x", 1000))}, strings.Repeat("x", 256)},
		"another's":  {[]diameter.AVP{diameter.NewUTF8(avp.UserName, 9, 0, "mn1")}, ""},
		"empty":      {[]diameter.AVP{diameter.NewUTF8(avp.UserName, 0, 0, "")}, ""},
		"not ASCII":  {[]diameter.AVP{diameter.NewUTF8(avp.UserName, 0, 0, "jürgen@example.com")}, "jürgen@example.com"},
		"invisible:": {[]diameter.AVP{diameter.NewUTF8(avp.UserName, 0, 0, "a\u202eb")}, "a\uFFFDb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := legible(&diameter.Message{AVPs: tt.avps}, avp.UserName); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
