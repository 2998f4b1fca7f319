package manual

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Completion is a script for bash that completes commands, flags, and the values
// of flags that are files, folders or one of a few words.
func Completion(app *kong.Application) string {
	var c script
	name := strings.NewReplacer("-", "_").Replace(app.Name)
	c.line("# Completion of %s for bash.", app.Name)
	c.line("_%s() {", name)
	c.line("\tlocal cur prev words cword split")
	c.line("\t_init_completion -s || return")
	c.values(app)
	c.line("\tlocal command= word")
	c.line("\tfor word in \"${words[@]:1:cword-1}\"; do")
	c.line("\t\tcase $word in")
	for _, n := range app.Leaves(true) {
		c.line("\t\t%s) command=$word && break ;;", n.Name)
	}
	c.line("\t\tesac")
	c.line("\tdone")
	c.words(app)
	c.line("\t[[ ${COMPREPLY-} == *= ]] && compopt -o nospace")
	c.line("} &&")
	c.line("\tcomplete -F _%s %s", name, app.Name)
	return c.String()
}

type script struct{ strings.Builder }

func (c *script) line(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// values completes what follows "--flag=" or "--flag ".
func (c *script) values(app *kong.Application) {
	by := map[string][]string{}
	for _, f := range allFlags(app.Node) {
		by[action(f)] = append(by[action(f)], "--"+f.Name)
	}
	c.line("\tcase $prev in")
	for _, action := range slices.Sorted(maps.Keys(by)) {
		if action != "" {
			slices.Sort(by[action])
			c.line("\t%s) %s; return ;;", strings.Join(slices.Compact(by[action]), " | "), action)
		}
	}
	c.line("\tesac")
	c.line("\t$split && return")
}

// action is what completes the value of a flag, empty for nothing.
func action(f *kong.Flag) string {
	switch {
	case f.IsBool():
		return ""
	case f.Enum != "":
		return fmt.Sprintf(`COMPREPLY=($(compgen -W %q -- "$cur"))`, strings.Join(f.EnumSlice(), " "))
	case f.Tag.Type == "existingdir" || f.PlaceHolder == "DIR":
		return "_filedir -d"
	case f.Tag.Type == "existingfile" || f.PlaceHolder == "FILE" || f.PlaceHolder == "PATH":
		return "_filedir"
	default:
		return ":"
	}
}

// words completes commands and the names of flags.
func (c *script) words(app *kong.Application) {
	var commands []string
	c.line("\tlocal flags=%q", names(visible(app.Flags)))
	c.line("\tcase $command in")
	for _, n := range app.Leaves(true) {
		commands = append(commands, n.Name)
		if flags := names(ownFlags(n)); flags != "" {
			c.line("\t%s) flags+=\" %s\" ;;", n.Name, flags)
		}
	}
	c.line("\tesac")
	c.line("\tif [[ $cur == -* ]]; then")
	c.line("\t\tCOMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))")
	if len(commands) > 0 {
		c.line("\telif [[ -z $command ]]; then")
		c.line("\t\tCOMPREPLY=($(compgen -W %q -- \"$cur\"))", strings.Join(commands, " "))
	}
	c.line("\tfi")
}

func names(flags []*kong.Flag) string {
	var all []string
	for _, f := range flags {
		name := "--" + f.Name
		if !f.IsBool() {
			name += "="
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

func allFlags(n *kong.Node) []*kong.Flag {
	all := visible(n.Flags)
	for _, child := range n.Children {
		all = append(all, allFlags(child)...)
	}
	return all
}
