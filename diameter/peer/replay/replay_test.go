package replay_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/fiorix/go-diameter/v4/diam/avp"
	"github.com/google/go-cmp/cmp"

	"homeagent/diameter"
	"homeagent/diameter/peer/replay"
)

const m = diameter.AVPMandatory

func request(host, session string, endToEnd uint32) *diameter.Message {
	return &diameter.Message{
		Header: diameter.Header{Flags: diameter.FlagRequest, Command: 16777215, Application: 1, HopByHop: 5, EndToEnd: endToEnd},
		AVPs: []diameter.AVP{
			diameter.NewUTF8(avp.SessionID, 0, m, session),
			diameter.NewUTF8(avp.OriginHost, 0, m, host),
		},
	}
}

// key is one of many, none of them that of a request.
func key(n int) (k replay.Key) {
	binary.BigEndian.PutUint64(k[:], uint64(n))
	return k
}

func TestKeyOf(t *testing.T) {
	t.Parallel()
	retransmitted := request("a.example", "s", 1)
	retransmitted.Flags |= diameter.FlagRetransmit
	retransmitted.HopByHop = 99
	retransmitted.Add(diameter.NewUTF8(avp.RouteRecord, 0, m, "relay.example"))
	otherCommand := request("a.example", "s", 1)
	otherCommand.Command = 274
	tests := []struct {
		name  string
		other *diameter.Message
		same  bool
	}{
		{"retransmission by another way", retransmitted, true},
		{"case of the host", request("A.Example", "s", 1), true},
		{"another originator", request("b.example", "s", 1), false},
		{"another End-to-End Identifier", request("a.example", "s", 2), false},
		{"another session", request("a.example", "t", 1), false},
		{"octets that could belong to either name", request("sa.example", "", 1), false},
		{"another command", otherCommand, false},
	}
	first, ok := replay.KeyOf(request("a.example", "s", 1))
	if !ok {
		t.Fatal("no key")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, ok := replay.KeyOf(tt.other)
			if !ok || (k == first) != tt.same {
				t.Errorf("same key: %v, want %v", k == first, tt.same)
			}
		})
	}
	if _, ok := replay.KeyOf(&diameter.Message{}); ok {
		t.Error("a request without Origin-Host has a key")
	}
}

func TestAgain(t *testing.T) {
	t.Parallel()
	proxy := func(state string) diameter.AVP {
		return diameter.NewGroup(avp.ProxyInfo, 0, m, diameter.NewUTF8(avp.ProxyHost, 0, m, "relay"), diameter.NewUTF8(avp.ProxyState, 0, m, state))
	}
	first := request("a.example", "s", 1)
	first.Add(proxy("1"), proxy("2"))
	answer := diameter.NewAnswer(first, diameter.Identity{Host: "ha", Realm: "r"}, diameter.Success).Append(nil)

	second := request("a.example", "s", 1)
	second.HopByHop = 77
	second.Flags |= diameter.FlagProxiable | diameter.FlagRetransmit
	second.Add(proxy("3"))
	got, err := replay.Again(answer, second)
	if err != nil {
		t.Fatal(err)
	}
	want := diameter.NewAnswer(second, diameter.Identity{Host: "ha", Realm: "r"}, diameter.Success)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected answer (-want +got):\n%s", diff)
	}
	if _, err := replay.Again([]byte("no message"), second); err == nil {
		t.Error("no error for what is no message")
	}
}

func limits() replay.Limits { return replay.Limits{Entries: 3, Bytes: 10000, Age: 5 * time.Minute} }

var now = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func begin(t *testing.T, mem *replay.Memory[int], k replay.Key, at time.Time, want replay.Verdict) []byte {
	t.Helper()
	got, answer := mem.Begin(k, 0, at)
	if got != want {
		t.Fatalf("verdict %v, want %v", got, want)
	}
	return answer
}

