package machine

import "fmt"

// A State is a state of RFC 6733 section 5.6. I is the connection we initiated,
// R the one we responded to.
type State uint8

// The states.
const (
	Closed State = iota
	WaitConnAck
	WaitICEA
	WaitConnAckElect
	WaitReturns
	ROpen
	IOpen
	Closing
)

var stateNames = [...]string{
	"Closed", "Wait-Conn-Ack", "Wait-I-CEA", "Wait-Conn-Ack/Elect", "Wait-Returns", "R-Open", "I-Open", "Closing",
}

// String is the state's name in the RFC.
func (s State) String() string { return name(stateNames[:], uint8(s)) }

// Open reports whether messages flow.
func (s State) Open() bool { return s == ROpen || s == IOpen }

// Waiting reports whether a connection is being set up, which a timer bounds.
func (s State) Waiting() bool { return s >= WaitConnAck && s <= WaitReturns }

// An Event is an event of RFC 6733 section 5.6.2. RcvDPR and RcvDPA concern the
// open connection, whichever it is.
type Event uint8

// The events. IRcvCEA is an acceptable CEA; any other message where a CEA is
// due, an unacceptable CEA included, is IRcvNonCEA.
const (
	Start Event = iota
	RConnCER
	IRcvConnAck
	IRcvConnNack
	IRcvCEA
	IRcvNonCEA
	IPeerDisc
	RPeerDisc
	WinElection
	Timeout
	Stop
	RcvDPR
	RcvDPA
	events
)

var eventNames = [...]string{
	"Start", "R-Conn-CER", "I-Rcv-Conn-Ack", "I-Rcv-Conn-Nack", "I-Rcv-CEA", "I-Rcv-Non-CEA", "I-Peer-Disc",
	"R-Peer-Disc", "Win-Election", "Timeout", "Stop", "Rcv-DPR", "Rcv-DPA",
}

// String is the event's name in the RFC.
func (e Event) String() string { return name(eventNames[:], uint8(e)) }

// An Action is an action of RFC 6733 section 5.6.3. Actions without I or R
// concern the open connection; Error concerns both.
type Action uint8

// The actions.
const (
	SndConnReq Action = iota
	SndCER
	RAccept
	RReject
	RSndCEA
	IDisc
	RDisc
	Elect
	SndDPR
	SndDPA
	Disc
	Error
)

var actionNames = [...]string{
	"I-Snd-Conn-Req", "I-Snd-CER", "R-Accept", "R-Reject", "R-Snd-CEA", "I-Disc", "R-Disc", "Elect", "Snd-DPR",
	"Snd-DPA", "Disc", "Error",
}

// String is the action's name in the RFC.
func (a Action) String() string { return name(actionNames[:], uint8(a)) }

func name(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown (%d)", i)
}
