package vici_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/ike/vici"
	"homeagent/ike/vici/vicitest"
)

func establish(t *testing.T, c *vicitest.Charon, name, remote string) uint32 {
	t.Helper()
	id, err := c.Establish(name, remote)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestEvents(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		c.LoadAll([]string{"mn-a"}, []string{"mn-a"})
		id := establish(t, c, "mn-a", "2001:db8:2::1")
		id = c.Rekey(id)
		c.Move(id, "2001:db8:3::1")
		child := c.AddChild(id, vicitest.Child{Name: "payload", LocalTS: []string{"::/0"}, RemoteTS: []string{"2001:db8::1/128", "2001:db8::2/128"}})
		child = c.RekeyChild(id, child)
		c.DropChild(id, child, true)
		c.Drop(id, true)
		c.Raise("ike-updown", vicitest.Message{vicitest.Value("up", "yes")}) // of nothing
		sa := vici.IKESA{
			Name: "mn-a", UniqueID: 1, State: "ESTABLISHED", RemoteID: "mn-a", Established: time.Second,
			Local: netip.MustParseAddr("2001:db8::1"), Remote: netip.MustParseAddr("2001:db8:2::1"),
			Children: []vici.ChildSA{{Name: "mh", UniqueID: 1, State: "INSTALLED", ReqID: 1001}},
		}
		second, moved := sa, sa
		second.UniqueID, moved.UniqueID = 2, 2
		moved.Remote = netip.MustParseAddr("2001:db8:3::1")
		child1, child2 := moved, moved
		child1.Children = []vici.ChildSA{{
			Name: "payload", UniqueID: 2, State: "INSTALLED", ReqID: 1001,
			LocalTS: []string{"::/0"}, RemoteTS: []string{"2001:db8::1/128", "2001:db8::2/128"},
		}}
		child2.Children = slices.Clone(child1.Children)
		child2.Children[0].UniqueID = 3
		want := []vici.Event{
			{Kind: vici.Up, SA: sa}, {Kind: vici.Rekeyed, SA: second, Old: 1}, {Kind: vici.Moved, SA: moved},
			{Kind: vici.ChildUp, SA: child1}, {Kind: vici.ChildRekeyed, SA: child2, Old: 2}, {Kind: vici.ChildDown, SA: child2},
			{Kind: vici.Down, SA: moved}, {Kind: vici.ChildDown, SA: moved},
		}
		for _, want := range want {
			got := <-l.Events()
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("unexpected %v event (-want +got):\n%s", got.Kind, diff)
			}
			if got.SA.IsEstablished() != (got.SA.State != "DELETING") {
				t.Errorf("%v: IsEstablished is %v", got.Kind, got.SA.IsEstablished())
			}
		}
	})
}

func ignoreEvents(ctx context.Context, l *vici.Link) {
	for {
		select {
		case <-l.Events():
		case <-ctx.Done():
			return
		}
	}
}

