package strongswanconf_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/doctor/strongswanconf"
)

func files(texts map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range texts {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func TestLoad(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		texts map[string]string
		want  map[string]string
	}{
		{"empty", map[string]string{"etc/s.conf": "\n# nothing\n"}, map[string]string{}},
		{"sections", map[string]string{"etc/s.conf": "charon {\n a = 1\n plugins { vici { socket = unix:///run/x } }\n b=yes # no\n}\n"},
			map[string]string{"charon.a": "1", "charon.plugins.vici.socket": "unix:///run/x", "charon.b": "yes"}},
		{"brace on the next line", map[string]string{"etc/s.conf": "charon\n{\n a\t=\t1\n}"}, map[string]string{"charon.a": "1"}},
		{"quotes", map[string]string{"etc/s.conf": `charon { a = "x # \"y\" {" }`}, map[string]string{"charon.a": `x # "y" {`}},
		{"words", map[string]string{"etc/s.conf": "charon {\n load = random nonce \n dns =\n}"}, map[string]string{"charon.load": "random nonce", "charon.dns": ""}},
		{"the last one counts", map[string]string{"etc/s.conf": "a {\n b = 1\n}\na {\n b = 2\n}"}, map[string]string{"a.b": "2"}},
		{"includes", map[string]string{
			"etc/s.conf":            "charon {\n plugins {\n  include s.d/charon/*.conf\n }\n}\ninclude /etc/s.d/*.conf\n",
			"etc/s.d/charon/b.conf": "b {\n load = yes\n}\n", "etc/s.d/charon/a.conf": "a { load = no }", "etc/s.d/x.conf": "charon-systemd { y = 1 }",
		}, map[string]string{"charon.plugins.a.load": "no", "charon.plugins.b.load": "yes", "charon-systemd.y": "1"}},
		{"an include of nothing", map[string]string{"etc/s.conf": "include none/*.conf"}, map[string]string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := strongswanconf.Load(files(tt.texts), "etc/s.conf")
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, key := range s.Keys() {
				section, rest, _ := strings.Cut(key, ".")
				got[key], _ = s.Get(rest, "none", section)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("unexpected settings (-want +got):\n%s", diff)
			}
			if len(s.Files) != len(tt.texts) {
				t.Errorf("%d files were read, want %d: %q", len(s.Files), len(tt.texts), s.Files)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"open brace": "charon {", "closed twice": "charon { } }", "no name": "{ a = 1 }", "itself": "include s.conf", "pattern": "include [",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if s, err := strongswanconf.Load(files(map[string]string{"etc/s.conf": text}), "etc/s.conf"); err == nil {
				t.Errorf("it was taken: %q", s.Keys())
			}
		})
	}
	if _, err := strongswanconf.Load(files(nil), "etc/s.conf"); err == nil {
		t.Error("a file that is not there was taken")
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"yes": true, "No": false, "1": true, "disabled": false, "maybe": true, "": true} {
		if got := strongswanconf.Bool(value, true); got != want {
			t.Errorf("Bool(%q) = %v", value, got)
		}
	}
	if strongswanconf.Bool("", false) {
		t.Error("the other value is not taken")
	}
}

// FuzzLoad has any text read. What is read, written again and read again is the
// same.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{"", "a {\n b = 1\n}\n", "a\n{ include x/*\n b = \"c\\\" d\" }", "a { b { c = d e } } #", "}{", "include include", ".0=0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := strongswanconf.Load(files(map[string]string{"s": text}), "s")
		if err != nil {
			return
		}
		var again strings.Builder
		want := map[string]string{}
		for _, key := range s.Keys() {
			section, rest, ok := strings.Cut(key, ".")
			if !ok || strings.ContainsAny(key, " \t\r\n={}#\",:\\") || section == "include" || rest == "include" || slices.Contains(strings.Split(key, "."), "") {
				continue
			}
			value, _ := s.Get(rest, section)
			want[key] = value
			quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
			again.WriteString(section + " {\n" + rest + " = \"" + quoted + "\"\n}\n")
		}
		back, err := strongswanconf.Load(files(map[string]string{"s": again.String()}), "s")
		if err != nil {
			t.Fatalf("%v in:\n%s", err, again.String())
		}
		got := map[string]string{}
		for _, key := range back.Keys() {
			section, rest, _ := strings.Cut(key, ".")
			got[key], _ = back.Get(rest, section)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unexpected settings of:\n%s\n(-want +got):\n%s", again.String(), diff)
		}
	})
}
