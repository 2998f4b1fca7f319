package bootstrap

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNAI is the longest User-Name taken, in octets: the length that RFC 4282
// section 2.2 recommends to support.
const maxNAI = 253

// Realm returns the part of a User-Name behind the "@", or "" if it has none.
func Realm(userName string) string {
	user := userPart(userName)
	if len(user) == len(userName) {
		return ""
	}
	return userName[len(user)+1:]
}

// checkUserName accepts a Network Access Identifier (RFC 4282 section 2.1)
// that names one user, in printable characters. A leading '*' or '%' is allowed
// there and refused here: IKE daemons read them as wildcards, and the name
// becomes an IKE identity.
func checkUserName(name string) error {
	switch {
	case name == "" || len(name) > maxNAI:
		return fmt.Errorf("has %d octets (must be 1 to %d)", len(name), maxNAI)
	case !printable(name):
		return errors.New("has characters that do not print")
	case name[0] == '*' || name[0] == '%':
		return fmt.Errorf("begins with %q, a wildcard in IKE identities", name[0])
	}
	user := userPart(name)
	if !dotString(user) {
		return errors.New("is no Network Access Identifier (RFC 4282): its user part is malformed")
	}
	if len(user) < len(name) && !realmSyntax(name[len(user)+1:]) {
		return errors.New("is no Network Access Identifier (RFC 4282): its realm is malformed")
	}
	return nil
}

// userPart returns what stands before the first "@" that is not escaped.
func userPart(name string) string {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '@':
			return name[:i]
		}
	}
	return name
}

// dotString checks the rule of that name: strings of allowed characters,
// separated by dots; a backslash allows any character after it.
func dotString(s string) bool {
	empty := true
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '.' && empty:
			return false
		case r == '.':
			empty = true
		case r == '\\':
			_, escaped := utf8.DecodeRuneInString(s[n:])
			if escaped == 0 {
				return false
			}
			n, empty = n+escaped, false
		case r <= ' ' || strings.ContainsRune(`"(),:;<>@[]`, r):
			return false
		default:
			empty = false
		}
		s = s[n:]
	}
	return !empty
}

// realmSyntax checks for at least two labels of letters, digits and inner
// hyphens.
func realmSyntax(realm string) bool {
	labels := strings.Split(realm, ".")
	for _, label := range labels {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !(c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z') {
				return false
			}
		}
	}
	return len(labels) >= 2
}

// printable keeps control and formatting characters out of logs and of the
// tools that show names.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
