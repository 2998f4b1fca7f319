package main

import (
	"os"
	"strings"
	"testing"

	"homeagent/agent/config"
)

func epoch(string) (string, bool) { return "1767312000", true }

// Every option of the configuration is in its manual page, in a section that
// the page introduces and that is written as in the sample.
func TestConfigPageIsComplete(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"homeagent.toml.5"}, epoch, &out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if !strings.HasPrefix(page, ".Dd January 2, 2026\n.Dt HOMEAGENT.TOML 5\n") {
		t.Errorf("the page begins with %.60q", page)
	}
	sample, err := os.ReadFile("../../agent/config/homeagent.toml")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]section{}
	for _, s := range sections {
		known[s.name] = s
	}
	options := config.Describe()
	for _, o := range options {
		s, ok := known[sectionOf(o.Key)]
		if !ok {
			t.Errorf("the section of %s has no introduction", o.Key)
			continue
		}
		if !strings.Contains(string(sample), heading(s)+"\n") {
			t.Errorf("the sample has no %s", heading(s))
		}
	}
	if got := strings.Count(page, "\n.It Va "); got != len(options) {
		t.Errorf("the page describes %d options, want %d", got, len(options))
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"homeagent.conf"}, {"homeagent.toml.5", "x"}} {
		if err := run(args, epoch, &strings.Builder{}); err == nil {
			t.Errorf("run(%q) succeeded", args)
		}
	}
}

func TestDateIsTodayWithoutEpoch(t *testing.T) {
	t.Parallel()
	if date(func(string) (string, bool) { return "", false }).Year() < 2026 {
		t.Error("the page has no date of today")
	}
}

func TestCatalogIsPrinted(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"homeagent.catalog"}, epoch, &out); err != nil || !strings.Contains(out.String(), "\nDefined-By: homeagent\n") {
		t.Errorf("%v: %.200s", err, out.String())
	}
}
