package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// A question stands for a flag that was not given.
type question struct {
	flag, text string
	suggestion string // what an empty answer means; "none" is no answer
	answer     *string
}

// askAll asks the questions without an answer. Where nobody can be asked they
// are missing.
func askAll(e *environment, questions []question) error {
	var missing []string
	lines := bufio.NewReader(e.in)
	for _, q := range questions {
		switch {
		case *q.answer != "":
		case !answers(e.in):
			missing = append(missing, q.flag)
		default:
			if err := q.ask(e.out, lines); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		return usageError{fmt.Errorf("writing the configuration: missing %s (on a terminal it asks)", strings.Join(missing, ", "))}
	}
	return nil
}

// ask repeats itself until there is an answer.
func (q question) ask(out io.Writer, in *bufio.Reader) error {
	for *q.answer == "" {
		fmt.Fprint(out, q.text)
		if q.suggestion != "" {
			fmt.Fprintf(out, " [%s]", q.suggestion)
		}
		fmt.Fprint(out, ": ")
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("asking for %s: the answers ended; nothing was written (call it again, or give the flag)", q.flag)
		}
		*q.answer = strings.TrimSpace(line)
		if *q.answer == "" {
			*q.answer = q.suggestion
		}
		if *q.answer == "none" {
			*q.answer = ""
			return nil
		}
	}
	return nil
}

// answers reports whether somebody answers questions: on a terminal, and in
// tests, where standard input is no file.
func answers(in io.Reader) bool {
	f, ok := in.(*os.File)
	return !ok || term.IsTerminal(int(f.Fd()))
}

// hostName is the machine's name if it is a domain name, else empty.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || !strings.Contains(name, ".") {
		return ""
	}
	return name
}

// firstAddress is an address that mobile nodes could reach, empty if there is
// none.
func firstAddress() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && !p.Addr().Is4In6() && p.Addr().IsGlobalUnicast() {
			return p.Addr().String()
		}
	}
	return ""
}

// likeBefore gives a new file owner and mode of the one it replaces; without
// one, the daemon's group may read it.
func likeBefore(file, before string) error {
	mode, uid, gid := fs.FileMode(0o640), os.Geteuid(), os.Getegid()
	if info, err := os.Stat(before); err == nil {
		stat := info.Sys().(*syscall.Stat_t)
		mode, uid, gid = info.Mode().Perm(), int(stat.Uid), int(stat.Gid)
	} else if group, err := user.LookupGroup("homeagent"); err == nil {
		if n, err := strconv.Atoi(group.Gid); err == nil && uid == 0 {
			gid = n
		}
	}
	if err := os.Chmod(file, mode); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	if err := os.Chown(file, uid, gid); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}
