package xfrm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"homeagent/xfrm/internal/object"
)

// Protocols that an Association is for.
const (
	MobilityHeader = object.MobilityHeader // Binding Updates and Acknowledgements
	ICMPv6         = object.ICMPv6         // Mobile Prefix Solicitations and Advertisements
)

// Secret is a key that is shown nowhere.
type Secret = object.Secret

// NewSecret copies the octets of a key.
func NewSecret(octets []byte) Secret { return object.NewSecret(octets) }

// Algorithm is an algorithm under the kernel's name for it, such as "cbc(aes)" or
// "hmac(sha256)", with the key; Truncated is how many bits of a check value are
// sent, and 0 for encryption.
type Algorithm = object.Algorithm

// Association is an ESP security association in transport mode with keys that an
// operator wrote down (RFC 4877 section 6). It has no end, survives movements and
// de-registration, and does not check for replays, as the other end may begin anew
// with its sequence number (RFC 4303 section 3.3.3).
type Association = object.Association

// ReqIDRange is a range of reqids, both ends in it.
type ReqIDRange struct{ First, Last uint32 }

// AssociationReqIDs returns the range of reqids which marks an ESP security
// association as ours, without the two upper bits, which tell what a mobile node
// uses it for. Mobile nodes that use IKE have smaller ones.
func AssociationReqIDs() ReqIDRange {
	return ReqIDRange{First: object.FirstManualReqID, Last: object.LastManualReqID}
}

// manual is what is known of the associations in the kernel.
type manual struct {
	mu    sync.Mutex // held before nothing else
	known bool
	// keys are those of what the kernel may hold.
	keys map[object.AssociationKey]bool
}

// keep notes that the kernel holds nothing but these.
func (m *manual) keep(all []Association) {
	clear(m.keys)
	for _, a := range all {
		m.keys[a.Key()] = true
	}
}

// Associate makes the kernel hold these associations, and no others of ours. It
// is what to call from time to time, too: the first call looks at all there are,
// later ones only at ours. On an error it has done what could be done.
func (k *Kernel) Associate(ctx context.Context, want []Association) (Changes, error) {
	for _, a := range want {
		if err := checkAssociation(a); err != nil {
			return nil, err
		}
	}
	k.manual.mu.Lock()
	defer k.manual.mu.Unlock()
	return k.associate(ctx, want)
}

func (k *Kernel) associate(ctx context.Context, want []Association) (Changes, error) {
	have, err := k.associations(want)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var done Changes
	var errs []error
	for _, a := range want {
		k.manual.keys[a.Key()] = true
		found, there := have[a.Key()]
		delete(have, a.Key())
		if there && found.Equal(a) {
			continue
		}
		errs = append(errs, k.replaceAssociation(&done, found, a, there))
	}
	for _, a := range have {
		errs = append(errs, k.removeOne(&done, a))
	}
	if err := errors.Join(errs...); err != nil {
		return done, fmt.Errorf("setting manual security associations: %w", err)
	}
	k.manual.keep(want)
	return done, nil
}

// associations are ours of those in the kernel, or in the place of what is wanted.
func (k *Kernel) associations(want []Association) (map[object.AssociationKey]Association, error) {
	have := make(map[object.AssociationKey]Association)
	if !k.manual.known {
		all, err := k.platform.Associations()
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			if object.IsManual(a.ReqID) {
				have[a.Key()] = a
			}
		}
		k.manual.known, k.manual.keys = true, make(map[object.AssociationKey]bool)
		for key := range have {
			k.manual.keys[key] = true
		}
		return have, nil
	}
	for _, a := range want {
		k.manual.keys[a.Key()] = true
	}
	for key := range k.manual.keys {
		a, found, err := k.platform.Association(key)
		if err != nil {
			return nil, err
		}
		if found && object.IsManual(a.ReqID) && a.Key() == key {
			have[key] = a
		}
	}
	return have, nil
}

// replaceAssociation puts an association, after the one in its place is gone: the
// kernel cannot change keys.
func (k *Kernel) replaceAssociation(done *Changes, old, a Association, there bool) error {
	if there {
		if err := k.removeOne(done, old); err != nil {
			return err
		}
	}
	return k.apply(done, object.Add, a)
}

// dissociate removes all associations of ours, also those of an earlier process.
func (k *Kernel) dissociate(ctx context.Context) (Changes, error) {
	k.manual.mu.Lock()
	defer k.manual.mu.Unlock()
	k.manual.known = false
	return k.associate(ctx, nil)
}

func checkAssociation(a Association) error {
	switch {
	case !unicast(a.Src) || !unicast(a.Dst) || a.Src == a.Dst:
		return fmt.Errorf("checking a manual security association: its ends are %s and %s (must be two global unicast IPv6 addresses)", a.Src, a.Dst)
	case a.SPI < 256:
		return fmt.Errorf("checking the manual security association from %s: its SPI is %d (must be at least 256)", a.Src, a.SPI)
	case !object.IsManual(a.ReqID):
		return fmt.Errorf("checking the manual security association from %s: its reqid is %d (must be one of AssociationReqIDs)", a.Src, a.ReqID)
	case a.Protocol == 0 || a.Encryption.Name == "" || a.Integrity.Name == "" || len(a.Integrity.Key.Bytes()) == 0:
		return fmt.Errorf("checking the manual security association from %s: it must have a protocol and two algorithms, and a key for integrity", a.Src)
	}
	return nil
}
