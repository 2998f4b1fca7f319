package mobility

import "fmt"

// A Fault is what was wrong with a received Mobility Header.
type Fault uint8

// The faults that [Parse] finds. All of them discard the whole message.
const (
	FaultTruncated      Fault = iota + 1 // fewer octets than 8, or than Header Len says
	FaultUnknownType                     // owed a Binding Error (RFC 6275 section 9.2)
	FaultPayloadProto                    // owed an ICMPv6 Parameter Problem (RFC 6275 section 9.2)
	FaultHeaderLength                    // as before
	FaultOptionOverrun                   // an option runs past the end of the header
	FaultOptionLength                    // an option's length is not the one its format has
	FaultOptionRepeated                  // two options contradict each other or say the same twice
	FaultOptionOrder                     // something follows the Binding Authorization Data (RFC 6275 section 6.2)
	FaultRevocationType                  // Binding Revocation, but neither indication nor acknowledgement

	faultEnd
)

// Faults is one more than the largest [Fault]: the size of an array of counters.
const Faults = int(faultEnd)

var faultNames = [...]string{
	FaultTruncated:      "truncated",
	FaultUnknownType:    "unknown MH Type",
	FaultPayloadProto:   "Payload Proto is not 59",
	FaultHeaderLength:   "Header Len too small",
	FaultOptionOverrun:  "option runs past the end",
	FaultOptionLength:   "option with a wrong length",
	FaultOptionRepeated: "option repeated",
	FaultOptionOrder:    "Binding Authorization Data is not last",
	FaultRevocationType: "unknown Binding Revocation Type",
}

// String says in a few words what was wrong.
func (f Fault) String() string { return name(faultNames[:], f, "fault %d") }

var faultKeys = [...]string{
	FaultTruncated:      "truncated",
	FaultUnknownType:    "unknown_type",
	FaultPayloadProto:   "payload_proto",
	FaultHeaderLength:   "header_length",
	FaultOptionOverrun:  "option_overrun",
	FaultOptionLength:   "option_length",
	FaultOptionRepeated: "option_repeated",
	FaultOptionOrder:    "option_order",
	FaultRevocationType: "revocation_type",
}

// Key returns the fault as one word, as in counters.
func (f Fault) Key() string { return name(faultKeys[:], f, "fault_%d") }

// A ParseError says why octets were discarded.
type ParseError struct {
	Fault Fault
	// Type is the MH Type as received; 0 when there was none.
	Type Type
	// Offset is the octet at fault, from the start of the Mobility Header.
	Offset int
}

// Error implements error.
func (e *ParseError) Error() string {
	return fmt.Sprintf("parsing mobility header: %s at octet %d (%s)", e.Fault, e.Offset, e.Type)
}

// Pointer returns where the ICMPv6 Parameter Problem (Code 0) of RFC 6275
// section 9.2 has to point, in octets from the start of the Mobility Header, and
// whether one is owed at all. The sender of the ICMPv6 message adds what stands
// before the Mobility Header in the packet.
func (e *ParseError) Pointer() (offset int, owed bool) {
	return e.Offset, e.Fault == FaultPayloadProto || e.Fault == FaultHeaderLength
}
