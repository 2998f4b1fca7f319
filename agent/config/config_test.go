package config_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeagent/agent/config"
	"homeagent/diameter/dictionary"
)

// minimal is the least that works.
const minimal = `
[diameter]
identity = "ha.example.com"
realm = "example.com"
[[diameter.listen]]
address = "[::1]:3868"
tls = false
[[diameter.peer]]
identity = "aaah.example.com"
secured = "loopback"
[home_agent]
addresses = ["2001:db8:1::1"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
`

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	return config.Load(write(t, t.TempDir(), "homeagent.toml", text))
}

func TestMinimalGetsDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(t, minimal)
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		Diameter: config.Diameter{
			Identity: "ha.example.com", Realm: "example.com",
			Listen: []config.Listen{{Address: "[::1]:3868"}}, StrictVector: true,
			Watchdog: 30 * time.Second, Reconnect: 30 * time.Second, Codes: dictionary.Default(),
			Peers: []config.Peer{{Identity: "aaah.example.com", Secured: config.Loopback}},
		},
		HomeAgent: config.HomeAgent{Addresses: []netip.Addr{netip.MustParseAddr("2001:db8:1::1")}},
		Prefixes:  []config.HomePrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}},
		IKE:       config.IKE{Socket: "/run/charon.vici", Identity: "ha.example.com", Window: 500, ReqID: 1001, DPD: 2 * time.Minute},
		Mobility: config.Mobility{
			HomeLink: config.Virtual, MaxLifetime: time.Hour, HoldDown: 10 * time.Minute,
			TunnelMTU: 1460, TunnelDevice: "mip6",
		},
		Store:   config.Store{Path: "/var/lib/homeagent/state.db", Credential: "store-key"},
		Control: config.Control{Socket: "/run/homeagent/control.sock"},
		Limits:  config.Limits{EffectTimeout: 10 * time.Second, Remembered: 100000},
		Log:     config.Log{Level: "info"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestEverythingIsTaken(t *testing.T) {
	t.Parallel()
	got, err := load(t, `
[diameter]
identity = "ha.example.com"
realm = "example.com"
certificate = "/c"
key = "/k"
ca = "/a"
[[diameter.listen]]
address = "2001:db8:1::1"
[[diameter.peer]]
identity = "aaah.example.com"
realm = "example.com"
connect = "[2001:db8:53::1]:5868"
bootstrapper = true
fixed_key_id = -7
origins = ["aaa1.example.com"]
relays = ["relay.example.com"]
user_realms = ["example.com", "example.net"]
legacy_ipaddress = true
[diameter.codes]
vendor = 10415
[home_agent]
addresses = ["2001:db8:1::1", "2001:db8:1::2"]
[[home_prefix]]
prefix = "2001:db8:1::/64"
first = "2001:db8:1::1000"
last = "2001:db8:1::1fff"
reserved = ["2001:db8:1::1001"]
[mobility]
home_link = "physical"
interface = "eth0"
[[mobility.network]]
user_name = "r@example.com"
prefix = "2001:db8:100::/56"
`)
	if err != nil {
		t.Fatal(err)
	}
	id := int32(-7)
	want := config.Peer{
		Identity: "aaah.example.com", Realm: "example.com", Connect: "[2001:db8:53::1]:5868", Secured: config.TLS,
		Bootstrapper: true, FixedKeyID: &id, Origins: []string{"aaa1.example.com"}, Relays: []string{"relay.example.com"},
		UserRealms: []string{"example.com", "example.net"}, LegacyIPAddress: true,
	}
	if diff := cmp.Diff(want, got.Diameter.Peers[0]); diff != "" {
		t.Errorf("peer (-want +got):\n%s", diff)
	}
	if !got.Diameter.Listen[0].TLS || got.Diameter.Codes.Vendor != 10415 || len(got.HomeAgent.Addresses) != 2 ||
		got.Prefixes[0].Last != netip.MustParseAddr("2001:db8:1::1fff") || got.Mobility.Networks[0].UserName != "r@example.com" {
		t.Errorf("config = %+v", got)
	}
}

func TestProblemsNameTheirPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, want string
	}{
		{"unknown option", minimal + "[ike]\nwindoww = 5\n", `:16: ike\.windoww: there is no such option \(did you mean ike\.window\?\)`},
		{"unknown section", minimal + "[metrix]\n", `:15: metrix: there is no such section`},
		{"a number for a word", minimal + "[log]\nlevel = 3\n", `:16: log\.level: is 3 \(expected one of "debug"`},
		{"a word that is none of them", minimal + "[log]\nlevel = \"loud\"\n", `:16: log\.level: is "loud" \(expected one of`},
		{"out of range", minimal + "[ike]\nwindow = 1\n", `:16: ike\.window: is 1 \(expected a number from 2 to 2000\)`},
		{"no duration", minimal + "[mobility]\nhold_down = \"soon\"\n", `:16: mobility\.hold_down: is "soon" \(expected a duration such as`},
		{"bad address", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:1::g\"", 1), `:12: home_agent\.addresses: element 1 is "2001:db8:1::g" \(expected a unicast IPv6`},
		{"an IPv4 address", strings.Replace(minimal, "2001:db8:1::1\"", "192.0.2.1\"", 1), `:12: home_agent\.addresses: element 1`},
		{"a multicast address", strings.Replace(minimal, "2001:db8:1::1\"", "ff02::1\"", 1), `:12: home_agent\.addresses: element 1`},
		{"host bits in a prefix", strings.Replace(minimal, "::/64", "::5/64", 1), `:14: home_prefix\.prefix: is "2001:db8:1::5/64" \(expected an IPv6 prefix`},
		{"not an array", strings.Replace(minimal, `["2001:db8:1::1"]`, `"2001:db8:1::1"`, 1), `:12: home_agent\.addresses: is "2001:db8:1::1" \(expected an array`},
		{"missing identity", strings.Replace(minimal, `identity = "ha.example.com"`, "", 1), `: diameter\.identity: this must be set`},
		{"missing in an element", strings.Replace(minimal, `identity = "aaah.example.com"`, "", 1), `:8: diameter\.peer\.identity: this must be set`},
		{"single brackets", minimal + "[home_prefix]\n", `:15: .*already exists as an array of tables`},
		{"no TOML", minimal + "x = = 1\n", `:15: .*no TOML`},
		{"a peer twice", minimal + "[[diameter.peer]]\nidentity = \"AAAH.example.com\"\nsecured = \"loopback\"\n", `:16: diameter\.peer\[1\]\.identity: "AAAH\.example\.com" is listed already`},
		{"the home agent as a peer", strings.Replace(minimal, "aaah.", "ha.", 1), `:9: diameter\.peer\[0\]\.identity: this is the home agent itself`},
		{"TLS without files", strings.Replace(minimal, "tls = false", "tls = true", 1), `:7: diameter\.ca: this must be set, because TLS is used here`},
		{"a peer that cannot connect", strings.Replace(minimal, "loopback", "tls", 1), `no \[\[diameter\.listen\]\] has tls = true`},
		{"loopback from afar", minimal + "[[diameter.peer]]\nidentity = \"b.example.com\"\nsecured = \"loopback\"\nconnect = \"[2001:db8::5]:3868\"\n", `:18: diameter\.peer\[1\]\.connect: 2001:db8::5 is not a loopback address`},
		{"a bad port", strings.Replace(minimal, "3868", "99999", 1), `:6: diameter\.listen\[0\]\.address: .*no number from 0 to 65535`},
		{"overlapping prefixes", minimal + "[[home_prefix]]\nprefix = \"2001:db8::/32\"\n", `:16: home_prefix\[1\]\.prefix: 2001:db8::/32 overlaps 2001:db8:1::/64`},
		{"a range outside", strings.Replace(minimal, "::/64\"", "::/64\"\nfirst = \"2001:db8:2::1\"", 1), `:15: home_prefix\[0\]\.first: 2001:db8:2::1 is not in`},
		{"home agent off the link", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:9::1\"", 1) + "[mobility]\nhome_link = \"physical\"\ninterface = \"eth0\"\n", `:12: home_agent\.addresses: 2001:db8:9::1 is on none of the home prefixes`},
		{"physical without interface", minimal + "[mobility]\nhome_link = \"physical\"\n", `:16: mobility\.interface: a physical home link needs`},
		{"codes that clash", minimal + "[diameter.codes]\naaa_key = 3\n", `diameter\.codes`},
		{"a network in a home prefix", minimal + "[[mobility.network]]\nuser_name = \"r\"\nprefix = \"2001:db8:1::/96\"\n", `:17: mobility\.network\[0\]\.prefix: .* overlaps the home prefix`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tt.text)
			if err == nil || !regexp.MustCompile(`homeagent\.toml`+`.*`+tt.want).MatchString(err.Error()) {
				t.Errorf("Load: %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestAllProblemsAtOnceInOrder(t *testing.T) {
	t.Parallel()
	_, err := load(t, minimal+"[ike]\nwindow = 1\nreqid = 0\n[log]\nlevel = 1\n")
	problems, ok := err.(config.Problems)
	if !ok || len(problems) != 3 || problems[0].At.Line != 16 || problems[2].Key != "log.level" {
		t.Errorf("Load: %v", err)
	}
}

func TestFolderAddsAndReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "homeagent.toml", minimal)
	write(t, dir, "conf.d/10-a.toml", "[log]\nlevel = \"warn\"\n[[diameter.peer]]\nidentity = \"b.example.com\"\nsecured = \"loopback\"\n")
	write(t, dir, "conf.d/20-b.toml", "[log]\nlevel = \"debug\"\n")
	write(t, dir, "conf.d/ignored.txt", "nonsense")
	got, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Log.Level != "debug" || len(got.Diameter.Peers) != 2 || got.Diameter.Peers[1].Identity != "b.example.com" {
		t.Errorf("config = %+v", got)
	}
	write(t, dir, "conf.d/30-c.toml", "[log]\nlevel = \"loud\"\n")
	if _, err := config.Load(path); err == nil || !strings.Contains(err.Error(), "30-c.toml:2: log.level") {
		t.Errorf("a problem in the folder: %v", err)
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load(filepath.Join(t.TempDir(), "none.toml"))
	if err == nil || !strings.Contains(err.Error(), "--config FILE") {
		t.Errorf("Load: %v", err)
	}
}

