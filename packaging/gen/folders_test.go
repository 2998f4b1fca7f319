package main

import (
	"os"
	"strings"
	"testing"

	"homeagent/agent/config"
)

// The folders that the manual tells of are those that the AppArmor profile opens.
func TestFoldersAreOpen(t *testing.T) {
	t.Parallel()
	profile, err := os.ReadFile("../apparmor/usr.sbin.homeagentd")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range config.Describe() {
		for _, folder := range o.Folders() {
			if run, found := strings.CutPrefix(folder, "/run/"); found {
				folder = "@{run}/" + run
			}
			if !strings.Contains(string(profile), folder+"/*") && !strings.Contains(string(profile), folder+" rw,") {
				t.Errorf("%s: the profile does not open %s", o.Key, folder)
			}
		}
	}
}
