package peer

import (
	"net/netip"
	"time"

	"homeagent/diameter/peer/machine"
)

// A Status is what is known of one peer at one moment.
type Status struct {
	Host, Realm string
	Connect     string
	Secured     Secured
	// State is the peer's state in the machine of RFC 6733 section 5.6, such
	// as "R-Open", and Health that of RFC 3539 section 3.4.1, such as "OKAY".
	State, Health string
	// Open is true while the peer can be sent requests.
	Open bool
	// Since is when State last changed.
	Since time.Time
	// Remote, Local, Product, TLSName and TLSVersion describe the open
	// connection. TLSName is the name in the certificate that was accepted.
	Remote, Local       netip.AddrPort
	Product             string
	TLSName, TLSVersion string
	// OriginStateID is the last one received, 0 if none was.
	OriginStateID uint32
	// LastError is why the last connection, or attempt to connect, failed.
	LastError   string
	LastErrorAt time.Time
	// LastRefusal is the last connection that came to nothing before it was
	// open: an attempt of ours, or one refused here that claimed to be the
	// peer's. Its Time is zero if there was none.
	LastRefusal Refusal
	Counters    Counters
}

// States are what State can be.
func States() []string {
	var all []string
	for m := machine.Closed; m <= machine.Closing; m++ {
		all = append(all, m.String())
	}
	return all
}

// Counters count since the peer was first configured.
type Counters struct {
	Connections       uint64 // times the peer became open
	RequestsReceived  uint64 // of applications
	AnswersSent       uint64 // to those
	RequestsSent      uint64 // with Do
	AnswersReceived   uint64 // to those
	Duplicates        uint64 // requests answered from memory
	Refused           uint64 // requests not admitted, or of unknown command or application
	TooBusy           uint64 // requests refused because too many were waiting
	UnknownAnswers    uint64 // answers to nothing we asked
	Failovers         uint64 // times the watchdog suspected the peer
	WatchdogsSent     uint64
	WatchdogsReceived uint64
	StateLosses       uint64 // times the peer's Origin-State-Id grew
	InProgress        uint64 // requests being served now
	Queued            uint64 // requests waiting for a worker now
}

// Traffic is what concerns no listed peer, or all of them, and the memory for
// duplicates.
type Traffic struct {
	Strangers           int    // connections without a CER yet
	StrangersTurnedAway uint64 // to make room for others
	Remembered          int    // requests in progress, and answers remembered
	ForgottenEarly      uint64 // answers forgotten before their time, for want of room
	// Refused counts connections that came to nothing before they were open, by
	// reason: those refused here, and attempts of ours.
	Refused [Reasons]uint64
}
