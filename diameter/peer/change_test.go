package peer_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fiorix/go-diameter/v4/diam"

	"homeagent/diameter/peer"
	"homeagent/diameter/peer/base"
)

// changes are told one after the other.
type changes chan peer.Change

func (c changes) config() peer.Config {
	cfg := config()
	cfg.Observe = func(change peer.Change) { c <- change }
	return cfg
}

func (c changes) want(t *testing.T, kind peer.ChangeKind, err string) peer.Change {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-c:
		text := ""
		if got.Err != nil {
			text = got.Err.Error()
		}
		if got.Kind != kind || got.Host != them || !strings.Contains(text, err) || err == "" && text != "" {
			t.Errorf("told %q of %s (%v), want %q (%s)", got.Kind, got.Host, got.Err, kind, err)
		}
		return got
	default:
		t.Errorf("nothing was told, want %q", kind)
		return peer.Change{}
	}
}

func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	told := make(changes, 16)
	bubble(t, told.config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		if c := told.want(t, peer.Connected, ""); c.Secured != peer.SecuredLoopback || !c.Remote.IsValid() {
			t.Errorf("connected: %+v", c)
		}
		f.request(diam.DeviceWatchdog)
		time.Sleep(33 * time.Second)
		told.want(t, peer.Suspected, "")
		<-f.ended
		told.want(t, peer.Broken, "did not answer DWR")
		if len(told) > 0 {
			t.Errorf("%d more were told", len(told))
		}
	})
}

func TestFarewellIsTold(t *testing.T) {
	t.Parallel()
	told := make(changes, 16)
	bubble(t, told.config, func(t *testing.T, table *peer.Table, net *pipes) {
		f := net.connect(t, listening).open(them)
		told.want(t, peer.Connected, "")
		f.answer(f.send(base.NewDPR(id, base.Rebooting)))
		f.nc.Close()
		told.want(t, peer.Disconnected, "")
	})
}

func TestStateLossIsTold(t *testing.T) {
	t.Parallel()
	told := make(changes, 16)
	bubble(t, told.config, func(t *testing.T, table *peer.Table, net *pipes) {
		for i, osid := range []uint32{5, 6} {
			f := net.connect(t, listening)
			c := caps(them)
			c.OriginStateID = osid
			f.ask(base.NewCER(c))
			if i == 1 {
				told.want(t, peer.StateLost, "was 5 and is 6")
			}
			told.want(t, peer.Connected, "")
			f.nc.Close()
			told.want(t, peer.Broken, "EOF")
		}
	})
}

func TestChangesAreLoggedWithoutObserver(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logged := func() peer.Config {
		c := config()
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		return c
	}
	bubble(t, logged, func(t *testing.T, table *peer.Table, net *pipes) {
		net.connect(t, listening).open(them).nc.Close()
		synctest.Wait()
	})
	for _, want := range []string{`level=INFO msg="peer connected" peer=`, `level=WARN msg="peer lost" peer=`, "secured=loopback", "error="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
	if got := peer.ChangeKind(99).String(); got != "unknown (99)" {
		t.Errorf("an unknown change is %q", got)
	}
}
