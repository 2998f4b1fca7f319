package config

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A Position is where something stands.
type Position struct {
	File string
	Line int // from 1, 0 for the file as a whole
}

// String is FILE:LINE.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A setting is one "key = value" of a file, with the whole key. Value is a
// string, int64, bool or []any of these; nil for the header of a table.
type setting struct {
	at    Position
	table string // whose header it stands under
	key   string
	value any
	fresh bool // header of an array's table: a new element begins
}

// parse reads the settings of a file in their order.
func parse(file string, text []byte) ([]setting, *Problem) {
	// The parser below finds positions and leaves repeated keys and the like
	// to others.
	var whole map[string]any
	if err := toml.Unmarshal(text, &whole); err != nil {
		if twice := repeatedIn(file, text); twice != nil {
			return nil, twice
		}
		return nil, syntaxError(file, err)
	}
	var p unstable.Parser
	p.Reset(text)
	var settings []setting
	table, lines := "", lineCounter{text: text, line: 1}
	for p.NextExpression() {
		e := p.Expression()
		key, offset := keyOf(e)
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = key
			settings = append(settings, setting{at: Position{file, lines.at(offset)}, key: key, fresh: e.Kind == unstable.ArrayTable})
		case unstable.KeyValue:
			if table != "" {
				key = table + "." + key
			}
			settings = append(settings, setting{at: Position{file, lines.at(offset)}, table: table, key: key, value: valueOf(e.Value())})
		}
	}
	if err := p.Error(); err != nil {
		return nil, syntaxError(file, err)
	}
	return settings, nil
}

func syntaxError(file string, err error) *Problem {
	at := Position{File: file}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		at.Line, _ = decode.Position()
	}
	return &Problem{At: at, Text: strings.TrimPrefix(err.Error(), "toml: ") + " (this is no TOML)"}
}

// keyOf is a key with dots between its parts, and where it begins.
func keyOf(e *unstable.Node) (key string, offset int) {
	var parts []string
	for it := e.Key(); it.Next(); {
		if len(parts) == 0 {
			offset = int(it.Node().Raw.Offset)
		}
		parts = append(parts, string(it.Node().Data))
	}
	return strings.Join(parts, "."), offset
}

// A lineCounter tells in which line an offset is. The parser can, but begins
// anew for each.
type lineCounter struct {
	text         []byte
	offset, line int
}

// at returns the line of an offset that is not before the last one.
func (c *lineCounter) at(offset int) int {
	c.line += bytes.Count(c.text[c.offset:offset], []byte("\n"))
	c.offset = offset
	return c.line
}

// valueOf is the value of a node. What options have no use for, such as dates
// and inline tables, becomes its text in a type of its own.
func valueOf(n *unstable.Node) any {
	switch n.Kind {
	case unstable.String:
		return string(n.Data)
	case unstable.Bool:
		return string(n.Data) == "true"
	case unstable.Integer:
		if i, err := strconv.ParseInt(string(n.Data), 0, 64); err == nil {
			return i
		}
		return other(n.Data)
	case unstable.Array:
		list := []any{}
		for it := n.Children(); it.Next(); {
			list = append(list, valueOf(it.Node()))
		}
		return list
	default:
		return other(n.Kind.String())
	}
}

// other is a value of a kind that no option takes.
type other string
