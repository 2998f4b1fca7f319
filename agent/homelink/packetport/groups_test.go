package packetport

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A kernel is a joiner that writes down what it is told.
type kernel struct {
	log     []string
	room    int // for groups
	allFail error
}

func (k *kernel) join(group netip.Addr) error {
	if k.room == 0 {
		return errors.New("no room")
	}
	k.room--
	k.log = append(k.log, "join "+group.String())
	return nil
}

func (k *kernel) leave(group netip.Addr) error {
	k.room++
	k.log = append(k.log, "leave "+group.String())
	return nil
}

func (k *kernel) all(on bool) error {
	if k.allFail != nil {
		return k.allFail
	}
	k.log = append(k.log, fmt.Sprintf("all %t", on))
	return nil
}

func (k *kernel) close() { k.log = append(k.log, "close") }

func group(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("ff02::1:ff00:%d", i)) }

func TestGroups(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		room, limit    int
		do             string // j1: join group 1, l1: leave it
		want           []string
		joined, beyond int
	}{
		{name: "within the limit", room: 9, limit: 2, do: "j1 j2 l1", want: []string{"join ff02::1:ff00:1", "join ff02::1:ff00:2", "leave ff02::1:ff00:1"}, joined: 1},
		{name: "beyond the limit", room: 9, limit: 1, do: "j1 j2 j3", want: []string{"join ff02::1:ff00:1", "all true"}, joined: 1, beyond: 2},
		{name: "back by leaving the latter", room: 9, limit: 1, do: "j1 j2 j3 l3 l2", want: []string{"join ff02::1:ff00:1", "all true", "all false"}, joined: 1},
		{name: "back by leaving the former", room: 9, limit: 1, do: "j1 j2 l1", want: []string{"join ff02::1:ff00:1", "all true", "leave ff02::1:ff00:1", "join ff02::1:ff00:2", "all false"}, joined: 1},
		{name: "no room in the kernel", room: 0, limit: 5, do: "j1 l1", want: []string{"all true", "all false"}},
		{name: "unknown group", room: 1, limit: 5, do: "l1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := &kernel{room: tt.room}
			g := newGroups(k, tt.limit)
			for _, step := range strings.Fields(tt.do) {
				act, i := g.join, int(step[1]-'0')
				if step[0] == 'l' {
					act = g.leave
				}
				if err := act(group(i)); err != nil {
					t.Errorf("%s: %v", step, err)
				}
			}
			if diff := cmp.Diff(tt.want, k.log); diff != "" {
				t.Errorf("unexpected calls (-want +got):\n%s", diff)
			}
			if joined, beyond := g.sizes(); joined != tt.joined || beyond != tt.beyond {
				t.Errorf("%d joined and %d beyond, want %d and %d", joined, beyond, tt.joined, tt.beyond)
			}
		})
	}
}

func TestGroupsFail(t *testing.T) {
	t.Parallel()
	k := &kernel{allFail: errors.New("not permitted")}
	g := newGroups(k, 1)
	if err := g.join(group(1)); !errors.Is(err, k.allFail) {
		t.Errorf("%v, want %v", err, k.allFail)
	}
	if joined, beyond := g.sizes(); joined+beyond != 0 {
		t.Errorf("%d joined and %d beyond after an error", joined, beyond)
	}
	g.close()
	if !slices.Equal(k.log, []string{"close"}) {
		t.Errorf("calls %q", k.log)
	}
}
