package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strings"
	"syscall"

	"homeagent/agent/config"
)

// accountable is a task that cannot start as long as an option is as it is: the
// error is a config.Problem then, which no restart mends. What may come right by
// itself, such as an address that is late, stays an error like others.
type accountable struct {
	Task
	cfg *config.Config
	// option names it, empty for none.
	option func(error) string
}

// Run is the task's.
func (t accountable) Run(ctx context.Context) error {
	err := t.Task.Run(ctx)
	if err == nil {
		return nil
	}
	if key := t.option(err); key != "" {
		return t.cfg.Problem(key, "%v", err)
	}
	return err
}

// controlOption is the one by which there is no control socket.
func controlOption(err error) string {
	var path *fs.PathError
	_, unknown := errors.AsType[user.UnknownGroupError](err)
	switch {
	case unknown, errors.As(err, &path) && path.Op == "chown":
		return "control.group"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR):
		return "control.socket"
	}
	return ""
}

// listenOption is the one with an address that only root could listen at.
func listenOption(d config.Diameter) func(error) string {
	return func(err error) string {
		if !errors.Is(err, fs.ErrPermission) {
			return ""
		}
		for i, l := range d.Listen {
			if strings.Contains(err.Error(), l.Address) {
				return fmt.Sprintf("diameter.listen[%d].address", i)
			}
		}
		return "diameter.listen"
	}
}

// built makes the error of a part that could not be made of the configuration a
// config.Problem of an option, or of the file for an empty key, unless it has its
// places already.
func built(cfg *config.Config, key string, err error) error {
	if err == nil {
		return nil
	}
	err = cfg.Locate(err)
	_, one := errors.AsType[config.Problem](err)
	_, several := errors.AsType[config.Problems](err)
	if one || several {
		return err
	}
	return cfg.Problem(key, "%v", err)
}
