package mobilenode

import (
	"fmt"

	"homeagent/agent/config"
	"homeagent/ike"
)

// Misnamed tells, by their place among the mobile nodes of a configuration, which ones
// strongSwan could not authenticate by their user names: they cannot be IKE identities,
// or are those of others in its eyes. Those that are keyed by hand have none to prove,
// but nobody else must get theirs, so that they are compared, too.
func Misnamed(cfg *config.Config) map[int]error {
	identities, err := ike.NewIdentities(cfg.IKE.Identity)
	if err != nil {
		return nil // told of ike.identity
	}
	wrong, users := map[int]error{}, map[string]string{} // by identity
	for i := range cfg.MobileNodes {
		n := &cfg.MobileNodes[i]
		identity, err := identities.Of(n.UserName)
		if err != nil {
			if !n.Manual() {
				wrong[i] = fmt.Errorf("it cannot be an IKE identity: %w", err)
			}
			continue
		}
		if other, taken := users[identity]; taken {
			wrong[i] = fmt.Errorf("strongSwan cannot tell %q from %q (give one of them another name)", n.UserName, other)
		}
		users[identity] = n.UserName
	}
	return wrong
}
