package doctor

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"homeagent/agent/secretfile"
)

// What the package installs.
const (
	userName = "homeagent"
	unitFile = "/lib/systemd/system/homeagent.service"
	wanted   = "/etc/systemd/system/multi-user.target.wants/homeagent.service"
)

// inside is an absolute path as a file system at the root names it.
func inside(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name != "" {
		return name
	}
	return "."
}

func exists(files fs.FS, name string) bool {
	_, err := fs.Stat(files, inside(name))
	return err == nil
}

func denied(err error) bool { return errors.Is(err, ErrDenied) || errors.Is(err, fs.ErrPermission) }

// The permission bits that a class of users has of a file.
const (
	mayRead  fs.FileMode = 4
	mayWrite fs.FileMode = 2
	mayEnter fs.FileMode = 1
)

// owned tells whose a file is, and false where that is not known.
func owned(info fs.FileInfo) (uid, gid int, known bool) {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, 0, false
	}
	return int(stat.Uid), int(stat.Gid), true
}

// permits reports whether a user of one group has the permission for a file.
func permits(info fs.FileInfo, uid, gid int, want fs.FileMode) bool {
	fileUID, fileGID, known := owned(info)
	mode := info.Mode().Perm()
	switch {
	case uid == 0, !known:
		return true
	case fileUID == uid:
		return mode>>6&want == want
	case fileGID == gid:
		return mode>>3&want == want
	default:
		return mode&want == want
	}
}

// account finds the daemon's user and group. It returns false where the daemon
// is not installed to run as that.
func (p *patient) account() (uid, gid int, ok bool) {
	if !p.installed() {
		return 0, 0, false
	}
	uid, userErr := p.UserID(userName)
	gid, groupErr := p.GroupID(userName)
	return uid, gid, userErr == nil && groupErr == nil
}

// reader is whom keys are secret to: the daemon, and where that is not installed who
// we are.
func (p *patient) reader() secretfile.Reader {
	if uid, gid, ok := p.account(); ok {
		return secretfile.Reader{UID: uid, GIDs: []int{gid}}
	}
	return secretfile.Self()
}

// secret reads a file with a key.
func (p *patient) secret(name string) ([]byte, error) {
	return p.reader().ReadFrom(func(name string) (fs.File, error) { return p.Files().Open(inside(name)) }, name)
}

// outOfReach returns the first of a file and the folders above it that the
// daemon's user has no access to, empty if there is none.
func (p *patient) outOfReach(name string) string {
	uid, gid, ok := p.account()
	if !ok {
		return ""
	}
	parts := strings.Split(inside(name), "/")
	for i := range parts {
		part, want := strings.Join(parts[:i+1], "/"), mayEnter
		if i == len(parts)-1 {
			want = mayRead
		}
		info, err := fs.Stat(p.Files(), part)
		if err == nil && !permits(info, uid, gid, want) {
			return "/" + part
		}
	}
	return ""
}