// TestEventsComplete: nothing is lost and nothing locks up when events come
// while the Link is still subscribing and faster than they are taken.
func TestEventsComplete(t *testing.T) {
	t.Parallel()
	const n = 2000
	withClient(t, vici.Config{}, func(t *testing.T, client *vici.Client, c *vicitest.Charon) {
		c.LoadAll([]string{"mn-a"}, []string{"mn-a"})
		c.Script(func(call vicitest.Call) vicitest.Action {
			if call.Command == "subscribe" && call.Subject == "ike-rekey" {
				return vicitest.Action{Hang: 2 * time.Second}
			}
			return vicitest.Action{}
		})
		time.AfterFunc(time.Second, func() { raise(c, n/2) })
		ctx, cancel := context.WithCancel(t.Context())
		err := client.Run(ctx, func(ctx context.Context, l *vici.Link) error {
			defer cancel()
			raise(c, n/2)
			for i := range n {
				if i%100 == 0 {
					time.Sleep(time.Second)
				}
				if e := <-l.Events(); e.SA.UniqueID != uint32(i+1) {
					t.Fatalf("event %d is of %d", i+1, e.SA.UniqueID)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func raise(c *vicitest.Charon, n int) {
	for range n {
		_, _ = c.Establish("mn-a", "2001:db8::1")
	}
}

// TestSubscribeUnanswered: a subscription that charon never confirms is given
// up (by govici, after 5 s), and a later one succeeds.
func TestSubscribeUnanswered(t *testing.T) {
	t.Parallel()
	withClient(t, vici.Config{}, func(t *testing.T, client *vici.Client, c *vicitest.Charon) {
		c.Script(func(call vicitest.Call) vicitest.Action {
			return vicitest.Action{Drop: call.Command == "subscribe"}
		})
		time.AfterFunc(12*time.Second, func() { c.Script(nil) })
		start := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		_ = client.Run(ctx, func(context.Context, *vici.Link) error { cancel(); return nil })
		if took := time.Since(start); took < 15*time.Second || took > 17*time.Second {
			t.Errorf("connecting took %v, want a little more than three times 5 s", took)
		}
	})
}

func TestListSAs(t *testing.T) {
	t.Parallel()
	const n = 1000
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		c.LoadAll([]string{"mn-a", "mn-b"}, []string{"mn-a", "mn-b"})
		for range n {
			establish(t, c, "mn-a", "2001:db8:2::1")
			establish(t, c, "mn-b", "2001:db8:2::2")
		}
		go ignoreEvents(ctx, l)
		if got := count(t, ctx, l, "mn-a", 0); got != n {
			t.Errorf("listed %d IKE_SAs of one connection, want %d", got, n)
		}
		if got := count(t, ctx, l, "", time.Millisecond); got != 2*n {
			t.Errorf("a slow reader got %d IKE_SAs, want %d", got, 2*n)
		}
		for range l.ListSAs(ctx, "") {
			break // what follows is not waited for
		}
		start := time.Now()
		checkNames(t, ctx, l, []string{"mn-a", "mn-b"}, []string{"mn-a", "mn-b"})
		if took := time.Since(start); took > time.Second {
			t.Errorf("a call after an abandoned listing took %v", took)
		}
		synctest.Wait()
	})
}

func count(t *testing.T, ctx context.Context, l *vici.Link, name string, pause time.Duration) int {
	t.Helper()
	n := 0
	for sa, err := range l.ListSAs(ctx, name) {
		if err != nil {
			t.Fatalf("listing: %v", err)
		}
		if sa.UniqueID == 0 || !sa.IsEstablished() {
			t.Fatalf("unexpected IKE_SA %+v", sa)
		}
		n++
		time.Sleep(pause)
	}
	return n
}

// TestListSAsFails: a listing that fails says so and leaves the Link alone.
func TestListSAsFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		action vicitest.Action
		want   string
	}{
		{"dropped", vicitest.Action{Drop: true}, "listing IKE_SAs: charon did not answer in time"},
		{"closed", vicitest.Action{HangUp: true}, "listing IKE_SAs: charon closed the connection"},
		{"refused", vicitest.Action{Refuse: "no"}, "listing IKE_SAs: vici: command failed: no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
				c.Script(func(vicitest.Call) vicitest.Action { return tt.action })
				var errs []string
				for _, err := range l.ListSAs(ctx, "") {
					errs = append(errs, err.Error())
				}
				if diff := cmp.Diff([]string{tt.want}, errs); diff != "" {
					t.Errorf("unexpected errors (-want +got):\n%s", diff)
				}
				c.Script(nil)
				checkNames(t, ctx, l, nil, nil)
			})
		})
	}
}

func TestTerminate(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		c.LoadAll([]string{"mn-a", "mn-b"}, []string{"mn-a", "mn-b"})
		establish(t, c, "mn-a", "2001:db8:2::1")
		establish(t, c, "mn-b", "2001:db8:2::2")
		establish(t, c, "mn-a", "2001:db8:2::3")
		go ignoreEvents(ctx, l)
		for _, want := range []int{2, 0} {
			if n, err := l.Terminate(ctx, "mn-a"); n != want || err != nil {
				t.Errorf("ended %d IKE_SAs, error %v, want %d", n, err, want)
			}
		}
		if diff := cmp.Diff([]string{"mn-b 2 2001:db8:2::2"}, c.SAs()); diff != "" {
			t.Errorf("unexpected IKE_SAs (-want +got):\n%s", diff)
		}
	})
}

func TestTerminateOne(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		c.LoadAll([]string{"mn-a"}, []string{"mn-a"})
		establish(t, c, "mn-a", "2001:db8:2::1")
		establish(t, c, "mn-a", "2001:db8:2::2")
		go ignoreEvents(ctx, l)
		for _, want := range []int{1, 0} {
			if n, err := l.TerminateSA(ctx, 1); n != want || err != nil {
				t.Errorf("ended %d IKE_SAs, error %v, want %d", n, err, want)
			}
		}
		if diff := cmp.Diff([]string{"mn-a 2 2001:db8:2::2"}, c.SAs()); diff != "" {
			t.Errorf("unexpected IKE_SAs (-want +got):\n%s", diff)
		}
	})
}

func TestInitiate(t *testing.T) {
	t.Parallel()
	withLink(t, func(t *testing.T, ctx context.Context, l *vici.Link, c *vicitest.Charon) {
		go ignoreEvents(ctx, l)
		c.LoadAll([]string{"mn-a"}, []string{"mn-a"})
		if err := l.Initiate(ctx, "mn-a", "mh"); err != nil {
			t.Errorf("initiating: %v", err)
		}
		var refused *vici.CommandError
		if err := l.Initiate(ctx, "mn-b", "mh"); !errors.As(err, &refused) || refused.Reason != `no matching peer config found for "mn-b"` {
			t.Errorf("initiating what is not loaded gives %v", err)
		}
		c.Script(func(vicitest.Call) vicitest.Action { return vicitest.Action{Drop: true} })
		if err := l.Initiate(ctx, "mn-a", ""); err == nil || err.Error() != `initiating "mn-a": charon did not answer in time` {
			t.Errorf("initiating without an answer gives %v", err)
		}
		c.Script(nil)
		checkNames(t, ctx, l, []string{"mn-a"}, []string{"mn-a"}) // the Link lives
		c.Stop()
		if err := l.Initiate(context.Background(), "mn-a", ""); err == nil {
			t.Error("initiating without charon succeeded")
		}
	})
}
