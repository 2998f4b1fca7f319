package vici

import (
	"context"
	"fmt"

	"homeagent/ike/psk"
)

// MaxOwner is the length of the longest identity that can own a key. charon
// cuts off what is longer without a word, and the key is another's then.
const MaxOwner = 255

// A Shared is a pre-shared key for IKE.
type Shared struct {
	// ID names the key: loading another under the same ID replaces it,
	// atomically.
	ID string

	// Owners are the identities that may use the key. charon tries a key
	// when either end's identity is among them.
	Owners []string

	Key psk.Key
}

// LoadShared loads a key, or replaces the one with the same ID.
func (l *Link) LoadShared(ctx context.Context, s Shared) error {
	for _, owner := range s.Owners {
		if len(owner) == 0 || len(owner) > MaxOwner {
			return fmt.Errorf("loading key %q: an owner has %d octets (must be 1 to %d)", s.ID, len(owner), MaxOwner)
		}
	}
	octets := s.Key.Bytes()
	defer clear(octets)
	m := newMessage(str("id", s.ID), str("type", "IKE"), str("data", string(octets)), list("owners", s.Owners))
	_, err := l.call(ctx, writeLane, "load-shared", s.ID, m)
	return err
}

// UnloadShared unloads a key; that there is none of this ID is no error.
func (l *Link) UnloadShared(ctx context.Context, id string) error {
	_, err := l.call(ctx, writeLane, "unload-shared", id, newMessage(str("id", id)))
	return err
}

// SharedIDs lists the IDs of all keys that have one, ours or not.
func (l *Link) SharedIDs(ctx context.Context) ([]string, error) {
	reply, err := l.call(ctx, controlLane, "get-shared", "", nil)
	if err != nil {
		return nil, err
	}
	return texts(reply, "keys"), nil
}
