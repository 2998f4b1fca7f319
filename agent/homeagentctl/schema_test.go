package main

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	gocmp "github.com/google/go-cmp/cmp"

	"homeagent/agent/control"
	"homeagent/agent/doctor"
)

// printed is what commands print with --json.
var printed = map[string]any{
	"status": control.Status{}, "sessions": control.Sessions{}, "session": control.OneSession{}, "release": control.Released{},
	"bindings": control.Bindings{}, "binding": control.OneBinding{}, "peers": control.Peers{}, "top": control.Snapshot{},
	"events": control.Event{}, "doctor": doctor.Report{}, "reload": control.Reload{}, "psk": derivation{},
}

// without are commands whose result is no JSON: a file.
var without = []string{"init"}

// TestSchemaIsStable compares what commands print with the description that users
// of it rely on.
func TestSchemaIsStable(t *testing.T) {
	t.Parallel()
	s := schema{comments: comments(t, "../control", "../events", "../doctor", ".")}
	for _, command := range slices.Sorted(maps.Keys(printed)) {
		fmt.Fprintln(&s.out, command)
		s.fields(reflect.TypeOf(printed[command]), "")
	}
	got := s.out.String()
	if *rewrite {
		if err := os.WriteFile("schema.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(strings.Split(schemaText, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("what --json prints has changed (-want +got; where a field went away or has another meaning, control.Schema must grow; go test ./agent/homeagentctl -rewrite accepts it):\n%s", diff)
	}
}

// Each command has --json or no use for it, and a description if it has.
func TestJSONIsEverywhere(t *testing.T) {
	t.Parallel()
	parser := kong.Must(&cli{}, kong.Vars{"socket": "", "version": "", "more": "", "kinds": ""})
	for _, command := range parser.Model.Leaves(true) {
		has := slices.ContainsFunc(command.Flags, func(f *kong.Flag) bool { return f.Name == "json" })
		if _, described := printed[command.Name]; has != described || has == slices.Contains(without, command.Name) {
			t.Errorf("%s: --json %v, described %v", command.Name, has, described)
		}
	}
}

// Programs need not know null: what is empty is [] or {}, or left out.
func TestJSONHasNoNull(t *testing.T) {
	t.Parallel()
	for command, v := range printed {
		if r, is := v.(doctor.Report); is { // is never without findings
			r.Findings = []doctor.Finding{{}}
			v = r
		}
		text, err := json.Marshal(v)
		if err != nil || strings.Contains(string(text), "null") {
			t.Errorf("%s --json, when there is nothing: %s, %v", command, text, err)
		}
	}
}

// A schema is a description in the making.
type schema struct {
	out      strings.Builder
	comments map[string]string // by type and field
}

var (
	textType = reflect.TypeFor[encoding.TextMarshaler]()
	timeType = reflect.TypeFor[time.Time]()
)

// fields describes the fields of a struct.
func (s *schema) fields(t reflect.Type, place string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			s.fields(f.Type, place)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		optional := ""
		if strings.HasPrefix(options, "omit") {
			optional = "?"
		}
		s.value(f.Type, place+name, optional, s.comments[t.Name()+"."+f.Name])
	}
}

func (s *schema) value(t reflect.Type, place, optional, comment string) {
	kind := ""
	switch {
	case t.Kind() == reflect.Pointer:
		s.value(t.Elem(), place, optional, comment)
		return
	case t == timeType:
		kind = "time"
	case t.Implements(textType), t.Kind() == reflect.String:
		kind = "string"
	case t.Kind() == reflect.Bool:
		kind = "boolean"
	case t.Kind() == reflect.Float64:
		kind = "number"
	case t.Kind() == reflect.Slice:
		kind = "array"
	case t.Kind() == reflect.Map, t.Kind() == reflect.Struct:
		kind = "object"
	default:
		kind = "integer"
	}
	fmt.Fprintf(&s.out, "%s%s\t%s\t%s\n", place, optional, kind, comment)
	switch {
	case kind == "array" && t.Elem().Kind() == reflect.Struct && !t.Elem().Implements(textType):
		s.fields(t.Elem(), place+"[].")
	case t.Kind() == reflect.Map:
		s.value(t.Elem(), place+".NAME", "", "")
	case kind == "object":
		s.fields(t, place+".")
	}
}

// comments are those of the fields of all structs in some folders.
func comments(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, folder := range folders {
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), folder+"/"+file.Name(), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool { return collect(n, all) })
		}
	}
	return all
}

func collect(n ast.Node, all map[string]string) bool {
	spec, ok := n.(*ast.TypeSpec)
	if !ok {
		return true
	}
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return true
	}
	json := map[string]string{} // names by those in Go
	for _, f := range structure.Fields.List {
		for _, name := range f.Names {
			if f.Tag != nil {
				tag, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
				json[name.Name] = tag
			}
		}
	}
	for _, f := range structure.Fields.List {
		for _, name := range f.Names {
			text := strings.TrimPrefix(strings.Join(strings.Fields(f.Doc.Text()), " "), name.Name+" is ")
			all[spec.Name.Name+"."+name.Name] = word.ReplaceAllStringFunc(text, func(w string) string { return cmp.Or(json[w], w) })
		}
	}
	return true
}

// word is what could be the name of a field.
var word = regexp.MustCompile(`\b[A-Z]\w*`)

func TestSchemaPage(t *testing.T) {
	t.Parallel()
	page := schemaPage("status\nstate\tstring\tWhat it is.\nerror?\tstring\t\npeers\npeers[].host\tstring\t\n")
	want := `.Ss status
.Bl -tag -compact -width Ds
.It Va state Pq string
What it is.
.It Va error? Pq string
.El
.Ss peers
.Bl -tag -compact -width Ds
.It Va peers[].host Pq string
.El
`
	if !strings.HasSuffix(page, want) || !strings.HasPrefix(page, ".Sh JSON\n") {
		t.Errorf("page:\n%s\nwant at its end:\n%s", page, want)
	}
}
