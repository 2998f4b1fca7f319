package diameter

import (
	"strconv"

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
	if name, ok := resultName(c); ok {
		return name
	}
	return strconv.FormatUint(uint64(c), 10)
}

// resultName is one switch and not a map, so that two names for one code do
// not compile.
func resultName(c ResultCode) (string, bool) {
	switch c {
	case MultiRoundAuth:
		return "DIAMETER_MULTI_ROUND_AUTH", true
	case Success:
		return "DIAMETER_SUCCESS", true
	case LimitedSuccess:
		return "DIAMETER_LIMITED_SUCCESS", true
	case CommandUnsupported:
		return "DIAMETER_COMMAND_UNSUPPORTED", true
	case UnableToDeliver:
		return "DIAMETER_UNABLE_TO_DELIVER", true
	case RealmNotServed:
		return "DIAMETER_REALM_NOT_SERVED", true
	case TooBusy:
		return "DIAMETER_TOO_BUSY", true
	case LoopDetected:
		return "DIAMETER_LOOP_DETECTED", true
	case RedirectIndication:
		return "DIAMETER_REDIRECT_INDICATION", true
	case ApplicationUnsupported:
		return "DIAMETER_APPLICATION_UNSUPPORTED", true
	case InvalidHeaderBits:
		return "DIAMETER_INVALID_HDR_BITS", true
	case InvalidAVPBits:
		return "DIAMETER_INVALID_AVP_BITS", true
	case UnknownPeer:
		return "DIAMETER_UNKNOWN_PEER", true
	}
	return failureName(c)
}

// failureName names the transient (4xxx) and permanent (5xxx) failures.
func failureName(c ResultCode) (string, bool) {
	switch c {
	case AuthenticationRejected:
		return "DIAMETER_AUTHENTICATION_REJECTED", true
	case OutOfSpace:
		return "DIAMETER_OUT_OF_SPACE", true
	case ElectionLost:
		return "DIAMETER_ELECTION_LOST", true
	case HomeAgentNotAvailable:
		return "DIAMETER_ERROR_HA_NOT_AVAILABLE", true
	case AVPUnsupported:
		return "DIAMETER_AVP_UNSUPPORTED", true
	case UnknownSessionID:
		return "DIAMETER_UNKNOWN_SESSION_ID", true
	case AuthorizationRejected:
		return "DIAMETER_AUTHORIZATION_REJECTED", true
	case InvalidAVPValue:
		return "DIAMETER_INVALID_AVP_VALUE", true
	case MissingAVP:
		return "DIAMETER_MISSING_AVP", true
	case ResourcesExceeded:
		return "DIAMETER_RESOURCES_EXCEEDED", true
	case ContradictingAVPs:
		return "DIAMETER_CONTRADICTING_AVPS", true
	case AVPNotAllowed:
		return "DIAMETER_AVP_NOT_ALLOWED", true
	case AVPOccursTooManyTimes:
		return "DIAMETER_AVP_OCCURS_TOO_MANY_TIMES", true
	case NoCommonApplication:
		return "DIAMETER_NO_COMMON_APPLICATION", true
	}
	return rareName(c)
}

// rareName names the permanent failures from 5011 on.
func rareName(c ResultCode) (string, bool) {
	switch c {
	case UnsupportedVersion:
		return "DIAMETER_UNSUPPORTED_VERSION", true
	case UnableToComply:
		return "DIAMETER_UNABLE_TO_COMPLY", true
	case InvalidBitInHeader:
		return "DIAMETER_INVALID_BIT_IN_HEADER", true
	case InvalidAVPLength:
		return "DIAMETER_INVALID_AVP_LENGTH", true
	case InvalidMessageLength:
		return "DIAMETER_INVALID_MESSAGE_LENGTH", true
	case InvalidAVPBitCombo:
		return "DIAMETER_INVALID_AVP_BIT_COMBO", true
	case NoCommonSecurity:
		return "DIAMETER_NO_COMMON_SECURITY", true
	case EndToEndKeyEncryption:
		return "DIAMETER_ERROR_END_TO_END_MIP_KEY_ENCRYPTION", true
	}
	return "", false
}
