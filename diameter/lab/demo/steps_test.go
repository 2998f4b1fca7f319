package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeagent/agent/mobility"
	"homeagent/diameter/lab/mobilenode"
)

func TestAcknowledged(t *testing.T) {
	t.Parallel()
	got := acknowledged(mobilenode.Registration{
		Status: mobility.StatusAccepted, Lifetime: 10 * time.Minute, Sequence: 7, Updates: 1, Took: 4 * time.Millisecond,
	})
	want := "Binding Acknowledgement: accepted for 10m0s, sequence 7, 1 Binding Update(s), 4ms; the IKE_SA stays"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCloseOfAnEmptyScene is what a demonstration that fails in its first step does.
func TestCloseOfAnEmptyScene(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &scene{config: Config{Out: &out}}
	s.explain()
	if err := s.close(); err != nil || out.Len() != 0 {
		t.Errorf("got %v, said %q", err, &out)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	s := &scene{config: Config{Folder: "/demo", Binaries: "build"}}
	got := []string{s.file("ca.pem"), s.binary("homeagentd")}
	if diff := cmp.Diff([]string{"/demo/ca.pem", "build/homeagentd"}, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func TestTitlesFitALine(t *testing.T) {
	t.Parallel()
	for _, s := range new(scene).steps() {
		if len(s.title) > 90 {
			t.Errorf("%q is %d characters long", s.title, len(s.title))
		}
	}
}

func TestTheLastLineIsOneLine(t *testing.T) {
	t.Parallel()
	if strings.Contains(summary, "\n") || !strings.HasPrefix(summary, "You have just seen ") || !strings.HasSuffix(summary, ".") {
		t.Errorf("got %q", summary)
	}
}

func TestWhereFilesCannotBeWritten(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent")
	if _, err := listen(filepath.Join(absent, "notify")); err == nil {
		t.Error("a socket without a folder")
	}
}

// TestListenAgain takes the place of a socket that a demonstration before left.
func TestListenAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	must(t, os.WriteFile(path, nil, 0o600))
	l, err := listen(path)
	must(t, err)
	l.close()
}
