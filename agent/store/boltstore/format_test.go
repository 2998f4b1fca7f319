package boltstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"homeagent/agent/store"
	"homeagent/agent/store/storetest"
	"homeagent/ike/psk"
)

// records1 are records as homeagentds of format 1 wrote them, the earliest and the
// latest of them, by bucket and key.
func records1() map[string]map[string]string {
	agent := netip.MustParseAddr("2001:db8:1::1")
	const early = `{"id":"aaah;1;1","hoa":"2001:db8:1::1001","ha":"2001:db8:1::1","key_id":5,"key":"AAAAAAAAAAEAAAAAAAAAAAAAAAA=",` +
		`"print":%s,"authorized":"2026-11-23T02:17:00Z"%s}`
	print, err := json.Marshal(psk.NewAAAKey(agent.AsSlice()).Fingerprint())
	if err != nil {
		panic(err) // a fingerprint has a text
	}
	return map[string]map[string]string{
		string(sessionBucket): {
			"early@example.com": fmt.Sprintf(early, print, ""),
			"late@example.com":  fmt.Sprintf(early, print, `,"reqid":1000007,"rr_sa":true,"payload_sa":true`),
		},
		string(leaseBucket): {
			"early@example.com": `{"hoa":"2001:db8:1::1001"}`,
			"gone@example.com":  `{"hoa":"2001:db8:1::1003","released":"2026-11-23T02:00:00Z"}`,
		},
		string(bindingBucket): {
			string(bindingKey(netip.MustParseAddr("2001:db8:1::1001"))): `{"coa":"2001:db8:2::5","ha":"2001:db8:1::1","seq":9,"flags":52224,"life":900,` +
				`"registered":"2026-11-23T02:17:00Z","expires":"2026-11-23T03:17:00Z"}`,
		},
	}
}

// format1 makes a store of format 1.
func format1(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state.db")
	s, err := format{version: 1}.open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		for bucket, records := range records1() {
			for key, body := range records {
				if err := tx.Bucket([]byte(bucket)).Put([]byte(key), seal([]byte(key), []byte(body))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file of format 1 is brought up to date with all that it holds, and is what no
// homeagentd of format 1 takes for its own any more.
func TestUpgradeOfFormat1(t *testing.T) {
	t.Parallel()
	path := format1(t)
	before, err := Inspect(path)
	if err != nil || before.Version != 1 {
		t.Fatalf("Inspect = %+v, %v, want version 1", before, err)
	}
	var log bytes.Buffer
	s, err := Open(path, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if said := log.String(); !strings.Contains(said, "to go back, stop the daemon") || !strings.Contains(said, "copy="+path+".format1") || !strings.Contains(said, "from=1 to=2") {
		t.Errorf("it said %s", said)
	}
	want := before
	want.Version = 2
	if diff := storetest.Diff(want, s.Meta()); diff != "" {
		t.Errorf("Meta (-want +got):\n%s", diff)
	}
	got := storetest.Take(t, s)
	early, late := got.Sessions["early@example.com"], got.Sessions["late@example.com"]
	if early.KeyID != 5 || early.PSK.IsZero() || early.RoutabilitySA || early.PayloadSA {
		t.Errorf("a session of long ago: %+v", early)
	}
	if late.ReqID != 1000007 || !late.RoutabilitySA || !late.PayloadSA {
		t.Errorf("a session of the last homeagentd: %+v", late)
	}
	gone := store.Lease{
		UserName: "gone@example.com", Address: netip.MustParseAddr("2001:db8:1::1003"),
		Released: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC),
	}
	if diff := storetest.Diff(gone, got.Leases[gone.UserName]); diff != "" {
		t.Errorf("a lease (-want +got):\n%s", diff)
	}
	if len(got.Sessions) != 2 || len(got.Leases) != 2 || len(got.Bindings) != 1 {
		t.Errorf("%d sessions, %d leases, %d bindings", len(got.Sessions), len(got.Leases), len(got.Bindings))
	}
	gone.Former = []store.Former{{Address: gone.Address.Next(), Released: gone.Released}}
	if err := s.Apply(t.Context(), store.PutLease{Lease: gone}); err != nil {
		t.Fatal(err)
	}
	want2 := storetest.Take(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refusedDowngrade(t, path, want2)
	downgraded(t, path+".format1", got)
}

// downgraded has a homeagentd of format 1 open the copy of before the migration.
func downgraded(t *testing.T, copied string, want storetest.Snapshot) {
	t.Helper()
	if info, err := os.Stat(copied); err != nil || info.Mode() != mode {
		t.Errorf("the copy: %v, %v, want a file of mode 0600", info, err)
	}
	s, err := format{version: 1}.open(copied, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if diff := storetest.Diff(want, storetest.Take(t, s)); diff != "" {
		t.Errorf("in the copy (-want +got):\n%s", diff)
	}
}

// A copy that is there stays, and one that cannot be kept stops the migration, as does a
// key that is not the store's.
func TestUpgradeKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	path := format1(t)
	if err := os.WriteFile(path+".format1", []byte("earlier"), mode); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := Open(path, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if text, err := os.ReadFile(path + ".format1"); string(text) != "earlier" || !strings.Contains(log.String(), "there was one already") {
		t.Errorf("the copy is %q, %v; it said %s", text, err, log.String())
	}
	if files, err := os.ReadDir(filepath.Dir(path)); len(files) != 2 {
		t.Errorf("left behind: %v, %v", files, err)
	}

	path = format1(t)
	db, err := openFile(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := keep(db, filepath.Join(path, "no", "folder")); err == nil {
		t.Error("a copy in no folder was kept")
	}
}

func TestUpgradeNeedsTheKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	sealer, err := store.NewSealer([store.SealKeySize]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := format{version: 1}.open(path, Options{Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(path, Options{}); !errors.Is(err, ErrSealed) {
		t.Errorf("Open without the key: %v, want ErrSealed", err)
	}
	if m, err := Inspect(path); m.Version != 1 || err != nil {
		t.Errorf("it is of format %d now, %v", m.Version, err)
	}
}

// refusedDowngrade has a homeagentd of format 1 open a store, which must hold the
// same as before then.
func refusedDowngrade(t *testing.T, path string, want storetest.Snapshot) {
	t.Helper()
	_, err := format{version: 1}.open(path, Options{})
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "its format is 2, this homeagentd knows up to 1") ||
		!strings.Contains(err.Error(), "install that version again") {
		t.Errorf("a homeagentd of format 1: %v, want ErrNewer with what to do", err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if diff := storetest.Diff(want, storetest.Take(t, s)); diff != "" {
		t.Errorf("after the refusal (-want +got):\n%s", diff)
	}
}
