package ike_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"homeagent/ike"
	"homeagent/ike/vici/vicitest"
)

// TestChaos arms and forgets from many goroutines while charon restarts, hangs
// up, hangs, loses keys and connections, and mobile nodes come and go. Whatever
// Arm and Forget said last must be true in the end.
func TestChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			run(t, ike.Config{Window: 5 + 20*int(seed%2)}, func(r *rig) {
				c := &chaos{rig: r, rand: rand.New(rand.NewPCG(seed, 2)), armed: make(map[int]int)}
				c.reign()
				r.charon.Script(nil)
				time.Sleep(10 * time.Minute)
				c.check()
			})
		})
	}
}

const (
	chaosUsers = 15
	otherHome  = 100 // between a user's two home addresses
)

func anyHome(random *rand.Rand) int { return random.IntN(chaosUsers) + otherHome*random.IntN(2) }

type chaos struct {
	*rig
	rand  *rand.Rand
	mu    sync.Mutex
	armed map[int]int // version last confirmed by home address, 0 = forgotten
}

// reign runs one caller per mobile node, as the session layer does, and a
// charon that fails in between.
func (c *chaos) reign() {
	ctx, cancel := context.WithCancel(c.t.Context())
	var callers, fate sync.WaitGroup
	for i := range chaosUsers {
		random := rand.New(rand.NewPCG(uint64(i), c.rand.Uint64()))
		callers.Go(func() { c.caller(i, random) })
	}
	fate.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(time.Duration(c.rand.IntN(20_000)) * time.Millisecond)
			c.strike()
		}
	})
	callers.Wait()
	cancel()
	fate.Wait()
}

// caller arms and forgets one mobile node, at one home address or another.
func (c *chaos) caller(i int, random *rand.Rand) {
	homes := [2]int{i, i + otherHome}
	for version := 1; version <= 20; version++ {
		time.Sleep(time.Duration(random.IntN(30_000)) * time.Millisecond)
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Duration(1+random.IntN(8_000))*time.Millisecond)
		at := random.IntN(2)
		credential := cred(i, version)
		credential.HomeAddress = home(homes[at])
		if random.IntN(4) == 0 {
			_ = c.ike.Forget(ctx, credential.HomeAddress) // not wanted any more, whatever the error
			c.set(homes[at], 0)
		} else if c.ike.Arm(ctx, credential) == nil {
			c.set(homes[at], version)
			c.set(homes[1-at], 0)
		}
		cancel()
	}
}

func (c *chaos) set(i, version int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed[i] = version
}

// strike does something bad, or lets mobile nodes come and go.
func (c *chaos) strike() {
	switch n := c.rand.IntN(9); n {
	case 0:
		c.charon.Stop()
		time.Sleep(time.Duration(c.rand.IntN(5000)) * time.Millisecond)
		c.charon.Start()
	case 1:
		c.charon.HangUp()
	case 2:
		c.charon.LoadAll([]string{"foreign"}, []string{"foreign"})
	case 3, 4:
		actions := []vicitest.Action{{Drop: true}, {Mute: true}, {HangUp: true}, {Hang: time.Second}, {Refuse: "no"}}
		chance, action := 2+c.rand.Uint64N(20), actions[c.rand.IntN(len(actions))]
		calls := uint64(0)
		c.charon.Script(func(vicitest.Call) vicitest.Action {
			if calls++; calls%chance == 0 {
				return action
			}
			return vicitest.Action{}
		})
	case 5:
		c.charon.Script(nil)
	default:
		for range 5 {
			_, _ = c.charon.Establish(name(anyHome(c.rand)), "2001:db8:2::1")
		}
		if sas := c.charon.SAIDs(); len(sas) > 0 {
			c.charon.Drop(sas[c.rand.IntN(len(sas))], n < 8)
		}
	}
}

// check compares what was confirmed with what charon holds.
func (c *chaos) check() {
	c.t.Helper()
	synctest.Wait()
	wanted, loaded := 0, 0
	for i := range chaosUsers + otherHome {
		if c.armed[i] > 0 {
			wanted++
		}
		key, conn := c.charon.Key(name(i)), c.charon.Conn(name(i))
		if (key == nil) != (conn == nil) {
			c.t.Errorf("of mobile node %d one part only is loaded", i)
		}
		if key == nil {
			continue
		}
		loaded++
		if got := int(key.Get("data")[0]); got != c.armed[i] {
			c.t.Errorf("charon holds version %d of mobile node %d, confirmed is %d", got, i, c.armed[i])
		}
	}
	st := c.ike.Status()
	if st.Sessions != wanted || st.Loaded != loaded || st.Pending != 0 || !st.Connected {
		c.t.Errorf("%d wanted, %d loaded, status %+v", wanted, loaded, st)
	}
	for _, what := range c.ike.Inconsistencies() {
		c.t.Error(what)
	}
	sas := strings.Join(c.charon.SAs(), "\n")
	for i := range chaosUsers + otherHome {
		if c.armed[i] == 0 && strings.Contains(sas, name(i)) {
			c.t.Errorf("the IKE_SA of mobile node %d was not ended", i)
		}
	}
}
