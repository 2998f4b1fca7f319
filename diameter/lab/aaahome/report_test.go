package aaahome_test

import (
	"bytes"
	"encoding/json"
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
	"homeagent/ike/psk"
)

func hmr() *bootstrap.HMR {
	return &bootstrap.HMR{SessionID: "aaah;1;2", UserName: "mn1@example.com", Key: psk.NewAAAKey([]byte{1, 2, 3}), KeyID: -7}
}

func success() aaahome.Outcome {
	return aaahome.Outcome{Request: hmr(), Took: 1500 * time.Microsecond, Answer: &bootstrap.HMA{
		Reply: bootstrap.Reply{Result: diameter.Success}, AcctMultiSessionID: "multi",
		HomeAddress: netip.MustParseAddr("2001:db8:1::1000"), HomeAgent: netip.MustParseAddr("2001:db8:1::1")}}
}

func refusal() aaahome.Outcome {
	return aaahome.Outcome{Request: hmr(), Took: time.Millisecond, FailedAVPs: []string{"User-Name"},
		Answer: &bootstrap.HMA{Reply: bootstrap.Reply{Result: diameter.MissingAVP, ErrorMessage: "it is\x1b missing"}}}
}

func silence() aaahome.Outcome {
	return aaahome.Outcome{Request: hmr(), Took: 10 * time.Second, Err: errors.New("waiting for the answer: no peer is connected")}
}

func TestReports(t *testing.T) {
	t.Parallel()
	const fingerprint = "039058c6f2c0cb49"
	tests := []struct {
		name       string
		outcome    aaahome.Outcome
		text, json string
	}{
		{"success", success(),
			"mn1@example.com: DIAMETER_SUCCESS in 1.50 ms, home address 2001:db8:1::1000, home agent 2001:db8:1::1, key -7 fingerprint " + fingerprint + "\n",
			`{"user_name":"mn1@example.com","session_id":"aaah;1;2","result_code":2001,"result":"DIAMETER_SUCCESS","as_expected":true,"seconds":0.0015,` +
				`"home_address":"2001:db8:1::1000","home_agent":"2001:db8:1::1","acct_multi_session_id":"multi","key_id":-7,"key_fingerprint":"` + fingerprint + `"}` + "\n"},
		{"refusal", refusal(),
			`mn1@example.com: DIAMETER_MISSING_AVP in 1.00 ms, Failed-AVP User-Name, "it is\x1b missing", key -7 fingerprint ` + fingerprint + "\n",
			`{"user_name":"mn1@example.com","session_id":"aaah;1;2","result_code":5005,"result":"DIAMETER_MISSING_AVP","as_expected":true,"seconds":0.001,` +
				`"error_message":"it is\u001b missing","failed_avps":["User-Name"],"key_id":-7,"key_fingerprint":"` + fingerprint + `"}` + "\n"},
		{"silence", silence(),
			"mn1@example.com: no answer in 10000.00 ms: waiting for the answer: no peer is connected, key -7 fingerprint " + fingerprint + "\n",
			`{"user_name":"mn1@example.com","session_id":"aaah;1;2","result_code":0,"result":"no answer","as_expected":true,"seconds":10,` +
				`"key_id":-7,"key_fingerprint":"` + fingerprint + `","error":"waiting for the answer: no peer is connected"}` + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var text, lines bytes.Buffer
			if err := errors.Join(aaahome.TextReport{W: &text}.Outcome(tt.outcome, true), aaahome.JSONReport{W: &lines}.Outcome(tt.outcome, true)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.text, text.String()); diff != "" {
				t.Errorf("unexpected text (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.json, lines.String()); diff != "" {
				t.Errorf("unexpected JSON (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReports_ShowKey(t *testing.T) {
	t.Parallel()
	for _, show := range []bool{false, true} {
		var text, lines bytes.Buffer
		err := errors.Join(aaahome.TextReport{W: &text, ShowKey: show}.Outcome(success(), true),
			aaahome.JSONReport{W: &lines, ShowKey: show}.Outcome(success(), true))
		if err != nil || strings.Contains(text.String(), "010203") != show || strings.Contains(lines.String(), `"key":"010203"`) != show {
			t.Errorf("show %v: got %v\n%s%s", show, err, &text, &lines)
		}
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tally := aaahome.NewTally(diameter.Success)
		for i := range 100 {
			o := success()
			o.Took = time.Duration(100-i) * time.Millisecond
			tally.Add(o)
		}
		time.Sleep(2 * time.Second)
		tally.Add(refusal())
		tally.Add(silence())
		time.Sleep(time.Hour) // what comes after the last outcome does not count
		want := aaahome.Summary{Requests: 102, Expected: 100,
			Results: map[string]int{"DIAMETER_SUCCESS": 100, "DIAMETER_MISSING_AVP": 1, "no answer": 1},
			Seconds: 2, Rate: 50.5, P50: 0.050, P90: 0.090, P99: 0.099, Max: 0.100}
		got := tally.Summary()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unexpected summary (-want +got):\n%s", diff)
		}
		if got.OK(102) || !got.OK(100) {
			t.Error("OK does not compare with the plan")
		}
		wantText := `102 requests in 2.00 s, 50.5 answers/s
       1 DIAMETER_MISSING_AVP
     100 DIAMETER_SUCCESS
       1 no answer
time to answer: p50 50.00 ms, p90 90.00 ms, p99 99.00 ms, max 100.00 ms
`
		var text, line bytes.Buffer
		if err := errors.Join(aaahome.TextReport{W: &text}.Summary(got), aaahome.JSONReport{W: &line}.Summary(got)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantText, text.String()); diff != "" {
			t.Errorf("unexpected text (-want +got):\n%s", diff)
		}
		var back struct{ Summary aaahome.Summary }
		if err := json.Unmarshal(line.Bytes(), &back); err != nil || !cmp.Equal(back.Summary, got) {
			t.Errorf("the JSON %s reads as %+v, %v", &line, back.Summary, err)
		}
	})
}

func TestTally_Empty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if diff := cmp.Diff(aaahome.Summary{Results: map[string]int{}}, aaahome.NewTally(diameter.Success).Summary()); diff != "" {
			t.Errorf("unexpected summary (-want +got):\n%s", diff)
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		tally := aaahome.NewTally(diameter.Success)
		p := aaahome.NewProgress(&b, 10)
		tally.Add(success())
		p.Show(tally)
		p.Clear()
		if b.Len() > 0 {
			t.Errorf("wrote %q in the first second", &b)
		}
		time.Sleep(2 * time.Second)
		tally.Add(refusal())
		p.Show(tally)
		above := p.Above(&b)
		for _, line := range []string{"one\n", "two\n"} {
			if n, err := above.Write([]byte(line)); n != len(line) || err != nil {
				t.Errorf("writing %q: %d, %v", line, n, err)
			}
		}
		if want := "\r2 of 10 answered, 1 as expected, 1.0/s\x1b[K\r\x1b[Kone\ntwo\n"; b.String() != want {
			t.Errorf("wrote %q, want %q", &b, want)
		}
	})
}
