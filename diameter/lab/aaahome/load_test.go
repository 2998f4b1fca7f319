package aaahome_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/lab/aaahome"
)

func TestClient_Send(t *testing.T) {
	t.Parallel()
	refuse := func(code diameter.ResultCode, failed ...diameter.AVP) func(*homeAgent) {
		return func(a *homeAgent) {
			a.answer = func(req *diameter.Message, _ *bootstrap.HMR) *diameter.Message {
				return a.codec.Refuse(req, ha, &diameter.Failure{Code: code, Failed: failed, Text: "why"})
			}
		}
	}
	change := func(edit func(*diameter.Message)) func(*homeAgent) {
		return func(a *homeAgent) {
			a.answer = func(req *diameter.Message, h *bootstrap.HMR) *diameter.Message {
				m := a.success(req, h)
				edit(m)
				return m
			}
		}
	}
	tests := []struct {
		name   string
		agent  func(*homeAgent)
		client func(*aaahome.Client)
		result string
		err    string
		failed []string
	}{
		{name: "success", result: "DIAMETER_SUCCESS"},
		{name: "refused", agent: refuse(diameter.HomeAgentNotAvailable), result: "DIAMETER_ERROR_HA_NOT_AVAILABLE"},
		{name: "protocol error", agent: refuse(diameter.TooBusy), result: "DIAMETER_TOO_BUSY"},
		{name: "with Failed-AVP", agent: refuse(diameter.AVPUnsupported, diameter.NewUTF8(1, 0, 0x40, "x"), diameter.NewUTF8(9, 10415, 0, "x")),
			result: "DIAMETER_AVP_UNSUPPORTED", failed: []string{"User-Name", "AVP 9 of vendor 10415"}},
		{name: "key id left out", client: func(c *aaahome.Client) { c.OmitKeyID = true },
			result: "DIAMETER_MISSING_AVP", failed: []string{"MIPv6-AAA-Key-Id"}},
		{name: "late", agent: func(a *homeAgent) { a.delay = time.Minute }, result: "no answer", err: "waiting for the answer: context deadline exceeded"},
		{name: "another session's", agent: change(func(m *diameter.Message) { m.AVPs[0].Data = []byte("x") }),
			result: "no answer", err: `checking the answer: its Session-Id is "x", not "aaah.example.com;1700000000;0"`},
		{name: "success with the E bit", agent: change(func(m *diameter.Message) { m.Flags |= diameter.FlagError }),
			result: "no answer", err: "checking the answer: its E bit does not fit DIAMETER_SUCCESS"},
		{name: "success without address", agent: func(a *homeAgent) {
			a.answer = func(req *diameter.Message, _ *bootstrap.HMR) *diameter.Message {
				return a.codec.EncodeHMA(req, ha, &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.Success}})
			}
		}, result: "no answer", err: "checking the answer: DIAMETER_SUCCESS without a home address"},
		{name: "nonsense", agent: change(func(m *diameter.Message) { m.AVPs = m.AVPs[:1] }), result: "no answer",
			err: "decoding the answer: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				agent := newHomeAgent(t)
				if tt.agent != nil {
					tt.agent(agent)
				}
				client := newClient(t, agent)
				client.Timeout = 10 * time.Second
				if tt.client != nil {
					tt.client(client)
				}
				h, _ := newPlan(1).HMR(0)
				o := client.Send(t.Context(), h)
				if o.Result() != tt.result || (o.Err == nil) != (tt.err == "") || o.Err != nil && !strings.HasPrefix(o.Err.Error(), tt.err) {
					t.Errorf("got %s, %v; want %s, %q", o.Result(), o.Err, tt.result, tt.err)
				}
				if diff := cmp.Diff(tt.failed, o.FailedAVPs); diff != "" {
					t.Errorf("unexpected names of failed AVPs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// run sends a plan to an agent and returns the outcomes.
func run(t *testing.T, ctx context.Context, l *aaahome.Load) ([]aaahome.Outcome, error) {
	t.Helper()
	var outcomes []aaahome.Outcome
	l.Report = func(o aaahome.Outcome) { outcomes = append(outcomes, o) }
	err := l.Run(ctx)
	return outcomes, err
}

func TestLoad_Concurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent := newHomeAgent(t)
		agent.delay = time.Second
		began := time.Now()
		outcomes, err := run(t, t.Context(), &aaahome.Load{Client: newClient(t, agent), Plan: newPlan(10), Concurrency: 4})
		if err != nil || len(outcomes) != 10 || agent.most != 4 || time.Since(began) != 3*time.Second {
			t.Errorf("got %d outcomes, %v, at most %d at once in %v; want 10, at most 4, in 3s", len(outcomes), err, agent.most, time.Since(began))
		}
		users := map[string]bool{}
		for _, o := range outcomes {
			if !o.Is(diameter.Success) || o.Took != time.Second || o.Answer.HomeAddress != netip.MustParseAddr("2001:db8:1::1000") {
				t.Errorf("unexpected outcome %+v", o)
			}
			users[o.Request.UserName] = true
		}
		if len(users) != 10 || !users["mn1@example.com"] || !users["mn10@example.com"] {
			t.Errorf("unexpected users %v", users)
		}
	})
}

func TestLoad_Rate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		agent := newHomeAgent(t)
		began, ticks := time.Now(), 0
		load := &aaahome.Load{Client: newClient(t, agent), Plan: newPlan(21), Concurrency: 1, Rate: 10,
			Tick: func() { ticks++ }, TickEvery: 300 * time.Millisecond}
		outcomes, err := run(t, t.Context(), load)
		if err != nil || len(outcomes) != 21 || time.Since(began) != 2*time.Second || ticks != 6 {
			t.Errorf("got %d outcomes, %v, in %v with %d ticks; want 21 in 2s with 6", len(outcomes), err, time.Since(began), ticks)
		}
	})
}

func TestLoad_Interrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, rate := range []float64{0, 1} {
			agent := newHomeAgent(t)
			agent.delay = 10 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			outcomes, err := run(t, ctx, &aaahome.Load{Client: newClient(t, agent), Plan: newPlan(100), Concurrency: 2, Rate: rate})
			cancel()
			answered := 0
			for _, o := range outcomes {
				if o.Answer != nil {
					answered++
				}
			}
			if !errors.Is(err, context.DeadlineExceeded) || answered != 2 || len(outcomes) != 4 {
				t.Errorf("rate %v: got %d outcomes, %d answered, %v; want 4, 2 and the deadline", rate, len(outcomes), answered, err)
			}
		}
	})
}

func TestLoad_Refused(t *testing.T) {
	t.Parallel()
	client := newClient(t, newHomeAgent(t))
	for name, load := range map[string]*aaahome.Load{
		"no concurrency": {Client: client, Plan: newPlan(1)},
		"negative rate":  {Client: client, Plan: newPlan(1), Concurrency: 1, Rate: -1},
	} {
		if _, err := run(t, t.Context(), load); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	broken := newPlan(1)
	broken.Keys, _ = aaahome.KeyFromHex("00")
	if outcomes, err := run(t, t.Context(), &aaahome.Load{Client: client, Plan: broken, Concurrency: 1}); err != nil ||
		len(outcomes) != 1 || !outcomes[0].Is(diameter.InvalidAVPValue) {
		t.Errorf("a short key: got %+v, %v; want it sent and refused", outcomes, err)
	}
}
