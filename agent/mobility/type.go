package mobility

import "fmt"

// A Type is the MH Type of a Mobility Header, octet 2.
type Type uint8

// The message types that this package can read and write.
const (
	TypeBindingRefreshRequest  Type = 0  // RFC 6275 section 6.1.2
	TypeHomeTestInit           Type = 1  // RFC 6275 section 6.1.3
	TypeCareOfTestInit         Type = 2  // RFC 6275 section 6.1.4
	TypeHomeTest               Type = 3  // RFC 6275 section 6.1.5
	TypeCareOfTest             Type = 4  // RFC 6275 section 6.1.6
	TypeBindingUpdate          Type = 5  // RFC 6275 section 6.1.7
	TypeBindingAcknowledgement Type = 6  // RFC 6275 section 6.1.8
	TypeBindingError           Type = 7  // RFC 6275 section 6.1.9
	TypeHomeAgentSwitch        Type = 12 // RFC 5142 section 4
	TypeBindingRevocation      Type = 16 // RFC 5846 section 5: indication and acknowledgement
)

var typeNames = [...]string{
	TypeBindingRefreshRequest:  "Binding Refresh Request",
	TypeHomeTestInit:           "Home Test Init",
	TypeCareOfTestInit:         "Care-of Test Init",
	TypeHomeTest:               "Home Test",
	TypeCareOfTest:             "Care-of Test",
	TypeBindingUpdate:          "Binding Update",
	TypeBindingAcknowledgement: "Binding Acknowledgement",
	TypeBindingError:           "Binding Error",
	TypeHomeAgentSwitch:        "Home Agent Switch",
	TypeBindingRevocation:      "Binding Revocation",
}

// String returns the name that the RFCs use.
func (t Type) String() string { return name(typeNames[:], t, "MH Type %d") }

// Known reports whether the package can read messages of this type. A home
// agent answers others with a Binding Error of [ErrorUnknownType].
func (t Type) Known() bool { return int(t) < len(typeNames) && typeNames[t] != "" }

// minimums holds the shortest Mobility Header of each type in octets: the fixed
// part, rounded up as RFC 6275 section 6.1 says for a message without options.
var minimums = [len(typeNames)]int{
	TypeBindingRefreshRequest:  8,
	TypeHomeTestInit:           16,
	TypeCareOfTestInit:         16,
	TypeHomeTest:               24,
	TypeCareOfTest:             24,
	TypeBindingUpdate:          16,
	TypeBindingAcknowledgement: 16,
	TypeBindingError:           24,
	TypeHomeAgentSwitch:        8,
	TypeBindingRevocation:      16,
}

// name looks a code up in a table of names whose gaps are empty.
func name[T ~uint8](names []string, code T, format string) string {
	if int(code) < len(names) && names[code] != "" {
		return names[code]
	}
	return fmt.Sprintf(format, uint8(code))
}
