package homelink_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/agent/homelink"
	"homeagent/agent/homelink/neighbor"
)

const group = "ff02::1:ff00:1234"

// run runs a link in a bubble until the test is done.
func run(t *testing.T, link *homelink.Link, test func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- link.Run(ctx) }()
	<-link.Ready()
	synctest.Wait()
	test()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run returned %v", err)
	}
}

// claim claims in the background.
func claim(ctx context.Context, link *homelink.Link, c homelink.Claim) <-chan error {
	result := make(chan error, 1)
	go func() { result <- link.Claim(ctx, c) }()
	synctest.Wait()
	return result
}

func TestH20_ClaimTakesASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		link := newLink(p)
		run(t, link, func() {
			start := time.Now()
			if err := link.Claim(t.Context(), homelink.Claim{HomeAddress: home}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != time.Second {
				t.Errorf("it took %s", took)
			}
			p.want(t, "join "+group, "probe "+home.String(), "advertise "+home.String())
			if s := link.Status(); !s.Up || s.Held != 1 || s.Probing != 0 || s.GroupsJoined != 7 || s.GroupsBeyond != 8 {
				t.Errorf("status %+v", s)
			}
			start = time.Now()
			if err := link.Claim(t.Context(), homelink.Claim{HomeAddress: home}); err != nil || time.Since(start) != 0 {
				t.Errorf("a second claim took %s: %v", time.Since(start), err)
			}
			time.Sleep(time.Minute)
			p.want(t, "advertise "+home.String(), "advertise "+home.String())
			link.Release(home)
			p.want(t, "leave "+group)
		})
	})
}

func TestH21_ClaimsShareOneProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		link := newLink(p)
		run(t, link, func() {
			first := claim(t.Context(), link, homelink.Claim{HomeAddress: home})
			time.Sleep(900 * time.Millisecond)
			impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			second := claim(t.Context(), link, homelink.Claim{HomeAddress: home})
			if err := link.Claim(impatient, homelink.Claim{HomeAddress: home}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("impatient: %v", err)
			}
			if err := errors.Join(<-first, <-second); err != nil {
				t.Error(err)
			}
			p.want(t, "join "+group, "probe "+home.String(), "advertise "+home.String())
		})
	})
}

func TestH20_Duplicate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		link := newLink(p)
		run(t, link, func() {
			result := claim(t.Context(), link, homelink.Claim{HomeAddress: home})
			p.arrive(t, neighbor.Message{Kind: neighbor.Advertisement, Source: home, Destination: neighbor.AllNodes(), Target: home})
			err := <-result
			if !errors.Is(err, homelink.ErrDuplicate) || !strings.Contains(err.Error(), nodeLink.String()) {
				t.Errorf("error %v", err)
			}
			p.want(t, "join "+group, "probe "+home.String(), "leave "+group)
		})
	})
}

func TestOwnAddressesAreDuplicates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		p.own = append(p.own, home)
		link := newLink(p)
		run(t, link, func() {
			for _, c := range []homelink.Claim{
				{HomeAddress: home},
				{HomeAddress: netip.MustParseAddr("2001:db8:1::1"), LinkLocal: true}, // fe80::1 is the agent
			} {
				if err := link.Claim(t.Context(), c); !errors.Is(err, homelink.ErrDuplicate) {
					t.Errorf("%+v: %v", c, err)
				}
			}
			p.want(t)
		})
	})
}

func TestH22_Defence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		link := newLink(p)
		link.Restore([]homelink.Claim{{HomeAddress: home}})
		run(t, link, func() {
			p.want(t, "join "+group, "advertise "+home.String())
			p.arrive(t, neighbor.Message{Kind: neighbor.Solicitation, Source: netip.IPv6Unspecified(), Destination: neighbor.SolicitedNode(home), Target: home})
			synctest.Wait()
			p.want(t, "answer 33:33:00:00:00:01 about "+home.String())
			for range 3 {
				p.arrive(t, neighbor.Message{Kind: neighbor.Advertisement, Source: home, Destination: neighbor.AllNodes(), Target: home})
			}
			p.incoming <- []byte("no packet")
			synctest.Wait()
			s := link.Status()
			if s.Counters.Defended != 1 || s.Counters.Conflicts != 3 || s.Flawed[neighbor.Other] != 1 {
				t.Errorf("status %+v", s)
			}
		})
	})
}

func TestReleaseWhileProbing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := newLink(newPort())
		run(t, link, func() {
			result := claim(t.Context(), link, homelink.Claim{HomeAddress: home})
			link.Release(home)
			if err := <-result; !errors.Is(err, homelink.ErrReleased) {
				t.Errorf("error %v", err)
			}
		})
	})
}

func TestLastOneToWaitEndsTheProbing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		link := newLink(p)
		run(t, link, func() {
			ctx, cancel := context.WithCancel(t.Context())
			result := claim(ctx, link, homelink.Claim{HomeAddress: home})
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			time.Sleep(time.Minute)
			p.want(t, "join "+group, "probe "+home.String(), "leave "+group)
		})
	})
}

func TestProbeThatCannotBeSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		p.fail = errors.New("no buffer space available")
		link := newLink(p)
		run(t, link, func() {
			err := link.Claim(t.Context(), homelink.Claim{HomeAddress: home, LinkLocal: true})
			if !errors.Is(err, homelink.ErrDown) || !errors.Is(err, p.fail) {
				t.Errorf("error %v", err)
			}
			if s := link.Status(); s.Held+s.Probing != 0 || s.Errors == 0 {
				t.Errorf("status %+v", s)
			}
		})
	})
}

func TestInterfaceGoesAndComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before, after := newPort(), newPort()
		link := newLink(before, nil, after)
		if err := link.Claim(t.Context(), homelink.Claim{HomeAddress: home}); !errors.Is(err, homelink.ErrDown) {
			t.Errorf("before Run: %v", err)
		}
		link.Restore([]homelink.Claim{{HomeAddress: home}})
		run(t, link, func() {
			result := claim(t.Context(), link, homelink.Claim{HomeAddress: netip.MustParseAddr("2001:db8:1::5")})
			before.vanish()
			if err := <-result; !errors.Is(err, homelink.ErrDown) {
				t.Errorf("probing: %v", err)
			}
			time.Sleep(1500 * time.Millisecond)
			if err := link.Claim(t.Context(), homelink.Claim{HomeAddress: home}); !errors.Is(err, homelink.ErrDown) || link.Status().Up {
				t.Errorf("while the interface is gone: %v", err)
			}
			time.Sleep(time.Second)
			after.want(t, "join "+group, "advertise "+home.String())
			if err := link.Claim(t.Context(), homelink.Claim{HomeAddress: home}); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestRunEndsWhileTheInterfaceIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPort()
		run(t, newLink(p), func() {
			p.vanish()
			time.Sleep(5 * time.Second)
		})
	})
}

func TestRunWithoutInterface(t *testing.T) {
	t.Parallel()
	link := newLink()
	if err := link.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "home0") {
		t.Errorf("error %v", err)
	}
	if got := link.String(); got != "home link home0" {
		t.Errorf("name %q", got)
	}
}

func TestVirtual(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var link homelink.HomeLink = homelink.Virtual{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- link.Run(ctx) }()
		<-link.Ready()
		link.Restore([]homelink.Claim{{HomeAddress: home}})
		if err := link.Claim(ctx, homelink.Claim{HomeAddress: home}); err != nil {
			t.Error(err)
		}
		link.Release(home)
		if !link.Status().Up || link.String() == "" {
			t.Errorf("%s: status %+v", link, link.Status())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
