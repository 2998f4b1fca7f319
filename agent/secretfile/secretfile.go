// Package secretfile reads the files with keys that the configuration names, and
// refuses those that are not secret.
//
// It knows whom a file may belong to, who may read it, and what helps where that is
// not so. It must not know what is in a file, nor for what.
//
// Exported: [Read], [ReadPublic] for what everybody may know, [Reader] where another
// process is to read the file, [Exposed], and [Credential].
package secretfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxSize is more than any file with keys or certificates has.
const maxSize = 4 << 20

// Read reads a file that is secret to this process. Its errors say what helps, and
// wrap [fs.ErrNotExist], [fs.ErrPermission] or an [*Exposed] if it is one of them.
func Read(name string) ([]byte, error) { return Self().Read(name) }

// ReadPublic reads a file without asking who else can.
func ReadPublic(name string) ([]byte, error) {
	return read(name, open, func(fs.FileInfo) error { return nil })
}

// Read reads what another process will read, or has read.
func (r Reader) Read(name string) ([]byte, error) { return r.ReadFrom(open, name) }

// ReadFrom is Read from whatever files there are.
func (r Reader) ReadFrom(open func(name string) (fs.File, error), name string) ([]byte, error) {
	return read(name, open, func(info fs.FileInfo) error { return r.Check(name, info) })
}

// read looks at the file that it has opened: another one may have its name by now.
func read(name string, open func(string) (fs.File, error), check func(fs.FileInfo) error) ([]byte, error) {
	file, err := open(name)
	if err != nil {
		return nil, helpful(name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err == nil {
		err = check(info)
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("%s has more than %d octets", name, maxSize)
	}
	if err != nil {
		clear(text)
		return nil, err
	}
	return text, nil
}

// open does not wait for whoever writes into a pipe.
func open(name string) (fs.File, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err // and no file of type *os.File
	}
	return file, nil
}

func helpful(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("reading %s: %w (put it there, or name another file)", name, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission) && !Credential(name):
		return fmt.Errorf("reading %[1]s: %[2]w (the daemon's user must be let in: chgrp homeagent %[1]s && chmod g+r %[1]s)", name, fs.ErrPermission)
	}
	return err
}

// credentials is where systemd puts what it hands over to services while they run.
const credentials = "/run/credentials/"

// Credential tells whether systemd makes a file, for one service only: whatever its
// mode says, nobody else can read it.
func Credential(name string) bool {
	name = filepath.Clean(name)
	directory := os.Getenv("CREDENTIALS_DIRECTORY")
	return directory != "" && filepath.Dir(name) == filepath.Clean(directory) || strings.HasPrefix(name, credentials)
}
