package ike

import "fmt"

// Identities tells user names apart as charon does, without asking it.
type Identities struct{ agent identity }

// NewIdentities knows the home agent's own identity, as in [Config]. The error is for
// one that charon cannot take.
func NewIdentities(agent string) (Identities, error) {
	own, err := agentIdentity(agent)
	return Identities{own}, err
}

// Of returns the identity that charon takes a user name for. Two names of one
// identity cannot be told apart by charon. The error is for a name that cannot be
// expressed, or is the home agent's own.
func (i Identities) Of(userName string) (string, error) {
	user, err := userIdentity(userName)
	if err == nil && user.fold == i.agent.fold {
		err = fmt.Errorf("the user name %q is the home agent's own identity: its key would authenticate everybody", userName)
	}
	return user.fold, err
}
