package base

import (
	"fmt"

	"github.com/fiorix/go-diameter/v4/diam"
	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
)

// A Cause is the reason for a disconnection that DPR gives (RFC 6733 section
// 5.4.3).
type Cause int32

// The causes.
const (
	Rebooting Cause = iota
	Busy
	DoNotWantToTalkToYou
)

var causeNames = [...]string{"REBOOTING", "BUSY", "DO_NOT_WANT_TO_TALK_TO_YOU"}

// String is the cause's name in the RFC.
func (c Cause) String() string {
	if c >= 0 && int(c) < len(causeNames) {
		return causeNames[c]
	}
	return fmt.Sprintf("cause %d", int32(c))
}

// NewDWR makes a watchdog request.
func NewDWR(id diameter.Identity) *diameter.Message {
	m := request(diam.DeviceWatchdog)
	m.Add(id.AVPs()...)
	return m
}

// ReadDWR judges a DWR and returns its Origin-State-Id, 0 if there is none.
func ReadDWR(m *diameter.Message) (uint32, *diameter.Failure) {
	if f := dwrGrammar.judge(m); f != nil {
		return 0, f
	}
	return originStateID(m)
}

// ReadDWA returns the Origin-State-Id of a DWA, 0 if there is none. Any DWA
// shows that the peer is alive, so nothing else of it matters.
func ReadDWA(m *diameter.Message) uint32 {
	id, _ := originStateID(m)
	return id
}

func originStateID(m *diameter.Message) (id uint32, f *diameter.Failure) {
	if a, ok := m.Find(avp.OriginStateID, 0); ok {
		if err := unsigned32(a, &id); err != nil {
			return 0, failure(err)
		}
	}
	return id, nil
}

// NewDPR makes a request to disconnect. Origin-State-Id has no place in its
// grammar.
func NewDPR(id diameter.Identity, cause Cause) *diameter.Message {
	m := request(diam.DisconnectPeer)
	id.OriginStateID = 0
	m.Add(id.AVPs()...)
	m.Add(diameter.NewInteger32(avp.DisconnectCause, 0, diameter.AVPMandatory, int32(cause)))
	return m
}

// ReadDPR judges a DPR and returns its cause.
func ReadDPR(m *diameter.Message) (Cause, *diameter.Failure) {
	if f := dprGrammar.judge(m); f != nil {
		return 0, f
	}
	a, _ := m.Find(avp.DisconnectCause, 0)
	cause, err := a.Integer32()
	if err != nil {
		return 0, failure(err)
	}
	if int(cause) >= len(causeNames) || cause < 0 {
		return 0, &diameter.Failure{Code: diameter.InvalidAVPValue, Failed: []diameter.AVP{a},
			Text: fmt.Sprintf("Disconnect-Cause %d (must be 0 to %d)", cause, len(causeNames)-1)}
	}
	return Cause(cause), nil
}

// NewAnswer answers a DWR or DPR: with success if f is nil.
func NewAnswer(req *diameter.Message, id diameter.Identity, f *diameter.Failure) *diameter.Message {
	if req.Command == diam.DisconnectPeer {
		id.OriginStateID = 0
	}
	if f == nil {
		return diameter.NewAnswer(req, id, diameter.Success)
	}
	return diameter.NewFailure(req, id, f)
}
