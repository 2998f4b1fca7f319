package main

import (
	"errors"
	"fmt"
	"strings"

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
	_, options := errors.AsType[config.Problems](err)
	if option || options || errors.As(err, &configError{}) || stuck(err) {
		return exitConfig
	}
	return 1
}

// reason is an error for people. Where an option is to blame, it begins with its
// place; several have a line each.
func reason(err error) string {
	if errors.As(err, &configError{}) {
		return err.Error()
	}
	if all, options := errors.AsType[config.Problems](err); options {
		return several(all)
	}
	if p, option := errors.AsType[config.Problem](err); option {
		return p.Error()
	}
	return err.Error()
}

func several(all config.Problems) string {
	if len(all) == 1 {
		return all[0].Error()
	}
	return fmt.Sprintf("%d things that the configuration names cannot be used:\n%v", len(all), all)
}

// summary is a reason in one line.
func summary(why string) string {
	head, _, more := strings.Cut(why, "\n")
	if more {
		return strings.TrimSuffix(head, ":") + ", see the log"
	}
	return head
}

// stuck reports whether the store will be no better the next time: another
// version, key or copy of it has to be found.
func stuck(err error) bool {
	return errors.Is(err, boltstore.ErrNewer) || errors.Is(err, boltstore.ErrSealed) || errors.Is(err, boltstore.ErrDamaged)
}
