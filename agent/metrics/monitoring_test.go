package metrics_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the package ships for monitoring.
const (
	rulesFile     = "../../packaging/prometheus/homeagent.rules.yml"
	storiesFile   = "../../packaging/prometheus/homeagent.rules_test.yml"
	dashboardFile = "../../packaging/grafana/homeagent.json"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A panel is what we look at of one of Grafana's.
type panel struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct{ H, W, X, Y int }
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

type dashboard struct {
	UID        string  `json:"uid"`
	Title      string  `json:"title"`
	Panels     []panel `json:"panels"`
	Templating struct {
		List []struct{ Name, Definition string }
	} `json:"templating"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries are all expressions in PromQL of the rules, their stories and the
// dashboard, by where they stand.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"alert rules": read(t, rulesFile), "stories of the alert rules": read(t, storiesFile)}
	d := readDashboard(t)
	for _, p := range d.Panels {
		for i, target := range p.Targets {
			all[fmt.Sprintf("panel %q, %d", p.Title, i)] = target.Expr
		}
	}
	for _, v := range d.Templating.List {
		all["variable "+v.Name] = v.Definition
	}
	return all
}

var (
	metricName = regexp.MustCompile(`\b(?:homeagent|go|process)_[a-z0-9_]+`)
	selector   = regexp.MustCompile(`\b(homeagent_[a-z0-9_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`([a-z]+)=~?"([^"]*)"`)
)

// family leaves out what a histogram adds to its name.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok && strings.HasSuffix(cut, "_seconds") {
			return cut
		}
	}
	return name
}

// Every metric that an alert or a panel asks for is one that we have.
func TestQueriesAskForWhatIsThere(t *testing.T) {
	t.Parallel()
	_, text := scrape(t, lived(), "")
	found := 0
	for where, query := range queries(t) {
		for _, name := range metricName.FindAllString(query, -1) {
			found++
			if !strings.Contains(text, "\n# TYPE "+family(name)+" ") {
				t.Errorf("%s: there is no metric %s", where, name)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d metrics are asked for", found)
	}
}

// Every value of a label that they select exists, but for those that depend on
// the configuration.
func TestQueriesSelectWhatIsThere(t *testing.T) {
	t.Parallel()
	_, text := scrape(t, lived(), "")
	for where, query := range queries(t) {
		for _, s := range selector.FindAllStringSubmatch(query, -1) {
			for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
				if label := m[1]; slices.Contains([]string{"instance", "job", "peer", "authority", "prefix", "le"}, label) {
					continue
				}
				for value := range strings.SplitSeq(m[2], "|") {
					one := regexp.MustCompile(`(?m)^` + s[1] + `\{.*\b` + m[1] + `="` + value + `"`)
					if !strings.Contains(s[1], "ipsec") && !one.MatchString(text) {
						t.Errorf("%s: %s has no series with %s=%q", where, s[1], m[1], value)
					}
				}
			}
		}
	}
}

// Each alert says how bad it is, what it means and what to do, and has a story
// in which it is raised.
func TestAlertsAreComplete(t *testing.T) {
	t.Parallel()
	rules, stories := read(t, rulesFile), read(t, storiesFile)
	alerts := strings.Split(rules, "- alert: ")[1:]
	if len(alerts) < 20 {
		t.Errorf("only %d alerts are found", len(alerts))
	}
	for _, text := range alerts {
		name, rest, _ := strings.Cut(text, "\n")
		for _, key := range []string{"expr:", "severity: ", "summary: ", "description: ", "action: "} {
			if !strings.Contains(rest, key) {
				t.Errorf("%s has no %s", name, key)
			}
		}
		if !regexp.MustCompile(`severity: (critical|warning|info)\}`).MatchString(rest) {
			t.Errorf("%s has none of the severities", name)
		}
		if !strings.Contains(stories, fmt.Sprintf(`{alertname="%s"}', value: 1}`, name)) {
			t.Errorf("no story raises %s", name)
		}
	}
}

// Panels have names, numbers and places of their own.
func TestDashboardIsWhole(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	if d.UID != "homeagent" || d.Title == "" || len(d.Panels) < 30 {
		t.Errorf("uid %q, title %q, %d panels", d.UID, d.Title, len(d.Panels))
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if p.Title == "" || ids[p.ID] || (p.Type != "row" && len(p.Targets) == 0) {
			t.Errorf("panel %d, %q, has no title, no number of its own or no query", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, is := taken[[2]int{x, y}]; is || x >= 24 {
					t.Errorf("%q lies over %q or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
