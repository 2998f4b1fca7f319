package diameter

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fiorix/go-diameter/v4/diam"
)

// A ResultCode is the value of the Result-Code AVP.
type ResultCode uint32

// Result-Codes of RFC 6733 section 7.1, and two of Diameter Mobile IPv4
// (RFC 4004 section 6), on which the bootstrapping application is modelled.
const (
	MultiRoundAuth         ResultCode = diam.MultiRoundAuth
	Success                ResultCode = diam.Success
	LimitedSuccess         ResultCode = diam.LimitedSuccess
	CommandUnsupported     ResultCode = diam.CommandUnsupported
	UnableToDeliver        ResultCode = diam.UnableToDeliver
	RealmNotServed         ResultCode = diam.RealmNotServed
	TooBusy                ResultCode = diam.TooBusy
	LoopDetected           ResultCode = diam.LoopDetected
	RedirectIndication     ResultCode = diam.RedirectIndication
	ApplicationUnsupported ResultCode = diam.ApplicationUnsupported
	InvalidHeaderBits      ResultCode = diam.InvalidHDRBits
	InvalidAVPBits         ResultCode = diam.InvalidAVPBits
	UnknownPeer            ResultCode = diam.UnknownPeer
	AuthenticationRejected ResultCode = diam.AuthenticationRejected
	OutOfSpace             ResultCode = diam.OutOfSpace
	ElectionLost           ResultCode = diam.ElectionLost
	HomeAgentNotAvailable  ResultCode = 4006 // RFC 4004 section 6.1
	AVPUnsupported         ResultCode = diam.AVPUnsupported
	UnknownSessionID       ResultCode = diam.UnknownSessionID
	AuthorizationRejected  ResultCode = diam.AuthorizationRejected
	InvalidAVPValue        ResultCode = diam.InvalidAVPValue
	MissingAVP             ResultCode = diam.MissingAVP
	ResourcesExceeded      ResultCode = diam.ResourcesExceeded
	ContradictingAVPs      ResultCode = diam.ContradictingAVPs
	AVPNotAllowed          ResultCode = diam.AVPNotAllowed
	AVPOccursTooManyTimes  ResultCode = diam.AVPOccursTooManyTimes
	NoCommonApplication    ResultCode = diam.NoCommonApplication
	UnsupportedVersion     ResultCode = diam.UnsupportedVersion
	UnableToComply         ResultCode = diam.UnableToComply
	InvalidBitInHeader     ResultCode = diam.InvalidBitInHeader
	InvalidAVPLength       ResultCode = diam.InvalidAVPLenght
	InvalidMessageLength   ResultCode = diam.InvalidMessageLength
	InvalidAVPBitCombo     ResultCode = diam.InvalidAVPBitCombo
	NoCommonSecurity       ResultCode = diam.NoCommonSecurity
	EndToEndKeyEncryption  ResultCode = 5025 // RFC 4004 section 6.2
)

// Protocol reports whether c is a protocol error (3xxx): the answers that carry
// the E bit (RFC 6733 section 7.1.3).
func (c ResultCode) Protocol() bool { return c/1000 == 3 }

// Success reports whether c is of the success class (2xxx).
func (c ResultCode) Success() bool { return c/1000 == 2 }

// String returns the code's name in its RFC, such as DIAMETER_MISSING_AVP, or
// the number of a code we have no name for.
func (c ResultCode) String() string {
	if name, ok := resultNames[c]; ok {
		return name
	}
	return strconv.FormatUint(uint64(c), 10)
}

// UnmarshalText reads a code by its number or by its name in the RFC, with or
// without DIAMETER_.
func (c *ResultCode) UnmarshalText(text []byte) error {
	name := strings.ToUpper(string(text))
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		*c = ResultCode(n)
		return nil
	}
	for code, known := range resultNames {
		if known == name || known == "DIAMETER_"+name {
			*c = code
			return nil
		}
	}
	return fmt.Errorf("reading a Result-Code: %q is neither a number nor a name such as DIAMETER_SUCCESS", text)
}

var resultNames = map[ResultCode]string{
	MultiRoundAuth:         "DIAMETER_MULTI_ROUND_AUTH",
	Success:                "DIAMETER_SUCCESS",
	LimitedSuccess:         "DIAMETER_LIMITED_SUCCESS",
	CommandUnsupported:     "DIAMETER_COMMAND_UNSUPPORTED",
	UnableToDeliver:        "DIAMETER_UNABLE_TO_DELIVER",
	RealmNotServed:         "DIAMETER_REALM_NOT_SERVED",
	TooBusy:                "DIAMETER_TOO_BUSY",
	LoopDetected:           "DIAMETER_LOOP_DETECTED",
	RedirectIndication:     "DIAMETER_REDIRECT_INDICATION",
	ApplicationUnsupported: "DIAMETER_APPLICATION_UNSUPPORTED",
	InvalidHeaderBits:      "DIAMETER_INVALID_HDR_BITS",
	InvalidAVPBits:         "DIAMETER_INVALID_AVP_BITS",
	UnknownPeer:            "DIAMETER_UNKNOWN_PEER",
	AuthenticationRejected: "DIAMETER_AUTHENTICATION_REJECTED",
	OutOfSpace:             "DIAMETER_OUT_OF_SPACE",
	ElectionLost:           "ELECTION_LOST", // without prefix in the RFC
	HomeAgentNotAvailable:  "DIAMETER_ERROR_HA_NOT_AVAILABLE",
	AVPUnsupported:         "DIAMETER_AVP_UNSUPPORTED",
	UnknownSessionID:       "DIAMETER_UNKNOWN_SESSION_ID",
	AuthorizationRejected:  "DIAMETER_AUTHORIZATION_REJECTED",
	InvalidAVPValue:        "DIAMETER_INVALID_AVP_VALUE",
	MissingAVP:             "DIAMETER_MISSING_AVP",
	ResourcesExceeded:      "DIAMETER_RESOURCES_EXCEEDED",
	ContradictingAVPs:      "DIAMETER_CONTRADICTING_AVPS",
	AVPNotAllowed:          "DIAMETER_AVP_NOT_ALLOWED",
	AVPOccursTooManyTimes:  "DIAMETER_AVP_OCCURS_TOO_MANY_TIMES",
	NoCommonApplication:    "DIAMETER_NO_COMMON_APPLICATION",
	UnsupportedVersion:     "DIAMETER_UNSUPPORTED_VERSION",
	UnableToComply:         "DIAMETER_UNABLE_TO_COMPLY",
	InvalidBitInHeader:     "DIAMETER_INVALID_BIT_IN_HEADER",
	InvalidAVPLength:       "DIAMETER_INVALID_AVP_LENGTH",
	InvalidMessageLength:   "DIAMETER_INVALID_MESSAGE_LENGTH",
	InvalidAVPBitCombo:     "DIAMETER_INVALID_AVP_BIT_COMBO",
	NoCommonSecurity:       "DIAMETER_NO_COMMON_SECURITY",
	EndToEndKeyEncryption:  "DIAMETER_ERROR_END_TO_END_MIP_KEY_ENCRYPTION",
}
