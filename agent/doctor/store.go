package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

const (
	stateFolder = "/var/lib/homeagent" // which systemd makes
	// littleSpace is worth a warning: a store of 100,000 mobile nodes needs about
	// as much to be written anew. Below noSpace not even commits succeed for long.
	littleSpace = 256 << 20
	noSpace     = 4 << 20
)

// stateStore looks whether sessions can be kept.
func stateStore(_ context.Context, p *patient) []Finding {
	name := p.cfg.Store.Path
	folder := path.Dir(name)
	info, err := fs.Stat(p.Files(), inside(folder))
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.installed() && folder == stateFolder:
		return []Finding{good("the folder %s will be made when the daemon starts first", folder)}
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{fail(p.makeFolder(folder), "there is no folder %s for the store", folder).of("store.path")}
	case err != nil:
		return []Finding{cannot("the store's folder "+folder, err)}
	case !info.IsDir():
		return []Finding{fail("", "%s is no folder, and the store must be in one", folder).of("store.path")}
	}
	var findings []Finding
	for _, f := range []Finding{p.folderMode(folder, info), p.space(folder), p.storeFile(name), p.sealing(name)} {
		if f.Status != OK {
			findings = append(findings, f)
		}
	}
	if len(findings) == 0 {
		findings = append(findings, good("the store %s can be written", name))
	}
	return findings
}

func (p *patient) makeFolder(folder string) string {
	if p.installed() {
		return fmt.Sprintf("install -d -m 700 -o %s -g %[1]s %s", userName, folder)
	}
	return "install -d -m 700 " + folder
}

// folderMode looks who may do what in the store's folder.
func (p *patient) folderMode(folder string, info fs.FileInfo) Finding {
	uid, gid, ok := p.account()
	switch mode := info.Mode().Perm(); {
	case mode&0o002 != 0:
		return fail("chmod 700 "+folder, "everybody can replace the store in %s (mode %04o)", folder, mode)
	case ok && !permits(info, uid, gid, mayRead|mayWrite|mayEnter):
		return fail(p.makeFolder(folder), "the user %s, as whom the daemon runs, cannot write in %s", userName, folder)
	case mode&0o020 != 0:
		return warn("chmod 700 "+folder, "the group of %s can replace the store (mode %04o)", folder, mode)
	}
	return Finding{}
}

func (p *patient) space(folder string) Finding {
	free, err := p.FreeSpace(folder)
	switch {
	case err != nil:
		return cannot("the space for the store", err)
	case free < noSpace:
		return fail("df "+folder, "the disk of the store's folder %s is full", folder)
	case free < littleSpace:
		return warn("df "+folder, "only %d MiB are left for the store in %s", free>>20, folder)
	}
	return Finding{}
}

// storeFile looks at the file, which is locked while a daemon runs: then that
// knows better how it is.
func (p *patient) storeFile(name string) Finding {
	info, err := fs.Stat(p.Files(), inside(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Finding{}
	case err != nil:
		return cannot("the store "+name, err)
	case info.Mode().Perm()&0o077 != 0:
		return fail("chmod 600 "+name, "others than its owner can read the keys in the store %s (mode %04o)", name, info.Mode().Perm())
	}
	if uid, gid, ok := p.account(); ok && !permits(info, uid, gid, mayRead|mayWrite) {
		return fail(fmt.Sprintf("chown %s: %s", userName, name), "the user %s, as whom the daemon runs, cannot write the store %s", userName, name)
	}
	if status, err := p.daemon(); err == nil {
		if s := status.Store; s.Error != "" {
			return fail("journalctl -u homeagent", "the daemon could not write the store at its last try: %s", s.Error)
		}
		return Finding{}
	}
	if pid := p.instance(); pid != 0 {
		return Finding{}
	}
	if _, err := p.StoreFormat(name); err != nil {
		if denied(err) {
			return cannot("the store "+name, err)
		}
		return fail("", "%v", err)
	}
	return Finding{}
}
