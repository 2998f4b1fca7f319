package strongswanconf

import "strings"

type kind int

const (
	word kind = iota
	equals
	open
	shut
	newline
)

type token struct {
	kind kind
	text string
}

// tokens takes a text apart. Comments go; quoted words keep their blanks.
func tokens(text string) []token {
	var all []token
	for text != "" {
		c := text[0]
		switch c {
		case '\n':
			all, text = append(all, token{kind: newline}), text[1:]
		case ' ', '\t', '\r', ',', ':':
			text = text[1:]
		case '=':
			all, text = append(all, token{equals, "="}), text[1:]
		case '{':
			all, text = append(all, token{kind: open}), text[1:]
		case '}':
			all, text = append(all, token{kind: shut}), text[1:]
		case '#':
			text = text[end(text, "\n"):]
		case '"':
			var t token
			t, text = quoted(text[1:])
			all = append(all, t)
		default:
			n := end(text, " \t\r\n={}#\"")
			all, text = append(all, token{word, text[:n]}), text[n:]
		}
	}
	return all
}

// end is where the first of some characters is, or the length of the text.
func end(text, of string) int {
	if n := strings.IndexAny(text, of); n >= 0 {
		return n
	}
	return len(text)
}

// quoted reads up to the closing quote.
func quoted(text string) (token, string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return token{word, b.String()}, text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	return token{word, b.String()}, ""
}
