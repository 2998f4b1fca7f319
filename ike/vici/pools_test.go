package vici_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike/vici"
	"homeagent/ike/vici/vicitest"
)

func TestPools(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		home := netip.MustParseAddr("2001:db8:1::42")
		pools := []vici.Pool{{Name: "mn-aaaa", Address: home}, {Name: "mn-bbbb", Address: home}}
		with := conn
		with.Pools, with.Ask = []string{"mn-aaaa", "mn-bbbb"}, []netip.Addr{netip.IPv6Unspecified(), home}
		err := errors.Join(l.LoadPools(ctx, pools...), l.LoadConns(ctx, with), l.LoadShared(ctx, vici.Shared{ID: "mn-aaaa", Owners: []string{"a"}, Key: key(t, octets)}))
		if err != nil {
			t.Fatalf("loading: %v", err)
		}
		if diff := cmp.Diff([]string{"mn-aaaa 2001:db8:1::42/128", "mn-bbbb 2001:db8:1::42/128"}, c.Pools()); diff != "" {
			t.Errorf("unexpected pools (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"mn-aaaa", "mn-bbbb"}, c.Conn("mn-aaaa").Items("pools")); diff != "" {
			t.Errorf("unexpected pools of the connection (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"::", "2001:db8:1::42"}, c.Conn("mn-aaaa").Items("vips")); diff != "" {
			t.Errorf("unexpected addresses to ask for (-want +got):\n%s", diff)
		}
		id, err := c.Establish("mn-aaaa", "2001:db8:2::1")
		if err != nil {
			t.Fatal(err)
		}
		unload := func(name string, held bool, want error) {
			t.Helper()
			if got, err := l.UnloadPool(ctx, name); got != held || !errors.Is(err, want) {
				t.Errorf("unloading %s: %t, %v, want %t, %v", name, got, err, held, want)
			}
		}
		unload("mn-aaaa", true, vici.ErrLeased)
		unload("mn-bbbb", true, nil)
		unload("mn-bbbb", false, nil)
		c.Drop(id, true)
		for _, held := range []bool{true, false} {
			if got, err := l.HasPool(ctx, "mn-aaaa"); got != held || err != nil {
				t.Errorf("it is there: %t, error %v, want %t", got, err, held)
			}
			unload("mn-aaaa", held, nil)
		}
		c.Script(func(vicitest.Call) vicitest.Action { return vicitest.Action{Refuse: "missing"} })
		var refused *vici.CommandError
		if _, err := l.UnloadPool(ctx, "mn-aaaa"); !errors.As(err, &refused) || errors.Is(err, vici.ErrLeased) {
			t.Errorf("got %v, want a refusal", err)
		}
		if _, err := l.HasPool(ctx, "mn-aaaa"); !errors.As(err, &refused) {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}