func TestAnswerIsRemembered(t *testing.T) {
	t.Parallel()
	mem := replay.New[int](limits())
	begin(t, mem, key(1), now, replay.Fresh)
	for i := range 3 {
		if v, _ := mem.Begin(key(1), i, now); v != replay.InProgress {
			t.Fatalf("verdict %v", v)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 2}, mem.Finish(key(1), []byte("answer"), now)); diff != "" {
		t.Errorf("unexpected waiters (-want +got):\n%s", diff)
	}
	if got := begin(t, mem, key(1), now.Add(5*time.Minute), replay.Answered); string(got) != "answer" {
		t.Errorf("got %q", got)
	}
	begin(t, mem, key(1), now.Add(5*time.Minute+1), replay.Fresh)
	if mem.Evicted() != 0 {
		t.Error("what was forgotten in time counts as forgotten early")
	}
}

func TestForgottenRequestIsFresh(t *testing.T) {
	t.Parallel()
	mem := replay.New[int](limits())
	begin(t, mem, key(1), now, replay.Fresh)
	mem.Begin(key(1), 42, now)
	if diff := cmp.Diff([]int{42}, mem.Forget(key(1))); diff != "" {
		t.Errorf("unexpected waiters (-want +got):\n%s", diff)
	}
	begin(t, mem, key(1), now, replay.Fresh)
}

// TestLateCallsAreHarmless: Finish and Forget of what is not in progress.
func TestLateCallsAreHarmless(t *testing.T) {
	t.Parallel()
	mem := replay.New[int](limits())
	mem.Forget(key(1))
	mem.Finish(key(1), []byte("x"), now)
	begin(t, mem, key(1), now, replay.Fresh)
	mem.Finish(key(1), []byte("first"), now)
	mem.Finish(key(1), []byte("second"), now)
	mem.Forget(key(1))
	if got := begin(t, mem, key(1), now, replay.Answered); string(got) != "first" {
		t.Errorf("got %q", got)
	}
}

func TestFewMayWait(t *testing.T) {
	t.Parallel()
	mem := replay.New[int](limits())
	begin(t, mem, key(1), now, replay.Fresh)
	verdict := replay.InProgress
	n := 0
	for ; verdict == replay.InProgress && n < 1000; n++ {
		verdict, _ = mem.Begin(key(1), 0, now)
	}
	if verdict != replay.Crowded || n > 100 {
		t.Errorf("after %d copies: %v", n, verdict)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		limits replay.Limits
		size   int // of an answer
		most   int // remembered
	}{
		{"by number", replay.Limits{Entries: 10, Bytes: 1 << 30, Age: time.Hour}, 100, 10},
		{"by octets", replay.Limits{Entries: 1 << 30, Bytes: 10000, Age: time.Hour}, 1000, 10},
		{"by age", replay.Limits{Entries: 1 << 30, Bytes: 1 << 30, Age: 10 * time.Second}, 10, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mem := replay.New[int](tt.limits)
			for i := range 1000 {
				at := now.Add(time.Duration(i) * time.Second)
				begin(t, mem, key(i), at, replay.Fresh)
				mem.Finish(key(i), make([]byte, tt.size), at)
				if mem.Len() > tt.most {
					t.Fatalf("%d remembered, want at most %d", mem.Len(), tt.most)
				}
			}
			begin(t, mem, key(999), now.Add(999*time.Second), replay.Answered)
			begin(t, mem, key(0), now.Add(999*time.Second), replay.Fresh)
		})
	}
}

// TestInProgressIsNotEvicted: a request being served is known however many
// others come and go.
func TestInProgressIsNotEvicted(t *testing.T) {
	t.Parallel()
	mem := replay.New[int](limits())
	begin(t, mem, key(0), now, replay.Fresh)
	for i := 1; i < 100; i++ {
		begin(t, mem, key(i), now, replay.Fresh)
		mem.Finish(key(i), nil, now)
	}
	begin(t, mem, key(0), now, replay.InProgress)
	if got := mem.Evicted(); got != 96 {
		t.Errorf("%d forgotten early, want 96", got)
	}
}

func BenchmarkMemory(b *testing.B) {
	mem := replay.New[int](replay.Limits{Entries: 1 << 17, Bytes: 32 << 20, Age: 5 * time.Minute})
	answer := make([]byte, 250)
	req := request("aaa.home.example", "aaa.home.example;1700000000;1", 0)
	b.ReportAllocs()
	for b.Loop() {
		req.EndToEnd++
		k, _ := replay.KeyOf(req)
		mem.Begin(k, 0, now)
		mem.Finish(k, answer, now)
	}
}