// The sample says the truth: it is right as it stands, shows every option, and
// the defaults that it shows are the defaults.
func TestSample(t *testing.T) {
	t.Parallel()
	got, err := config.Load("homeagent.toml")
	if err != nil {
		t.Fatal(err)
	}
	if got.Diameter.Codes != dictionary.Default() {
		t.Errorf("codes = %+v", got.Diameter.Codes)
	}
	text, err := os.ReadFile("homeagent.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range config.Describe() {
		name := o.Key[strings.LastIndex(o.Key, ".")+1:]
		shown := regexp.MustCompile(`(?m)^(# )?`+name+` = (.*)$`).FindAllSubmatch(text, -1)
		if len(shown) == 0 {
			t.Errorf("the sample does not show %s", o.Key)
			continue
		}
		commented := func(m [][]byte) bool { return len(m[1]) > 0 && o.Default != "" && bytes.Equal(m[2], []byte(o.Default)) }
		for _, m := range shown {
			if len(m[1]) > 0 && o.Default != "" && !commented(m) && len(shown) == 1 {
				t.Errorf("the sample shows %s for %s, whose default is %s", m[2], o.Key, o.Default)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range config.Describe() {
		if o.Help == "" || o.Type == "" || !strings.HasSuffix(o.Help, ".") || seen[o.Key] || o.Required && o.Default != "" {
			t.Errorf("option %+v", o)
		}
		seen[o.Key] = true
	}
}

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
	})
}
