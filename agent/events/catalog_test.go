package events_test

import (
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"homeagent/agent/events"
)

// What is logged at info or above can be looked up; what is for debugging only
// has no message id.
func TestDescriptionsAreComplete(t *testing.T) {
	t.Parallel()
	id := regexp.MustCompile(`^[0-9a-f]{32}$`)
	seen := map[string]events.Kind{}
	for _, d := range events.Describe() {
		if d.Level < slog.LevelInfo {
			if d.MessageID != "" || d.Explanation != "" {
				t.Errorf("%v is for debugging only and has an explanation", d.Kind)
			}
			continue
		}
		if !id.MatchString(d.MessageID) || d.Explanation == "" {
			t.Errorf("%v: message id %q, explanation %q", d.Kind, d.MessageID, d.Explanation)
		}
		if before, ok := seen[d.MessageID]; ok {
			t.Errorf("%v and %v have one message id", before, d.Kind)
		}
		seen[d.MessageID] = d.Kind
		if d.Kind.Alert() && !strings.Contains(d.Explanation, ".") {
			t.Errorf("%v: nothing is said of what to do", d.Kind)
		}
	}
}

// An entry is a line with the id, headers, an empty line and text.
func TestCatalogHasEachMessage(t *testing.T) {
	t.Parallel()
	entry := regexp.MustCompile(`(?m)^-- ([0-9a-f]{32})\nSubject: [A-Z].+\nDefined-By: homeagent\nDocumentation: man:.+\n\n[^-\n]`)
	got := map[string]bool{}
	text := events.Catalog()
	for _, m := range entry.FindAllStringSubmatch(text, -1) {
		got[m[1]] = true
	}
	if n := strings.Count(text, "\n-- "); n != len(got) {
		t.Errorf("%d entries, %d of them right", n, len(got))
	}
	for _, d := range events.Describe() {
		if d.MessageID != "" && !got[d.MessageID] {
			t.Errorf("the catalog lacks %v (%s)", d.Kind, d.MessageID)
		}
		delete(got, d.MessageID)
	}
	if len(got) > 0 {
		t.Errorf("the catalog explains what nobody says: %v", got)
	}
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 90 {
			t.Errorf("a long line: %q", line)
		}
	}
}

// Message ids come from this package's table and from nowhere else.
func TestNoOtherMessageIDs(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, d := range events.Describe() {
		known[d.MessageID] = true
	}
	literal := regexp.MustCompile(`"([0-9a-f]{32})"`)
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "build" || d.Name() == ".git") {
			return orSkip(err)
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(strings.ToLower(string(text)), "message_id") && !known[m[1]] {
				t.Errorf("%s: the message id %s is not in the table of events", path, m[1])
			}
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("%d files, %v", files, err)
	}
}

func orSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

// journalctl itself takes the catalog and finds what it says in it.
func TestJournalctlTakesTheCatalog(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	folder := filepath.Join(root, "usr/lib/systemd/catalog")
	for _, dir := range []string{folder, filepath.Join(root, "var/lib/systemd/catalog")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "homeagent.catalog"), []byte(events.Catalog()), 0o644); err != nil {
		t.Fatal(err)
	}
	journalctl := func(args ...string) string {
		out, err := exec.Command("journalctl", append([]string{"--root", root}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("journalctl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if said := journalctl("--update-catalog"); said != "" {
		t.Errorf("journalctl --update-catalog said:\n%s", said)
	}
	listed := journalctl("--list-catalog")
	for _, d := range events.Describe() {
		if d.MessageID != "" && !strings.Contains(listed, d.MessageID+" homeagent: ") {
			t.Errorf("journalctl --list-catalog lacks %v:\n%s", d.Kind, listed)
		}
	}
	if dump := journalctl("--dump-catalog"); !strings.Contains(dump, "systemctl status strongswan") {
		t.Errorf("journalctl --dump-catalog:\n%s", dump)
	}
}
