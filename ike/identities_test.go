package ike_test

import (
	"strings"
	"testing"

	"homeagent/ike"
)

func TestIdentities(t *testing.T) {
	t.Parallel()
	if _, err := ike.NewIdentities("*"); err == nil || !strings.Contains(err.Error(), "wildcard") {
		t.Errorf("the home agent as everybody: %v", err)
	}
	i, err := ike.NewIdentities("ha.example.com")
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string) string {
		t.Helper()
		got, err := i.Of(name)
		if err != nil {
			t.Error(err)
		}
		return got
	}
	if of("MN1@example.com") != of("mn1@example.com") || of("mn1@example.com") == of("mn2@example.com") {
		t.Error("charon ignores case, and nothing else")
	}
	for name, want := range map[string]string{
		"*": "wildcard", "2001:db8::1": "is an address", "HA.example.com": "the home agent's own identity",
	} {
		if _, err := i.Of(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
