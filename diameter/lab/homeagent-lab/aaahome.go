package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"golang.org/x/term"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/lab/aaahome"
)

// aaaHomeCmd sends HMRs.
type aaaHomeCmd struct {
	linkFlags
	codesFlag
	requestFlags
	keyFlags

	Count       int           `default:"1" help:"Number of requests (${default})." placeholder:"N"`
	Concurrency int           `default:"1" help:"Most requests outstanding at once (${default})." placeholder:"N"`
	Rate        float64       `help:"Requests started per second; 0 is as fast as answers come." placeholder:"R"`
	Timeout     time.Duration `default:"10s" help:"Wait this long for an answer (${default})." placeholder:"T"`

	Expect diameter.ResultCode `default:"DIAMETER_SUCCESS" help:"Result-Code hoped for, by number or name (${default})." placeholder:"CODE"`
	JSON   bool                `name:"json" help:"Write JSON: one object per answer, one with the summary."`
	Quiet  bool                `short:"q" help:"Write only answers that are not as hoped for, and the summary."`
}

// requestFlags are what the requests say.
type requestFlags struct {
	Users          string           `default:"mn%d@example.com" help:"User-Name; %d stands for the user's number (${default})." placeholder:"PATTERN"`
	First          int              `default:"1" help:"Number of the first user (${default})." placeholder:"N"`
	HoA            netip.Addr       `name:"hoa" help:"Home address of the first user; each next one's is one higher. By default the home agent chooses." placeholder:"ADDR"`
	HA             netip.Addr       `name:"ha" help:"Address of the home agent for the mobile nodes. By default it chooses." placeholder:"ADDR"`
	Lifetime       uint32           `default:"3600" help:"Authorization-Lifetime in seconds; 4294967295 has no end (${default})." placeholder:"SECONDS"`
	Grace          uint32           `help:"Auth-Grace-Period in seconds." placeholder:"SECONDS"`
	SessionTimeout *uint32          `help:"Session-Timeout in seconds." placeholder:"SECONDS"`
	NoState        bool             `help:"Ask for no session termination messages (Auth-Session-State 1)."`
	Vector         bootstrap.Vector `default:"requested" help:"MIPv6-Bootstrap-Vector: a number, or names joined by |: requested, home-only, home-agent-in-visited, visited-available (${default})." placeholder:"FLAGS"`
}

// keyFlags are where the keys come from.
type keyFlags struct {
	Key       string `xor:"key" help:"MIPv6-AAA-Key of all users in hexadecimal digits. Other users of this machine can see it; prefer --key-file." placeholder:"HEX"`
	KeyFile   string `xor:"key" help:"File with that key in hexadecimal digits." placeholder:"FILE"`
	KeyLength int    `default:"64" help:"Length of random keys in octets, one per user, without --key and --key-file (${default})." placeholder:"N"`
	KeyID     int32  `name:"key-id" default:"1" help:"MIPv6-AAA-Key-Id. Write a negative one as --key-id=-5 (${default})." placeholder:"N"`
	OmitKeyID bool   `name:"omit-key-id" help:"Send no MIPv6-AAA-Key-Id, as servers that keep to the grammar of the draft."`
	ShowKey   bool   `help:"Write the keys themselves, not only their fingerprints. They are secrets: for commissioning only."`
}

// Help is shown below the flags.
func (aaaHomeCmd) Help() string {
	return `Exits with 0 if every request was answered with the Result-Code hoped for, else with 1.

With --json, each answer is one object with user_name, session_id, result_code (0: none came), result, as_expected, seconds, ` +
		`home_address, home_agent, acct_multi_session_id, error_message, failed_avps, key_id, key_fingerprint, key (with --show-key) and error. ` +
		`The last object has the member summary with requests, as_expected, results (count by Result-Code), seconds, per_second, ` +
		`p50_seconds, p90_seconds, p99_seconds and max_seconds.

This is a commissioning tool, no AAA server: it authenticates nobody.`
}

