package main

import (
	"errors"
	"fmt"

	"homeagent/agent/config"
	"homeagent/agent/store/boltstore"
)

// exitUsage is EX_USAGE of sysexits.h: the command line is wrong. It is not the
// usual 2, by which a Go program ends that panics.
const exitUsage = 64

// exitConfig is EX_CONFIG of sysexits.h: the unit does not start the daemon
// again then, as only the operator can help.
const exitConfig = 78

// configError says that the configuration cannot be used.
type configError struct{ error }

// Error is what is wrong with it, and what helps.
func (e configError) Error() string {
	return fmt.Sprintf("the configuration is not complete or not right:\n%v\nhomeagent.toml(5) explains every option; \"homeagentctl init\" asks for the few that are needed and writes them", e.error)
}

func exitCode(err error) int {
	_, option := errors.AsType[config.Problem](err)
	if option || errors.As(err, &configError{}) || stuck(err) {
		return exitConfig
	}
	return 1
}

// reason is an error for people. Where an option is to blame, it begins with its
// place.
func reason(err error) string {
	if p, option := errors.AsType[config.Problem](err); option && !errors.As(err, &configError{}) {
		return p.Error()
	}
	return err.Error()
}

// stuck reports whether the store will be no better the next time: another
// version, key or copy of it has to be found.
func stuck(err error) bool {
	return errors.Is(err, boltstore.ErrNewer) || errors.Is(err, boltstore.ErrSealed) || errors.Is(err, boltstore.ErrDamaged)
}
