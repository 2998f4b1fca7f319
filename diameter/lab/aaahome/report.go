package aaahome

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"homeagent/ike/psk"
)

// A TextReport writes outcomes for people, a line each.
type TextReport struct {
	W       io.Writer
	ShowKey bool // print keys, not only their fingerprints
}

// Outcome writes one line.
func (r TextReport) Outcome(o Outcome, _ bool) error {
	line := fmt.Sprintf("%s: %s in %s", o.Request.UserName, o.Result(), milliseconds(o.Took.Seconds()))
	switch {
	case o.Answer == nil:
		line += ": " + o.Err.Error()
	case o.Answer.Result.Success():
		line += fmt.Sprintf(", home address %v, home agent %v", o.Answer.HomeAddress, o.Answer.HomeAgent)
	default:
		if len(o.FailedAVPs) > 0 {
			line += ", Failed-AVP " + strings.Join(o.FailedAVPs, ", ")
		}
		if o.Answer.ErrorMessage != "" {
			line += fmt.Sprintf(", %q", o.Answer.ErrorMessage)
		}
	}
	_, err := fmt.Fprintf(r.W, "%s, %s\n", line, keyText(o.Request.Key, o.Request.KeyID, r.ShowKey))
	return err
}

func keyText(key psk.AAAKey, id int32, show bool) string {
	if show {
		return fmt.Sprintf("key %d %x", id, key.Bytes())
	}
	return fmt.Sprintf("key %d fingerprint %v", id, key.Fingerprint())
}

// Summary writes the counts and times.
func (r TextReport) Summary(s Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests in %.2f s, %.1f answers/s\n", s.Requests, s.Seconds, s.Rate)
	for _, name := range slices.Sorted(maps.Keys(s.Results)) {
		fmt.Fprintf(&b, "  %6d %s\n", s.Results[name], name)
	}
	fmt.Fprintf(&b, "time to answer: p50 %s, p90 %s, p99 %s, max %s\n",
		milliseconds(s.P50), milliseconds(s.P90), milliseconds(s.P99), milliseconds(s.Max))
	_, err := io.WriteString(r.W, b.String())
	return err
}

func milliseconds(seconds float64) string { return fmt.Sprintf("%.2f ms", seconds*1000) }

// A JSONReport writes outcomes for programs: one JSON object per line and
// outcome, at the end one with the single member "summary", a [Summary].
type JSONReport struct {
	W       io.Writer
	ShowKey bool // add the key itself
}

// A Record is the JSON form of an outcome. Members without a value are left
// out; result_code is 0 when no answer came, and error says why.
type Record struct {
	UserName           string   `json:"user_name"`
	SessionID          string   `json:"session_id"`
	ResultCode         uint32   `json:"result_code"`
	Result             string   `json:"result"`
	Expected           bool     `json:"as_expected"`
	Seconds            float64  `json:"seconds"`
	HomeAddress        string   `json:"home_address,omitempty"`
	HomeAgent          string   `json:"home_agent,omitempty"`
	AcctMultiSessionID string   `json:"acct_multi_session_id,omitempty"`
	ErrorMessage       string   `json:"error_message,omitempty"`
	FailedAVPs         []string `json:"failed_avps,omitempty"`
	KeyID              int32    `json:"key_id"`
	KeyFingerprint     string   `json:"key_fingerprint"`
	Key                string   `json:"key,omitempty"`
	Error              string   `json:"error,omitempty"`
}

// Outcome writes one object.
func (r JSONReport) Outcome(o Outcome, expected bool) error {
	record := Record{
		UserName: o.Request.UserName, SessionID: o.Request.SessionID, Result: o.Result(), Expected: expected,
		Seconds: o.Took.Seconds(), FailedAVPs: o.FailedAVPs,
		KeyID: o.Request.KeyID, KeyFingerprint: o.Request.Key.Fingerprint().String(),
	}
	if o.Err != nil {
		record.Error = o.Err.Error()
	}
	if a := o.Answer; a != nil {
		record.ResultCode, record.ErrorMessage, record.AcctMultiSessionID = uint32(a.Result), a.ErrorMessage, a.AcctMultiSessionID
		if a.HomeAddress.IsValid() {
			record.HomeAddress = a.HomeAddress.String()
		}
		if a.HomeAgent.IsValid() {
			record.HomeAgent = a.HomeAgent.String()
		}
	}
	if r.ShowKey {
		record.Key = hex.EncodeToString(o.Request.Key.Bytes())
	}
	return json.NewEncoder(r.W).Encode(record)
}

// Summary writes the last object.
func (r JSONReport) Summary(s Summary) error {
	return json.NewEncoder(r.W).Encode(struct {
		Summary Summary `json:"summary"`
	}{s})
}
