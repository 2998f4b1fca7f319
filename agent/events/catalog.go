package events

import (
	"fmt"
	"strings"
	"unicode"
)

// catalogWidth is where lines of explanations are broken.
const catalogWidth = 76

// Catalog is the catalog of messages for journald, in the format of its
// developers' page: an entry for each message id.
func Catalog() string {
	var b strings.Builder
	b.WriteString("# What the home agent's messages mean, for journalctl -x. Made from its table of events.\n")
	for _, d := range Describe() {
		if d.MessageID == "" {
			continue
		}
		subject := []rune(d.Sentence)
		subject[0] = unicode.ToUpper(subject[0])
		fmt.Fprintf(&b, "\n-- %s\n", d.MessageID)
		fmt.Fprintf(&b, "Subject: %s\n", string(subject))
		b.WriteString("Defined-By: homeagent\n")
		b.WriteString("Documentation: man:homeagentd(8) man:homeagentctl(1)\n\n")
		b.WriteString(wrap(d.Explanation))
	}
	return b.String()
}

// wrap breaks paragraphs into lines. Those that are indented stay as they are.
func wrap(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		if strings.HasPrefix(paragraph, " ") {
			b.WriteString(paragraph + "\n")
			continue
		}
		width := 0
		for _, word := range strings.Fields(paragraph) {
			switch {
			case width > 0 && width+1+len(word) > catalogWidth:
				b.WriteByte('\n')
				width = 0
			case width > 0:
				b.WriteByte(' ')
				width++
			}
			b.WriteString(word)
			width += len(word)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
