package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"homeagent/agent/config"
)

const (
	// unitCredential is the one that the unit has systemd load, from a file named
	// sealKeyFile in the first of the folders that has it (systemd.exec(5)).
	unitCredential = "store-key"
	sealKeyFile    = "homeagent.store-key"
	sealKeySize    = 32 // octets, as package store has it
)

func sealKeyFolders() []string {
	return []string{"/etc/credstore", "/run/credstore", "/usr/lib/credstore"}
}

// sealKeyPath is where the key that seals the store belongs.
func sealKeyPath(s *config.Store) string {
	if s.Credential == unitCredential {
		return path.Join(sealKeyFolders()[0], sealKeyFile)
	}
	return "the file that LoadCredential=" + s.Credential + ": of the unit names"
}

// SealKeyRepair says how to come by a key that seals the store. For one that is sealed
// already there is only the key that it was sealed with.
func SealKeyRepair(s *config.Store, sealed bool) string {
	where := sealKeyPath(s)
	if sealed {
		return fmt.Sprintf("restore %s from your backup; without that key, move %s away to start without sessions", where, s.Path)
	}
	if !strings.HasPrefix(where, "/") {
		return fmt.Sprintf("write %d octets to %s, as openssl rand makes them", sealKeySize, where)
	}
	return "as root: " + makeSealKey(where)
}

func makeSealKey(file string) string {
	return fmt.Sprintf("(umask 077; openssl rand -out %s %d)", file, sealKeySize)
}

// sealing looks whether the key that seals the store is the right one, where it is
// known which file that comes from.
func (p *patient) sealing(name string) Finding {
	if !p.installed() || p.cfg.Store.Credential != unitCredential || p.unitHas("Credential") {
		return Finding{}
	}
	file, info, key, err := p.sealKey()
	defer clear(key)
	if err != nil {
		return cannot("the key that seals the store, "+file, err)
	}
	seal, err := p.StoreSeal(name, key)
	known := err == nil
	switch {
	case info == nil && known && seal == Foreign:
		return p.sealProblem("the keys in the store %s are sealed, and there is no %s to open them (%s)", name, file, SealKeyRepair(&p.cfg.Store, true))
	case info == nil:
		return Finding{}
	case len(key) != sealKeySize && known && seal == Unsealed:
		f := p.sealProblem("%s has %d octets and must have the %d that seal the store", file, len(key), sealKeySize)
		f.Repair = makeSealKey(file)
		return f
	case len(key) != sealKeySize:
		return p.sealProblem("%s has %d octets and must have the %d that seal the store (%s)", file, len(key), sealKeySize, SealKeyRepair(&p.cfg.Store, true))
	case known && seal == Foreign:
		return p.sealProblem("%s is not the key that the store %s is sealed with (%s)", file, name, SealKeyRepair(&p.cfg.Store, true))
	case info.Mode().Perm()&0o077 != 0:
		return warn("chmod 600 "+file, "others than its owner can read %s, which opens the store (mode %04o)", file, info.Mode().Perm())
	}
	return Finding{}
}

func (p *patient) sealProblem(format string, args ...any) Finding {
	return fail("", format, args...).of("store.credential")
}

// sealKey reads the key that systemd would hand over; info is nil if there is none.
func (p *patient) sealKey() (file string, info fs.FileInfo, key []byte, err error) {
	for _, folder := range sealKeyFolders() {
		file = path.Join(folder, sealKeyFile)
		key, err = fs.ReadFile(p.Files(), inside(file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			info, err = fs.Stat(p.Files(), inside(file))
		}
		return file, info, key, err
	}
	return sealKeyPath(&p.cfg.Store), nil, nil, nil
}

// unitHas reports whether a drop-in of the unit, or a unit in its place, speaks of a
// setting: then it is the operator who knows what holds.
func (p *patient) unitHas(setting string) bool {
	const own = "etc/systemd/system/homeagent.service"
	dropIns, _ := fs.Glob(p.Files(), own+".d/*.conf") // no error: the pattern is right
	for _, file := range append(dropIns, own) {
		if text, err := fs.ReadFile(p.Files(), file); err == nil && strings.Contains(string(text), setting) {
			return true
		}
	}
	return false
}
