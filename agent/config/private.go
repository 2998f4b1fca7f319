package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckPrivate refuses a file with a key that others than its owner and group can read,
// or its group can change. Those that systemd hands over as credentials have been seen
// to by it.
func CheckPrivate(name string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o027 != 0 && !isCredential(name) {
		return fmt.Errorf("others than its owner and group can read %[1]s, or its group can change it, mode %04[2]o (try: chmod o=,g-w %[1]s)", name, info.Mode().Perm())
	}
	return nil
}

// isCredential tells whether systemd made a file for this service only.
func isCredential(name string) bool {
	directory := os.Getenv("CREDENTIALS_DIRECTORY")
	return directory != "" && filepath.Dir(filepath.Clean(name)) == filepath.Clean(directory)
}
