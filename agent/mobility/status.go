package mobility

// A Status is what a Binding Acknowledgement says of the Binding Update: below
// 128 it was accepted.
type Status uint8

// Status values: of RFC 6275 section 6.1.8 where nothing else is said.
const (
	StatusAccepted                     Status = 0
	StatusPrefixDiscoveryNecessary     Status = 1
	StatusUnspecified                  Status = 128
	StatusAdministrativelyProhibited   Status = 129
	StatusInsufficientResources        Status = 130
	StatusHomeRegistrationNotSupported Status = 131
	StatusNotHomeSubnet                Status = 132
	StatusNotHomeAgent                 Status = 133
	StatusDuplicateAddress             Status = 134
	StatusSequenceOutOfWindow          Status = 135
	StatusExpiredHomeNonce             Status = 136
	StatusExpiredCareOfNonce           Status = 137
	StatusExpiredNonces                Status = 138
	StatusTypeChangeDisallowed         Status = 139
	StatusMobileRouterNotPermitted     Status = 140 // RFC 3963 section 4.2
	StatusInvalidPrefix                Status = 141 // RFC 3963 section 4.2
	StatusNotAuthorizedForPrefix       Status = 142 // RFC 3963 section 4.2
	StatusForwardingSetupFailed        Status = 143 // RFC 3963 section 4.2
	StatusIdentityMismatch             Status = 144 // RFC 4285 section 6
	StatusMessageIDRequired            Status = 145 // RFC 4285 section 6
	StatusAuthenticationFailed         Status = 146 // RFC 4285 section 6
	StatusProxyNotEnabled              Status = 152 // RFC 5213 section 8.9
	StatusInvalidCareOfAddress         Status = 174
)

var statusNames = [...]string{
	StatusAccepted:                     "accepted",
	StatusPrefixDiscoveryNecessary:     "accepted but prefix discovery necessary",
	StatusUnspecified:                  "reason unspecified",
	StatusAdministrativelyProhibited:   "administratively prohibited",
	StatusInsufficientResources:        "insufficient resources",
	StatusHomeRegistrationNotSupported: "home registration not supported",
	StatusNotHomeSubnet:                "not home subnet",
	StatusNotHomeAgent:                 "not home agent for this mobile node",
	StatusDuplicateAddress:             "Duplicate Address Detection failed",
	StatusSequenceOutOfWindow:          "sequence number out of window",
	StatusExpiredHomeNonce:             "expired home nonce index",
	StatusExpiredCareOfNonce:           "expired care-of nonce index",
	StatusExpiredNonces:                "expired nonces",
	StatusTypeChangeDisallowed:         "registration type change disallowed",
	StatusMobileRouterNotPermitted:     "mobile router operation not permitted",
	StatusInvalidPrefix:                "invalid prefix",
	StatusNotAuthorizedForPrefix:       "not authorized for prefix",
	StatusForwardingSetupFailed:        "forwarding setup failed",
	StatusIdentityMismatch:             "message identification mismatch",
	StatusMessageIDRequired:            "message identification required",
	StatusAuthenticationFailed:         "authentication failed",
	StatusProxyNotEnabled:              "proxy registration not enabled",
	StatusInvalidCareOfAddress:         "invalid care-of address",
}

// String returns the meaning of the value in the words of its RFC.
func (s Status) String() string { return name(statusNames[:], s, "status %d") }

// Accepted reports whether the Binding Update was accepted.
func (s Status) Accepted() bool { return s < 128 }

// An ErrorStatus is what a Binding Error complains of (RFC 6275 section 6.1.9).
type ErrorStatus uint8

// Status values of a Binding Error.
const (
	ErrorUnknownBinding ErrorStatus = 1 // for the Home Address option
	ErrorUnknownType    ErrorStatus = 2 // unrecognized MH Type
)

var errorNames = [...]string{
	ErrorUnknownBinding: "unknown binding for Home Address destination option",
	ErrorUnknownType:    "unrecognized MH Type value",
}

// String returns the meaning of the value in the words of the RFC.
func (s ErrorStatus) String() string { return name(errorNames[:], s, "error status %d") }
