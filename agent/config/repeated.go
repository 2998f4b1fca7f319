package config

import (
	"fmt"

	"github.com/pelletier/go-toml/v2/unstable"
)

// repeatedIn finds the first section or option of a file that is there twice, which
// TOML forbids, and tells where the first is. There is none if something else is
// wrong with the file.
func repeatedIn(file string, text []byte) *Problem {
	var p unstable.Parser
	p.Reset(text)
	sections, arrays, options := map[string]int{}, map[string]int{}, map[string]int{} // lines
	table, lines := "", lineCounter{text: text, line: 1}
	for p.NextExpression() {
		e := p.Expression()
		key, offset := keyOf(e)
		at := Position{file, lines.at(offset)}
		switch e.Kind {
		case unstable.ArrayTable:
			table = key
			clear(options) // only those of one element can be there twice from here
			if arrays[key] == 0 {
				arrays[key] = at.Line
			}
		case unstable.Table:
			table = key
			if first := arrays[key]; first != 0 {
				return &Problem{at, key, fmt.Sprintf("[[%s]] is in line %d, so there can be several of these (write [[%[1]s]], in double brackets)", key, first)}
			}
			if first := sections[key]; first != 0 {
				return &Problem{at, key, fmt.Sprintf("[%s] is in line %d already (write these options below that one, and leave this line out)", key, first)}
			}
			sections[key] = at.Line
		case unstable.KeyValue:
			if table != "" {
				key = table + "." + key
			}
			if first := options[key]; first != 0 {
				return &Problem{at, key, fmt.Sprintf("it is set in line %d already (leave one of them out)", first)}
			}
			options[key] = at.Line
		}
	}
	return nil
}
