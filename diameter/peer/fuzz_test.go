package peer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// FuzzInput has anything come in on a connection, before the capabilities
// exchange and after it. Whatever it is, what we send is messages; a connection
// that was not ended by us still answers DWR; and the peer can connect anew.
func FuzzInput(f *testing.F) {
	cer := base.NewCER(caps(them)).Append(nil)
	dwr := base.NewDWR(id).Append(nil)
	f.Add(false, cer)
	f.Add(false, append(cer, dwr...))
	f.Add(true, append(dwr, cer...))
	f.Add(true, base.NewDPR(id, base.Busy).Append(nil))
	f.Add(true, hmr("s").Append(nil))
	f.Add(true, append(hmr("s").Append(nil), 2))
	f.Add(true, nested(200))
	f.Add(true, []byte{1, 0, 0, 19, 0x80, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(true, base.NewAnswer(base.NewDWR(id), id, nil).Append(nil))
	f.Fuzz(func(t *testing.T, open bool, input []byte) {
		bubble(t, config, func(t *testing.T, table *peer.Table, net *pipes) {
			first := net.connect(t, listening)
			if open {
				first.open(them)
			}
			first.nc.SetWriteDeadline(time.Now().Add(time.Minute))
			_, err := first.nc.Write(input)
			synctest.Wait()
			if s := status(t, table, them); err == nil && s.State == "R-Open" {
				stillAnswers(t, first, input)
			}
			first.nc.Close()
			time.Sleep(time.Minute)
			if code := net.connect(t, listening).ask(base.NewCER(caps(them))); code != diameter.Success {
				t.Errorf("afterwards: CEA with %v", code)
			}
		})
	})
}

// stillAnswers sends a DWR after the input. If the input ended within a message,
// the DWR becomes a part of that, and no answer is due.
func stillAnswers(t *testing.T, f *far, input []byte) {
	t.Helper()
	for len(f.messages) > 0 {
		<-f.messages
	}
	dwr := base.NewDWR(id)
	dwr.HopByHop = 0xfeedbeef
	if _, err := f.nc.Write(dwr.Append(nil)); err != nil {
		return
	}
	synctest.Wait()
	for len(f.messages) > 0 {
		if m := <-f.messages; m.HopByHop == dwr.HopByHop {
			return
		}
	}
	if wholeMessages(input) {
		t.Error("no DWA")
	}
}

// wholeMessages reports whether input ends where a message does.
func wholeMessages(input []byte) bool {
	for len(input) >= 4 {
		n := int(input[1])<<16 | int(input[2])<<8 | int(input[3])
		if n < 20 || n > len(input) {
			return false
		}
		input = input[n:]
	}
	return len(input) == 0
}
