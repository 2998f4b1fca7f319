package bindingcache

import "homeagent/agent/mobility"

// A Reason is what became of a Binding Update or of a binding, and why. Each is
// counted.
type Reason uint8

// Reasons that say what was done.
const (
	Registered       Reason = iota + 1 // a new binding
	Refreshed                          // same care-of address
	Moved                              // new care-of address, or another address of the home agent
	Deregistered                       // by the mobile node
	Expired                            // the lifetime is over
	PrefixInvalid                      // the home prefix ended before the lifetime (RFC 6275 section 10.3.1)
	Removed                            // by [Cache.Remove]
	Forgotten                          // the sequence number of a de-registered binding may be used again
	RefreshRequested                   // shortly before expiry
	Pending                            // a work was handed out; the reason comes with its end
	Probing                            // waits for duplicate address detection
	Held                               // waits for the work that is under way
	Repeated                           // a copy of the update whose work is under way
	Undoing                            // a work failed; what it had done is taken back
	KeysLeftBehind                     // [MoveIKE] failed: the update is acknowledged with K=0
	Stale                              // there is no such work, or no such home address
)

// Reasons for discarding a Binding Update without an answer.
const (
	SourceNotUnicast    Reason = iota + Stale + 1 // RFC 6275 section 9.5.4
	NotProtected                                  // not under the security association of this home address (RFC 6275 section 5.1)
	HomeAddressUnusable                           // not unicast routable (RFC 6275 section 9.5.1)
	CareOfUnusable                                // not unicast routable (RFC 6275 section 6.1.7)
	ForCorrespondents                             // nonce indices or authorization data with H (RFC 6275 section 9.5.1)
	HomeAddressMissing                            // no Home Address option while away (RFC 6275 section 10.3.1)
	NoCorrespondent                               // H is not set, and this is no correspondent node
)

// Reasons for refusing a Binding Update with an acknowledgement.
const (
	CareOfIsHome         Reason = iota + NoCorrespondent + 1 // the care-of address is a bound home address, or leads back here
	CareOfUnprotected                                        // no Alternate Care-of Address option under ESP (RFC 4877 section 4.3)
	ProxyRegistration                                        // P is set (RFC 5213 section 5.3.1)
	OldSequence                                              // RFC 6275 section 9.5.1
	TypeChanged                                              // H or R differ from the binding's
	NotHomeAgentAddress                                      // sent to an address that has no home agent
	NotHomePrefix                                            // the home address is in no prefix of ours
	NotAuthorized                                            // no live authorization for identity and home address
	HomeAgentDraining                                        // RFC 5142 section 5.3
	NoRegistration                                           // de-registration of what is not registered
	Full                                                     // Config.MaxBindings
	RouterNotPermitted                                       // R is set and mobile routers are not served, or H is not set
	NetworkInvalid                                           // a mobile network prefix that cannot be forwarded
	NetworkNotAuthorized                                     // a mobile network prefix of somebody else
	NetworkUnknown                                           // no prefixes given and none known
	DuplicateAddress                                         // duplicate address detection found another node
	ForwardingFailed                                         // the kernel did not take a mobile network
	StoreFailed                                              // the binding could not be made durable
	KernelFailed                                             // the binding could not be programmed
	Failed                                                   // anything else went wrong
	reasonEnd
)

// Reasons is one more than the largest [Reason].
const Reasons = int(reasonEnd)

type reasonRow struct {
	name   string
	status mobility.Status // 0: no acknowledgement comes of it
}

var reasonTable = [Reasons]reasonRow{
	Registered:           {name: "registered"},
	Refreshed:            {name: "refreshed"},
	Moved:                {name: "moved"},
	Deregistered:         {name: "deregistered"},
	Expired:              {name: "expired"},
	PrefixInvalid:        {name: "prefix_invalid"},
	Removed:              {name: "removed"},
	Forgotten:            {name: "forgotten"},
	RefreshRequested:     {name: "refresh_requested"},
	Pending:              {name: "pending"},
	Probing:              {name: "probing"},
	Held:                 {name: "held"},
	Repeated:             {name: "repeated"},
	Undoing:              {name: "undoing"},
	KeysLeftBehind:       {name: "keys_left_behind"},
	Stale:                {name: "stale"},
	SourceNotUnicast:     {name: "source_not_unicast"},
	NotProtected:         {name: "not_protected"},
	HomeAddressUnusable:  {name: "home_address_unusable"},
	CareOfUnusable:       {name: "care_of_unusable"},
	ForCorrespondents:    {name: "for_correspondents"},
	HomeAddressMissing:   {name: "home_address_missing"},
	NoCorrespondent:      {name: "no_correspondent"},
	CareOfIsHome:         {"care_of_is_home", mobility.StatusInvalidCareOfAddress},
	CareOfUnprotected:    {"care_of_unprotected", mobility.StatusInvalidCareOfAddress},
	ProxyRegistration:    {"proxy_registration", mobility.StatusProxyNotEnabled},
	OldSequence:          {"old_sequence", mobility.StatusSequenceOutOfWindow},
	TypeChanged:          {"type_changed", mobility.StatusTypeChangeDisallowed},
	NotHomeAgentAddress:  {"not_home_agent_address", mobility.StatusHomeRegistrationNotSupported},
	NotHomePrefix:        {"not_home_prefix", mobility.StatusNotHomeSubnet},
	NotAuthorized:        {"not_authorized", mobility.StatusAdministrativelyProhibited},
	HomeAgentDraining:    {"draining", mobility.StatusAdministrativelyProhibited},
	NoRegistration:       {"no_registration", mobility.StatusNotHomeAgent},
	Full:                 {"full", mobility.StatusInsufficientResources},
	RouterNotPermitted:   {"router_not_permitted", mobility.StatusMobileRouterNotPermitted},
	NetworkInvalid:       {"network_invalid", mobility.StatusInvalidPrefix},
	NetworkNotAuthorized: {"network_not_authorized", mobility.StatusNotAuthorizedForPrefix},
	NetworkUnknown:       {"network_unknown", mobility.StatusForwardingSetupFailed},
	DuplicateAddress:     {"duplicate_address", mobility.StatusDuplicateAddress},
	ForwardingFailed:     {"forwarding_failed", mobility.StatusInvalidPrefix},
	StoreFailed:          {"store_failed", mobility.StatusInsufficientResources},
	KernelFailed:         {"kernel_failed", mobility.StatusInsufficientResources},
	Failed:               {"failed", mobility.StatusUnspecified},
}

// String returns the reason as one word, as in logs and metrics.
func (r Reason) String() string { return reasonTable[r].name }

// Refusal returns the status of the Binding Acknowledgement that refuses for this
// reason; ok is false for reasons that refuse nothing or do so in silence.
func (r Reason) Refusal() (status mobility.Status, ok bool) {
	status = reasonTable[r].status
	return status, status != 0
}

// Silent reports whether a Binding Update was discarded without an answer.
func (r Reason) Silent() bool { return r >= SourceNotUnicast && r <= NoCorrespondent }
