package kernel

import (
	"syscall"

	"homeagent/xfrm/internal/object"
)

// Association looks an association up.
func (f *Fake) Association(k object.AssociationKey) (object.Association, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.associations[k]
	return a, ok, nil
}

// Associations lists the associations in a fixed order.
func (f *Fake) Associations() ([]object.Association, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return sorted(f.associations), nil
}

func (f *Fake) applyAssociation(v object.Verb, a object.Association) error {
	if v == object.Replace {
		return syscall.EOPNOTSUPP
	}
	return whenGone(change(f.associations, v, a.Key(), a), syscall.ESRCH)
}
