package events

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// An Event is one thing that happened. What a field does not apply to, or is not
// known of, is left out.
type Event struct {
	// Sequence counts from 1 since the daemon started.
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`
	Kind     Kind      `json:"kind"`
	UserName string    `json:"user_name,omitempty"`
	// HomeAddress is the mobile node's, CareOf where it is now.
	HomeAddress netip.Addr `json:"home_address,omitzero"`
	HomeAgent   netip.Addr `json:"home_agent_address,omitzero"`
	CareOf      netip.Addr `json:"care_of_address,omitzero"`
	SessionID   string     `json:"session_id,omitempty"`
	// Peer is a Diameter identity; of the kind "connection_refused" the one that
	// was claimed, which proves nothing.
	Peer string `json:"peer,omitempty"`
	// Remote is the address and port of the other end of a connection.
	Remote netip.AddrPort `json:"remote,omitzero"`
	// Result is a Result-Code of Diameter by its name, of a Binding Update the
	// reason as in the counters of bindings, or of a connection with a Diameter
	// peer that came to nothing the reason as in the counters of those.
	Result string `json:"result,omitempty"`
	// Detail is what else there is to say, for people.
	Detail string `json:"detail,omitempty"`
	// Lost, of the kind "lost" only, is how many events a reader was too slow for.
	Lost uint64 `json:"lost,omitempty"`
}

// attrs are the fields as attributes of a line in the log.
func (e *Event) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 10)
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("user_name", e.UserName)
	add("home_address", AddressText(e.HomeAddress))
	add("home_agent_address", AddressText(e.HomeAgent))
	add("care_of_address", AddressText(e.CareOf))
	add("session_id", e.SessionID)
	add("peer", e.Peer)
	if e.Remote.IsValid() {
		add("remote", e.Remote.String())
	}
	add("result", e.Result)
	add("detail", e.Detail)
	add("message_id", table[e.Kind].id)
	return attrs
}

// AddressText is an address for people and logs, empty for none.
func AddressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// write logs the event as its kind asks.
func (e *Event) write(log *slog.Logger) {
	r := &table[e.Kind]
	ctx := context.Background()
	if log.Enabled(ctx, r.level) {
		log.LogAttrs(ctx, r.level, r.sentence, e.attrs()...)
	}
}

// A Filter selects events. What is not set selects all.
type Filter struct {
	Kinds       []Kind
	HomeAddress netip.Addr
	UserName    string
	Peer        string
	// Alerts selects what somebody should look after.
	Alerts bool
}

// Match reports whether the filter selects an event.
func (f *Filter) Match(e *Event) bool {
	return (len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind)) &&
		(!f.HomeAddress.IsValid() || f.HomeAddress == e.HomeAddress) &&
		(f.UserName == "" || f.UserName == e.UserName) &&
		(f.Peer == "" || f.Peer == e.Peer) &&
		(!f.Alerts || e.Kind.Alert())
}
