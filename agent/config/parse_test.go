package config

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	at := func(line int) Position { return Position{File: "f", Line: line} }
	for _, tt := range []struct {
		name, text string
		want       []setting
	}{
		{"nothing", "\n# only words\n", nil},
		{"above all tables", "a = 1\n", []setting{{at: at(1), key: "a", value: int64(1)}}},
		{"in a table", "# x\n[t]\n\na = true\n", []setting{
			{at: at(2), key: "t"},
			{at: at(4), table: "t", key: "t.a", value: true},
		}},
		{"in a table below", "[t.u]\na = 'x'\n", []setting{
			{at: at(1), key: "t.u"},
			{at: at(2), table: "t.u", key: "t.u.a", value: "x"},
		}},
		{"in elements", "[[t]]\na = 1\n[[t]]\na = 2\n", []setting{
			{at: at(1), key: "t", fresh: true},
			{at: at(2), table: "t", key: "t.a", value: int64(1)},
			{at: at(3), key: "t", fresh: true},
			{at: at(4), table: "t", key: "t.a", value: int64(2)},
		}},
		{"dotted", "[t]\nu.\"v\" = \"x\"\n", []setting{
			{at: at(1), key: "t"},
			{at: at(2), table: "t", key: "t.u.v", value: "x"},
		}},
		{"after values of several lines", "a = [\n  1, # one\n  2,\n]\nb = \"\"\"\nx\ny\"\"\"\nc = 3\n", []setting{
			{at: at(1), key: "a", value: []any{int64(1), int64(2)}},
			{at: at(5), key: "b", value: "x\ny"},
			{at: at(8), key: "c", value: int64(3)},
		}},
		{"lines as others end them", "a = 1\r\n\r\nb = 2\r\n", []setting{
			{at: at(1), key: "a", value: int64(1)},
			{at: at(3), key: "b", value: int64(2)},
		}},
		{"numbers of all forms", "a = -7\nb = 0xFF007ED9\nc = 4_278\nd = 0b11\ne = +5\n", []setting{
			{at: at(1), key: "a", value: int64(-7)},
			{at: at(2), key: "b", value: int64(0xFF007ED9)},
			{at: at(3), key: "c", value: int64(4278)},
			{at: at(4), key: "d", value: int64(3)},
			{at: at(5), key: "e", value: int64(5)},
		}},
		{"values that no option takes", "a = 1.5\nb = {x = 1}\nc = 10:00:00\n", []setting{
			{at: at(1), key: "a", value: other("Float")},
			{at: at(2), key: "b", value: other("InlineTable")},
			{at: at(3), key: "c", value: other("LocalTime")},
		}},
		{"escapes", `a = "\u0041\t\"" # not "this"` + "\n", []setting{{at: at(1), key: "a", value: "A\t\""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, problem := parse("f", []byte(tt.text))
			if problem != nil {
				t.Fatal(problem)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(setting{})); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"no value", "a = 1\nb =\n", "f:2: "},
		{"no equals sign", "\n\nword\n", "f:3: "},
		{"open string", "a = \"x\n", "f:1: "},
		{"open array", "a = [1,\n", "f:"},
		{"octets that are no text", "a = \"\xff\"\n", "f:1: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			settings, problem := parse("f", []byte(tt.text))
			if problem == nil || settings != nil || !strings.HasPrefix(problem.Error(), tt.want) ||
				!strings.HasSuffix(problem.Error(), "(this is no TOML)") || strings.Contains(problem.Error(), "toml:") {
				t.Errorf("parse = %v, %v, want a problem at %s", settings, problem, tt.want)
			}
		})
	}
}

// What is there twice is told with the place of the first.
func TestRepeated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"a key twice", "a = 1\n\na = 2\n", "f:3: a: it is set in line 1 already (leave one of them out)"},
		{"a key of an element twice", "[[t]]\na = 1\n[[t]]\na = 1\nb = 1\na = 1\n", "f:6: t.a: it is set in line 4 already (leave one of them out)"},
		{"a table twice", "[t]\n[u]\n[t]\n", "f:3: t: [t] is in line 1 already (write these options below that one, and leave this line out)"},
		{"a table that is an array", "[[t]]\n[[t]]\n[t]\n", "f:3: t: [[t]] is in line 1, so there can be several of these (write [[t]], in double brackets)"},
		{"an array that is a table", "[t]\n[[t]]\n", "f:2: key t already exists as a table, but should be an array table (this is no TOML)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if settings, problem := parse("f", []byte(tt.text)); problem == nil || settings != nil || problem.Error() != tt.want {
				t.Errorf("parse = %v, %v, want %s", settings, problem, tt.want)
			}
		})
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Problem{
		"f:3: a.b: is wrong": {At: Position{"f", 3}, Key: "a.b", Text: "is wrong"},
		"f: a.b: is wrong":   {At: Position{File: "f"}, Key: "a.b", Text: "is wrong"},
		"f:3: is wrong":      {At: Position{"f", 3}, Text: "is wrong"},
	} {
		if got := p.Error(); got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		fs.ErrNotExist:   " (homeagentd --config FILE names another one)",
		fs.ErrPermission: " (run it as root; for the daemon itself: chgrp homeagent /f && chmod g+rX /f, and the same for its folder)",
		fs.ErrInvalid:    "",
	} {
		if got := hint("/f", fmt.Errorf("open: %w", err)); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}
