package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"homeagent/agent/config"
)

// FuzzLoad loads any text. Whatever is wrong with it is told of a line of the
// file, and nothing is loaded then.
func FuzzLoad(f *testing.F) {
	f.Add(minimal)
	f.Add("[[diameter.peer]]\n[diameter.peer]\nx=1")
	f.Add("a.b.c = [{}]\n[a]\n")
	dir := f.TempDir()
	path := filepath.Join(dir, "homeagent.toml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path)
		if (cfg == nil) == (err == nil) {
			t.Errorf("Load = %v, %v", cfg, err)
		}
		problems, ok := err.(config.Problems)
		if err != nil && (!ok || len(problems) == 0) {
			t.Errorf("Load: %v, want Problems", err)
		}
		for _, p := range problems {
			if p.At.File != path || p.Text == "" || p.At.Line < 0 || p.At.Line > len(text)+1 {
				t.Errorf("problem %+v", p)
			}
		}
	})
}
