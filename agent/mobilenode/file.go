package mobilenode

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"homeagent/agent/config"
)

// maxFile is more than any key file has.
const maxFile = 16 << 10

// read reads a key file that nobody else can read or change. Those that systemd
// hands over as credentials have been seen to by it.
func read(name string, open func(string) (fs.File, error)) ([]byte, error) {
	file, err := open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading %s: %w (put it there, or name another file)", name, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("reading %[1]s: %[2]w (the daemon's user must be let in: chgrp homeagent %[1]s && chmod g+r %[1]s)", name, fs.ErrPermission)
	case err != nil:
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", name)
	}
	if err := config.CheckPrivate(name, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d octets", name, maxFile)
	}
	return text, err
}

func openFile(name string) (fs.File, error) { return os.Open(name) }
