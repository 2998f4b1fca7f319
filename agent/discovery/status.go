package discovery

import (
	"time"
)

// An Outcome is what became of a received message.
type Outcome uint8

// The outcomes; all but Answered discard the message.
const (
	Answered Outcome = iota // or, if there is nothing to answer, believed
	Malformed
	OtherInterface // a Router Advertisement from elsewhere than a home link
	BadSource      // not from where such a message can come from
	TooMany        // a Router Advertisement of one home agent too many
	NotAnycast     // not to the anycast address of a home prefix
	RateLimited    // too many, or too soon after the last one
	NoHomeAddress  // a Mobile Prefix Solicitation without the Home Address option
	OtherCareOf    // a Mobile Prefix Solicitation from where its sender is not registered
	NotBound       // a Mobile Prefix Solicitation of a node without a binding
	NotHomePrefix  // a home address in no home prefix
	Unsent         // the answer could not be sent
	Unprotected    // there is no security association for the answer, and must be

	outcomeEnd
)

// Outcomes is one more than the largest [Outcome]: the size of an array of counters.
const Outcomes = int(outcomeEnd)

var outcomeNames = [...]string{
	Answered:       "answered",
	Malformed:      "malformed",
	OtherInterface: "other_interface",
	BadSource:      "bad_source",
	TooMany:        "too_many",
	NotAnycast:     "not_anycast",
	RateLimited:    "rate_limited",
	NoHomeAddress:  "no_home_address",
	OtherCareOf:    "other_care_of",
	NotBound:       "not_bound",
	NotHomePrefix:  "not_home_prefix",
	Unsent:         "unsent",
	Unprotected:    "unprotected",
}

// String returns the outcome as one word, as in logs and metrics.
func (o Outcome) String() string { return outcomeNames[o] }

// Counters tell what a server did.
type Counters struct {
	AgentReplies, PrefixAdvertisements uint64
	// Received counts received messages by what became of them.
	Received [Outcomes]uint64
}

// Status is what a server knows, and did.
type Status struct {
	Links    []LinkStatus // in the order of Config.Links
	Counters Counters
}

// LinkStatus is what is known of a home link.
type LinkStatus struct {
	Interface string
	// HomeAgents is how many others there are.
	HomeAgents int
	Self       SelfAdvertisement
	// Problem is why the link is not served wholly, "" if it is.
	Problem string
}

// Status returns the present status.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := Status{Counters: s.counters}
	for _, l := range s.links {
		status.Links = append(status.Links, LinkStatus{
			Interface:  l.Interface,
			HomeAgents: len(l.agents.Agents(time.Now())),
			Self:       l.self,
			Problem:    l.problem,
		})
	}
	return status
}
