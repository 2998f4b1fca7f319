package events

import (
	"fmt"
	"log/slog"
)

// A Kind says what happened.
type Kind uint8

// The kinds. Lost is not recorded: a reader gets it in place of what it was too
// slow for.
const (
	Lost Kind = iota + 1

	DaemonReady
	DaemonStopping
	ConfigurationLoaded
	ConfigurationRefused
	BoxNotReady
	BoxMended
	StoreFailed
	StoreRecovered

	HMRAccepted
	HMRRefused
	KeyArmed
	SessionBegan
	SessionRenewed
	SessionEnded
	SessionExpired
	SessionsDormant

	IKEUp
	IKEDown
	StrongSwanConnected
	StrongSwanLost
	ProposalRefused

	BindingRegistered
	BindingRefreshed
	BindingMoved
	BindingDeregistered
	BindingExpired
	BindingRemoved
	BindingRefused
	BindingFailed

	KernelReady
	KernelRepaired
	KernelFailed
	ManualKeyingReady
	ManualKeyingFailed

	PeerConnected
	PeerDisconnected
	PeerLost
	PeerUnreachable
	PeerSuspected
	PeerTrusted
	PeerLostState
	ConnectionRefused
	CertificateExpires
	CertificateExpired

	kindEnd
)

// Kinds returns all that are recorded, in the order of the table.
func Kinds() []Kind {
	all := make([]Kind, 0, kindEnd)
	for k := Lost + 1; k < kindEnd; k++ {
		all = append(all, k)
	}
	return all
}

// String is the kind as one word, as in JSON.
func (k Kind) String() string {
	if k == 0 || k >= kindEnd {
		return fmt.Sprintf("kind_%d", uint8(k))
	}
	return table[k].name
}

// MarshalText is the kind as one word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads one of the words.
func (k *Kind) UnmarshalText(text []byte) error {
	for candidate := Lost; candidate < kindEnd; candidate++ {
		if table[candidate].name == string(text) {
			*k = candidate
			return nil
		}
	}
	return fmt.Errorf("reading a kind of event: there is no %q (homeagentctl(1) lists them)", text)
}

// Level is that of the kind's line in the log.
func (k Kind) Level() slog.Level { return table[k].level }

// Alert reports whether somebody should look after it.
func (k Kind) Alert() bool { return k < kindEnd && table[k].level >= slog.LevelWarn && k != Lost }

// Sentence is what the kind's line in the log begins with.
func (k Kind) Sentence() string { return table[k].sentence }

// A Description is what the manual and the journal's catalog say of a kind.
type Description struct {
	Kind     Kind
	Sentence string
	Level    slog.Level
	// MessageID is the journal's, 32 hexadecimal digits; empty for kinds that are
	// logged for debugging only.
	MessageID string
	// Explanation is what it means and what to do: paragraphs of plain text.
	Explanation string
}

// Describe describes all kinds that are recorded.
func Describe() []Description {
	var all []Description
	for _, k := range Kinds() {
		r := table[k]
		all = append(all, Description{Kind: k, Sentence: r.sentence, Level: r.level, MessageID: r.id, Explanation: r.explanation})
	}
	return all
}
