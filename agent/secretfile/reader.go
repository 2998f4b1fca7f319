package secretfile

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// A Reader is whose secret a file has to be: a user and its groups. The superuser may
// read what it has given to any group.
type Reader struct {
	UID  int
	GIDs []int
}

// Self is this process.
func Self() Reader {
	groups, _ := os.Getgroups() // those that are not known are not trusted
	return Reader{UID: os.Geteuid(), GIDs: append(groups, os.Getegid())}
}

// Exposed says that others can read or change a file with a secret.
type Exposed struct {
	Text   string
	Repair string // the command that mends it, run as root
}

// Error is what is wrong, and what helps.
func (e *Exposed) Error() string { return e.Text + " (try: " + e.Repair + ")" }

// Check returns an [*Exposed] for a file that belongs to somebody else than the Reader
// or the superuser, that others than its owner and group can use in any way, that its
// group can change, or read if that is neither one of the Reader's nor the superuser's
// (as where an access control list lets the Reader in). The owner is not asked for where
// the files have none, and of a [Credential] nothing is.
func (r Reader) Check(name string, info fs.FileInfo) error {
	if Credential(name) {
		return nil
	}
	mode := info.Mode().Perm()
	if mode&0o027 != 0 {
		return &Exposed{
			fmt.Sprintf("others than its owner and group can read %s, or its group can change it, mode %04o", name, mode),
			"chmod o=,g-w " + name,
		}
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return nil
	}
	uid, gid := int(stat.Uid), int(stat.Gid)
	if uid != 0 && uid != r.UID {
		return &Exposed{fmt.Sprintf("%s belongs to the user %d, who can read and change it", name, uid), "chown root " + name}
	}
	if mode&0o040 != 0 && r.UID != 0 && gid != 0 && !slices.Contains(r.GIDs, gid) {
		return &Exposed{fmt.Sprintf("the group %d can read %s, and the daemon is not in it", gid, name), "chgrp homeagent " + name}
	}
	return nil
}
