package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Colours of ECMA-48. They are for terminals only.
const (
	bold   = "\x1b[1m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[1;31m"
)

// A style colours text, or leaves it as it is. The zero style does the latter.
type style struct{ coloured bool }

// styleFor colours on terminals, unless the operator says no (no-color.org).
func styleFor(out io.Writer, lookup func(string) (string, bool)) style {
	no, _ := lookup("NO_COLOR")
	return style{coloured: isTerminal(out) && no == ""}
}

func (s style) in(colour, text string) string {
	if !s.coloured || text == "" || colour == "" {
		return text
	}
	return colour + text + plain
}

// level colours as urgent as it is.
func (s style) level(level slog.Level, text string) string {
	switch {
	case level >= slog.LevelError:
		return s.in(red, text)
	case level >= slog.LevelWarn:
		return s.in(yellow, text)
	}
	return text
}

// printable keeps what comes from the network from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// columns is the width and height of a terminal, of the usual one if it cannot
// be told.
func columns(out io.Writer) (width, height int) {
	width, height = 80, 24
	if f, is := out.(*os.File); is {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			width, height = w, h
		}
	}
	return width, height
}

// pairs writes names and values, without those that are
// empty.
func pairs(values ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(values); i += 2 {
		if values[i+1] != "" {
			fmt.Fprintf(&b, " %s=%s", values[i], printable(values[i+1]))
		}
	}
	return b.String()
}
