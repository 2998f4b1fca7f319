package aaahome

import (
	"context"
	"fmt"
	"slices"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
)

// A Sender sends a request to a peer, named by its Diameter identity, and
// returns the answer. A peer.Table is one.
type Sender interface {
	Do(ctx context.Context, to string, req *diameter.Message) (*diameter.Message, error)
}

// A Client sends HMRs, one at a time per call.
type Client struct {
	Sender     Sender
	Dictionary *dictionary.Dictionary
	Codec      *bootstrap.Codec
	// Peer is where requests are sent to: the home agent, or a relay.
	Peer string
	// Timeout bounds the wait for one answer; 0 is no bound.
	Timeout time.Duration
	// OmitKeyID leaves MIPv6-AAA-Key-Id out, as servers do that follow the
	// draft's grammar to the letter.
	OmitKeyID bool
}

// An Outcome is what became of one HMR. Answer is nil if none came or it made
// no sense; Err says why then.
type Outcome struct {
	Request *bootstrap.HMR
	Answer  *bootstrap.HMA
	Err     error
	Took    time.Duration
	// FailedAVPs are the names of what Failed-AVP holds.
	FailedAVPs []string
}

// Result is the name of the Result-Code, or "no answer".
func (o Outcome) Result() string {
	if o.Answer == nil {
		return "no answer"
	}
	return o.Answer.Result.String()
}

// Is reports whether the answer came with this Result-Code.
func (o Outcome) Is(code diameter.ResultCode) bool {
	return o.Answer != nil && o.Answer.Result == code
}

// Send sends an HMR and waits for the HMA.
func (c *Client) Send(ctx context.Context, h *bootstrap.HMR) Outcome {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	req := c.Codec.EncodeHMR(h)
	if c.OmitKeyID {
		codes := c.Dictionary.Codes()
		req.AVPs = slices.DeleteFunc(req.AVPs, func(a diameter.AVP) bool { return a.Is(codes.AAAKeyID, codes.Vendor) })
	}
	o := Outcome{Request: h}
	start := time.Now()
	msg, err := c.Sender.Do(ctx, c.Peer, req)
	o.Took = time.Since(start)
	if err != nil {
		o.Err = fmt.Errorf("waiting for the answer: %w", err)
		return o
	}
	c.judge(&o, msg)
	return o
}

// judge decodes an answer and checks that it belongs to the request.
func (c *Client) judge(o *Outcome, msg *diameter.Message) {
	answer, f := c.Codec.DecodeHMA(msg)
	switch {
	case f != nil:
		o.Err = fmt.Errorf("decoding the answer: %w", f)
	case answer.SessionID != o.Request.SessionID:
		o.Err = fmt.Errorf("checking the answer: its Session-Id is %q, not %q", answer.SessionID, o.Request.SessionID)
	case (msg.Flags&diameter.FlagError != 0) != answer.Result.Protocol() && answer.Result/1000 != 5:
		o.Err = fmt.Errorf("checking the answer: its E bit does not fit %v", answer.Result)
	case answer.Result.Success() && !answer.HomeAddress.IsValid():
		o.Err = fmt.Errorf("checking the answer: %v without a home address", answer.Result)
	default:
		o.Answer = answer
		for _, a := range answer.Failed {
			o.FailedAVPs = append(o.FailedAVPs, c.name(a))
		}
	}
}

func (c *Client) name(a diameter.AVP) string {
	if r, ok := c.Dictionary.AVP(a.Code, a.Vendor); ok {
		return r.Name
	}
	return a.String()
}
