package machine

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"homeagent/agent/secretfile"
)

// daemonUser is whom the package has the daemon run as.
const daemonUser = "homeagent"

// A tree is what package os makes of a folder.
type tree interface {
	fs.StatFS
	fs.ReadDirFS
	fs.ReadLinkFS
}

// A disk is the root folder. Other than package os it does not wait for whoever writes
// into a pipe.
type disk struct{ tree }

// Open opens a file for reading.
func (disk) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file, err := os.OpenFile("/"+name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		if failed, is := errors.AsType[*fs.PathError](err); is {
			failed.Path = name
		}
		return nil, err // and no file of type *os.File
	}
	return file, nil
}

// ReadFile reads what is a file.
func (d disk) ReadFile(name string) ([]byte, error) {
	file, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode(); !mode.IsRegular() && !mode.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is no regular file")}
	}
	text, err := io.ReadAll(file)
	if failed, is := errors.AsType[*fs.PathError](err); is {
		failed.Path = name
	}
	return text, err
}

// reader is whom keys are secret to: as root we look after the daemon's.
func (l Linux) reader() secretfile.Reader {
	self := secretfile.Self()
	if self.UID != 0 {
		return self
	}
	uid, userErr := l.UserID(daemonUser)
	gid, groupErr := l.GroupID(daemonUser)
	if userErr != nil || groupErr != nil {
		return self
	}
	return secretfile.Reader{UID: uid, GIDs: []int{gid}}
}
