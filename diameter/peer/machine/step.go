package machine

// A transition is one row of the table.
type transition struct {
	actions []Action
	next    State
}

// Step returns what to do, in order, when an event happens in a state, and the
// state after it. Events that the table does not have in a state change
// nothing. The actions are shared and must not be modified.
//
// An Elect action is to be followed by the event WinElection if [Wins] says so.
func Step(s State, e Event) ([]Action, State) {
	if t, ok := table[s][e]; ok {
		return t.actions, t.next
	}
	return nil, s
}

// table is that of RFC 6733 section 5.6, with these additions:
//   - Stop before a connection is open gives up, as for a Timeout;
//   - a message other than CEA in Wait-Returns ends the initiated connection as
//     its loss does, instead of both;
//   - a DPR in Closing is answered: both ends may have sent one;
//   - a new connection in Closing is rejected.
var table = [...]map[Event]transition{
	Closed: {
		Start:    {do(SndConnReq), WaitConnAck},
		RConnCER: {do(RAccept, RSndCEA), ROpen},
	},
	WaitConnAck: {
		IRcvConnAck:  {do(SndCER), WaitICEA},
		IRcvConnNack: {do(Error), Closed}, // Cleanup in the RFC
		RConnCER:     {do(RAccept), WaitConnAckElect},
		Timeout:      {do(Error), Closed},
		Stop:         {do(Error), Closed},
	},
	WaitICEA: {
		IRcvCEA:    {nil, IOpen},
		RConnCER:   {do(RAccept, Elect), WaitReturns},
		IPeerDisc:  {do(IDisc), Closed},
		IRcvNonCEA: {do(Error), Closed},
		Timeout:    {do(Error), Closed},
		Stop:       {do(Error), Closed},
	},
	WaitConnAckElect: {
		IRcvConnAck:  {do(SndCER, Elect), WaitReturns},
		IRcvConnNack: {do(RSndCEA), ROpen},
		RPeerDisc:    {do(RDisc), WaitConnAck},
		RConnCER:     {do(RReject), WaitConnAckElect},
		Timeout:      {do(Error), Closed},
		Stop:         {do(Error), Closed},
	},
	WaitReturns: {
		WinElection: {do(IDisc, RSndCEA), ROpen},
		IPeerDisc:   {do(IDisc, RSndCEA), ROpen},
		IRcvNonCEA:  {do(IDisc, RSndCEA), ROpen},
		IRcvCEA:     {do(RDisc), IOpen},
		RPeerDisc:   {do(RDisc), WaitICEA},
		RConnCER:    {do(RReject), WaitReturns},
		Timeout:     {do(Error), Closed},
		Stop:        {do(Error), Closed},
	},
	ROpen: {
		RConnCER:  {do(RReject), ROpen},
		Stop:      {do(SndDPR), Closing},
		RcvDPR:    {do(SndDPA), Closing},
		RPeerDisc: {do(RDisc), Closed},
	},
	IOpen: {
		RConnCER:  {do(RReject), IOpen},
		Stop:      {do(SndDPR), Closing},
		RcvDPR:    {do(SndDPA), Closing},
		IPeerDisc: {do(IDisc), Closed},
	},
	Closing: {
		RcvDPA:    {do(Disc), Closed},
		RcvDPR:    {do(SndDPA), Closing},
		RConnCER:  {do(RReject), Closing},
		Timeout:   {do(Error), Closed},
		IPeerDisc: {do(IDisc), Closed},
		RPeerDisc: {do(RDisc), Closed},
	},
}

func do(actions ...Action) []Action { return actions }

// Wins reports whether the local node wins the election against a peer: whether
// its identity is the later one in octets, regardless of ASCII case (RFC 6733
// section 5.6.4).
func Wins(local, peer string) bool {
	for i := range min(len(local), len(peer)) {
		if a, b := lower(local[i]), lower(peer[i]); a != b {
			return a > b
		}
	}
	return len(local) > len(peer)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