// Run sends the requests and reports.
func (c *aaaHomeCmd) Run(e *environment) error {
	d, err := c.load()
	if err != nil {
		return err
	}
	plan, err := c.plan()
	if err != nil {
		return usageError{err}
	}
	link, err := c.open(e, d)
	if err != nil {
		return err
	}
	client := &aaahome.Client{Sender: link, Dictionary: d, Codec: bootstrap.NewCodec(d),
		Peer: c.peer(), Timeout: c.Timeout, OmitKeyID: c.OmitKeyID}
	return errors.Join(c.send(e, client, plan), link.close())
}

func (c *aaaHomeCmd) plan() (*aaahome.Plan, error) {
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	p := &aaahome.Plan{
		Users: c.Users, First: c.First, Count: c.Count,
		OriginHost: c.Host, OriginRealm: c.realm(), DestinationHost: c.HAHost, DestinationRealm: c.haRealm(),
		AuthorizationLifetime: c.Lifetime, GracePeriod: c.Grace, SessionTimeout: c.SessionTimeout,
		Vector: c.Vector, Keys: keys, KeyID: c.KeyID, HomeAddress: c.HoA, HomeAgent: c.HA,
		Run: uint32(time.Now().Unix()),
	}
	if c.NoState {
		p.SessionState = bootstrap.NoStateMaintained
	}
	return p, p.Validate()
}

func (f *keyFlags) keys() (aaahome.Keys, error) {
	switch {
	case f.Key != "":
		return aaahome.KeyFromHex(f.Key)
	case f.KeyFile != "":
		return aaahome.KeyFromFile(f.KeyFile)
	case f.KeyLength < 1:
		return nil, fmt.Errorf("making random keys: length %d (must be at least 1)", f.KeyLength)
	}
	return aaahome.RandomKeys(f.KeyLength), nil
}

// A report writes outcomes as they come, and the summary.
type report interface {
	Outcome(o aaahome.Outcome, expected bool) error
	Summary(s aaahome.Summary) error
}

func (c *aaaHomeCmd) report(out io.Writer) report {
	if c.JSON {
		return aaahome.JSONReport{W: out, ShowKey: c.ShowKey}
	}
	return aaahome.TextReport{W: out, ShowKey: c.ShowKey}
}

// send carries out the plan. An error in writing ends it: nobody reads on.
func (c *aaaHomeCmd) send(e *environment, client *aaahome.Client, plan *aaahome.Plan) error {
	ctx, cancel := context.WithCancelCause(e)
	defer cancel(nil)
	tally, progress := aaahome.NewTally(c.Expect), aaahome.NewProgress(e.err, plan.Count)
	r := c.report(progress.Above(e.out))
	load := &aaahome.Load{Client: client, Plan: plan, Concurrency: c.Concurrency, Rate: c.Rate,
		Report: func(o aaahome.Outcome) {
			tally.Add(o)
			if expected := o.Is(c.Expect); !expected || !c.Quiet {
				if err := r.Outcome(o, expected); err != nil {
					cancel(fmt.Errorf("writing an outcome: %w", err))
				}
			}
		}}
	if c.showsProgress(e) {
		load.Tick, load.TickEvery = func() { progress.Show(tally) }, 200*time.Millisecond
	}
	err := load.Run(ctx)
	s := tally.Summary()
	err = errors.Join(err, r.Summary(s))
	if err == nil && !s.OK(plan.Count) {
		err = fmt.Errorf("%d of %d requests were not answered with %v", plan.Count-s.Expected, plan.Count, c.Expect)
	}
	return err
}

// showsProgress decides for the line of progress where somebody can see it and
// the answers do not scroll by on the same terminal.
func (c *aaaHomeCmd) showsProgress(e *environment) bool {
	return isTerminal(e.err) && (c.Quiet || !isTerminal(e.out))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
