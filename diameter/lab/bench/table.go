package bench

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Table has a heading and rows of as many cells. The first column is words, the
// others are figures.
type Table struct {
	head []string
	rows [][]string
}

// NewTable returns a table without rows.
func NewTable(head ...string) *Table { return &Table{head: head} }

// Row adds a row. Cells that are missing at the end are left empty.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(t.head))
	copy(row, cells)
	t.rows = append(t.rows, row)
}

// String lays the table out.
func (t Table) String() string {
	widths := make([]int, len(t.head))
	all := append([][]string{t.head}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range all {
		line(&b, row, widths)
		if n == 0 {
			rule := make([]string, len(widths))
			for i, w := range widths {
				rule[i] = strings.Repeat("-", w)
			}
			line(&b, rule, widths)
		}
	}
	return b.String()
}

func line(b *strings.Builder, cells []string, widths []int) {
	for i, cell := range cells {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i == 0 {
			b.WriteString(cell + pad)
			continue
		}
		b.WriteString("  " + pad + cell)
	}
	b.WriteByte('\n')
}

// Millis is a time as a cell of a table, in milliseconds.
func Millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

// PerSecond is a rate as a cell of a table.
func PerSecond(rate float64) string { return fmt.Sprintf("%.0f", rate) }

// Ratio is a ratio as a cell of a table.
func Ratio(r float64) string { return fmt.Sprintf("%.2f", r) }
