package secretfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"homeagent/agent/secretfile"
)

// whoever is the user and group that the daemon runs as.
const whoever = 990

func TestCheck(t *testing.T) {
	t.Parallel()
	daemon, root := secretfile.Reader{UID: whoever, GIDs: []int{4, whoever}}, secretfile.Reader{GIDs: []int{0}}
	const theirs, users = 65534, 100
	for _, tt := range []struct {
		name     string
		reader   secretfile.Reader
		mode     fs.FileMode
		uid, gid int
		want     string
	}{
		{"root's, for the daemon's group", daemon, 0o640, 0, whoever, ""},
		{"root's, for another group of the daemon", daemon, 0o440, 0, 4, ""},
		{"the daemon's own", daemon, 0o600, whoever, whoever, ""},
		{"a group that may not read it", daemon, 0o600, whoever, users, ""},
		{"the superuser's group", daemon, 0o640, 0, 0, ""},
		{"a group of others", daemon, 0o640, whoever, users, "the group 100 can read f, and the daemon is not in it (try: chgrp homeagent f)"},
		{"somebody else's", daemon, 0o600, theirs, whoever, "f belongs to the user 65534, who can read and change it (try: chown root f)"},
		{"somebody else's, read by root", root, 0o640, theirs, users, "f belongs to the user 65534"},
		{"root's own, for any group", root, 0o640, 0, whoever, ""},
		{"everybody's", daemon, 0o644, 0, whoever, "others than its owner and group can read f, or its group can change it, mode 0644 (try: chmod o=,g-w f)"},
		{"everybody's to change", root, 0o602, 0, 0, "mode 0602"},
		{"everybody's to enter", root, 0o601, 0, 0, "mode 0601"},
		{"its group's to change", daemon, 0o660, 0, whoever, "mode 0660"},
		{"a credential", daemon, 0o644, theirs, users, ""},
	} {
		name := "f"
		if tt.name == "a credential" {
			name = "/run/credentials/homeagent.service/f"
		}
		files := fstest.MapFS{"f": {Mode: tt.mode, Sys: &syscall.Stat_t{Uid: uint32(tt.uid), Gid: uint32(tt.gid)}}}
		info, err := files.Stat("f")
		if err != nil {
			t.Fatal(err)
		}
		err = tt.reader.Check(name, info)
		if exposed := (*secretfile.Exposed)(nil); (err != nil) != (tt.want != "") || err != nil && !(errors.As(err, &exposed) && strings.HasPrefix(exposed.Repair, "ch") && strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// put makes a file of ours.
func put(t *testing.T, name, text string, mode fs.FileMode) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.WriteFile(name, []byte(text), 0o600), os.Chmod(name, mode)); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRead(t *testing.T) {
	t.Parallel()
	if text, err := secretfile.Read(put(t, "key", "secret", 0o600)); string(text) != "secret" || err != nil {
		t.Errorf("a key: %q, %v", text, err)
	}
	open := put(t, "key", "secret", 0o644)
	if text, err := secretfile.Read(open); text != nil || err == nil || !strings.Contains(err.Error(), "mode 0644") {
		t.Errorf("a key for everybody: %q, %v", text, err)
	}
	if text, err := secretfile.ReadPublic(open); string(text) != "secret" || err != nil {
		t.Errorf("a certificate for everybody: %q, %v", text, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(put(t, "key", "secret", 0o600), link); err != nil {
		t.Fatal(err)
	}
	if text, err := secretfile.Read(link); string(text) != "secret" || err != nil {
		t.Errorf("a key behind a link: %q, %v", text, err)
	}
}

// What is no file to read is refused, and nothing is waited for.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe, long := filepath.Join(folder, "pipe"), put(t, "long", "", 0o600)
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Truncate(long, 5<<20)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		pipe:                          pipe + " is no regular file",
		folder:                        folder + " is no regular file",
		"/dev/zero":                   "/dev/zero is no regular file",
		long:                          long + " has more than 4194304 octets",
		filepath.Join(folder, "none"): "(put it there, or name another file)",
	} {
		for _, read := range []func(string) ([]byte, error){secretfile.Read, secretfile.ReadPublic} {
			if text, err := read(name); text != nil || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %d octets, %v, want %q", name, len(text), err, want)
			}
		}
	}
}

// Errors of whatever files there are keep what they wrap.
func TestReadFromTellsWhatHelps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err, is error
		want    string
	}{
		{fs.ErrNotExist, fs.ErrNotExist, "reading f: file does not exist (put it there, or name another file)"},
		{fs.ErrPermission, fs.ErrPermission, "reading f: permission denied (the daemon's user must be let in: chgrp homeagent f && chmod g+r f)"},
		{errors.ErrUnsupported, errors.ErrUnsupported, "unsupported operation"},
	} {
		open := func(string) (fs.File, error) { return nil, &fs.PathError{Op: "open", Path: "f", Err: tt.err} }
		if _, err := secretfile.Self().ReadFrom(open, "f"); !errors.Is(err, tt.is) || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// systemd gives a credential to the service alone, whatever its mode says.
func TestCredential(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", folder)
	for name, want := range map[string]bool{
		filepath.Join(folder, "key"):              true,
		folder + "/./key":                         true,
		folder + "/../key":                        false,
		filepath.Join(folder, "deeper/key"):       false,
		"/run/credentials/homeagent.service/key":  true,
		"/run/credentials/../homeagent.key":       false,
		"/run/credentials":                        false,
		"/etc/homeagent/run/credentials/more.key": false,
	} {
		if got := secretfile.Credential(name); got != want {
			t.Errorf("Credential(%q) = %v", name, got)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if secretfile.Credential("key") {
		t.Error("without systemd there are credentials")
	}
}
