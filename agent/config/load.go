package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Load reads the file at path and after it the files *.toml in the folder
// conf.d beside it, in the order of their names. A later file's value takes the
// place of an earlier one's; elements of arrays of tables add up. The error is
// of type [Problems] if files could be read but are not right, and names all
// that is wrong with them.
func Load(path string) (*Config, error) {
	files := []string{path}
	more, err := filepath.Glob(filepath.Join(filepath.Dir(path), "conf.d", "*.toml"))
	if err != nil {
		return nil, fmt.Errorf("looking for more configuration beside %s: %w", path, err)
	}
	slices.Sort(more)
	var settings []setting
	var problems Problems
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the configuration: %w%s", err, hint(file, err))
		}
		of, problem := parse(file, text)
		if problem != nil {
			problems = append(problems, *problem)
		}
		settings = append(settings, of...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return build(path, settings)
}

func hint(file string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return " (homeagentd --config FILE names another one)"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf(" (run it as root; for the daemon itself: chgrp homeagent %[1]s && chmod g+rX %[1]s, and the same for its folder)", file)
	}
	return ""
}
