package config_test

import (
	"fmt"
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
		IKE:       config.IKE{Socket: "/run/charon.vici", Identity: "ha.example.com", Window: 500, DPD: 2 * time.Minute},
		Mobility: config.Mobility{
			HomeLink: config.Virtual, MaxLifetime: time.Hour, HoldDown: 10 * time.Minute,
			TunnelMTU: 1460, TunnelDevice: "mip6", RouteOptimization: true,
			MinPrefixInterval: 10 * time.Minute, MaxPrefixInterval: 24 * time.Hour,
			PayloadProtection: config.PermitPayloadProtection,
		},
		Store:   config.Store{Path: "/var/lib/homeagent/state.db", Credential: "store-key"},
		Control: config.Control{Socket: "/run/homeagent/control.sock"},
		Metrics: config.Metrics{Listen: "127.0.0.1:9868"},
		Limits:  config.Limits{EffectTimeout: 5 * time.Second, Remembered: 100000},
		Log:     config.Log{Level: "info"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(config.Config{}), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
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
valid_lifetime = "2027-01-31T00:00:00Z"
preferred_lifetime = "24h"
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
	if p := got.Prefixes[0]; p.Valid.String() != "2027-01-31T00:00:00Z" || p.Preferred.String() != "24h0m0s" {
		t.Errorf("lifetimes of the prefix: %v and %v", p.Valid, p.Preferred)
	}
}

func TestProblemsNameTheirPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, want string
	}{
		{"unknown option", minimal + "[ike]\nwindoww = 5\n", `:16: ike\.windoww: there is no such option \(did you mean ike\.window\?\)`},
		{"unknown section", minimal + "[metrix]\n", `:15: metrix: there is no such section \(did you mean \[metrics\]\?\)$`},
		{"unknown section with options", minimal + "[mobilty]\ntunnel_mtu = 1400\n", `:15: mobilty: there is no such section \(did you mean \[mobility\]\?\)$`},
		{"unknown sections of an array", minimal + "[[mobile_nodes]]\nuser_name = \"a\"\n", `:15: mobile_nodes: there is no such section \(did you mean \[\[mobile_node\]\]\?\)$`},
		{"no section at all", minimal + "[gardening]\n", `:15: gardening: there is no such section \(homeagent\.toml\(5\) lists all\)`},
		{"a section twice", minimal + "[control]\n[control]\ngroup = \"adm\"\n", `:16: control: \[control\] is in line 15 already \(write these options below that one, and leave this line out\)$`},
		{"an option twice", minimal + "[control]\ngroup = \"x\"\ngroup = \"adm\"\n", `:17: control\.group: it is set in line 16 already \(leave one of them out\)$`},
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
		{"single brackets", minimal + "[home_prefix]\n", `:15: home_prefix: \[\[home_prefix\]\] is in line 13, so there can be several of these \(write \[\[home_prefix\]\], in double brackets\)$`},
		{"no TOML", minimal + "x = = 1\n", `:15: .*no TOML`},
		{"a peer twice", minimal + "[[diameter.peer]]\nidentity = \"AAAH.example.com\"\nsecured = \"loopback\"\n", `:16: diameter\.peer\.identity: "AAAH\.example\.com" is listed already`},
		{"the home agent as a peer", strings.Replace(minimal, "aaah.", "ha.", 1), `:9: diameter\.peer\.identity: this is the home agent itself`},
		{"TLS without files", strings.Replace(minimal, "tls = false", "tls = true", 1), `:7: diameter\.ca: this must be set, because TLS is used here`},
		{"a peer that cannot connect", strings.Replace(minimal, "loopback", "tls", 1), `no \[\[diameter\.listen\]\] has tls = true`},
		{"loopback from afar", minimal + "[[diameter.peer]]\nidentity = \"b.example.com\"\nsecured = \"loopback\"\nconnect = \"[2001:db8::5]:3868\"\n", `:18: diameter\.peer\.connect: 2001:db8::5 is not a loopback address`},
		{"a bad port", strings.Replace(minimal, "3868", "99999", 1), `:6: diameter\.listen\.address: .*no number from 1 to 65535`},
		{"overlapping prefixes", minimal + "[[home_prefix]]\nprefix = \"2001:db8::/32\"\n", `:16: home_prefix\.prefix: 2001:db8::/32 overlaps 2001:db8:1::/64`},
		{"a range outside", strings.Replace(minimal, "::/64\"", "::/64\"\nfirst = \"2001:db8:2::1\"", 1), `:15: home_prefix\.first: 2001:db8:2::1 is not in`},
		{"home agent off the link", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:9::1\"", 1) + "[mobility]\nhome_link = \"physical\"\ninterface = \"eth0\"\n", `:12: home_agent\.addresses: 2001:db8:9::1 is on none of the home prefixes`},
		{"physical without interface", minimal + "[mobility]\nhome_link = \"physical\"\n", `:16: mobility\.interface: a physical home link needs`},
		{"codes that clash", minimal + "[diameter.codes]\naaa_key = 3\n", `diameter\.codes`},
		{"a home prefix without a home agent", minimal + "[[home_prefix]]\nprefix = \"2001:db8:9::/64\"\n", `:16: home_prefix\.prefix: none of home_agent\.addresses is in 2001:db8:9::/64`},
		{"a network in a home prefix", minimal + "[[mobility.network]]\nuser_name = \"r\"\nprefix = \"2001:db8:1::/96\"\n", `:17: mobility\.network\.prefix: .* overlaps the home prefix`},
		{"an option of another section", minimal + "[log]\nwindow = 5\n", `:16: log\.window: there is no such option \(did you mean ike\.window\?\)`},
		{"an option of nowhere", minimal + "[log]\nxyzzy = 5\n", `:16: log\.xyzzy: there is no such option \(homeagent\.toml\(5\) lists all\)`},
		{"double brackets", minimal + "[[log]]\n", `:15: log: there is only one of these \(write \[log\]`},
		{"an inline section", minimal + "[store]\n[mobility]\nnetwork = [{user_name = \"r\"}]\n", `:17: mobility\.network: this is a section \(write each as \[\[mobility\.network\]\]`},
		{"an inline table", "log = {level = \"info\"}\n" + minimal, `:1: log: this is a section \(write \[log\]`},
		{"a range backwards", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:1::2-2001:db8:1::1\"", 1), `:12: home_agent\.addresses: element 1 is .* a range of up to 1000`},
		{"a range without end", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:1::2-\"", 1), `:12: home_agent\.addresses: element 1`},
		{"a large range", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:1::1-2001:db8:1::1:0\"", 1), `:12: home_agent\.addresses: element 1`},
		{"an address twice", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:1::1\", \"2001:db8:1::-2001:db8:1::3\"", 1), `:12: home_agent\.addresses: 2001:db8:1::1 is listed twice`},
		{"no addresses", strings.Replace(minimal, `"2001:db8:1::1"`, "", 1), `:12: home_agent\.addresses: no address is listed`},
		{"too many addresses", strings.Replace(minimal, "2001:db8:1::1\"", "2001:db8:1::1-2001:db8:1::3e0\", \"2001:db8:2::1-2001:db8:2::3e0\"", 1), `:12: home_agent\.addresses: 1984 addresses are listed \(at most 1000\)`},
		{"a link-local prefix", strings.Replace(minimal, "2001:db8:1::/64", "fe80::/64", 1), `:14: home_prefix\.prefix: is "fe80::/64"`},
		{"a range backwards in a prefix", strings.Replace(minimal, "::/64\"", "::/64\"\nfirst = \"2001:db8:1::9\"\nlast = \"2001:db8:1::8\"", 1), `:16: home_prefix\.last: 2001:db8:1::8 comes before first`},
		{"only reserved addresses", strings.Replace(minimal, "::/64\"", "::/64\"\nlast = \"2001:db8:1::1\"", 1), `:14: home_prefix\.prefix: no home address can be given: .* has only reserved addresses`},
		{"reserved elsewhere", strings.Replace(minimal, "::/64\"", "::/64\"\nreserved = [\"2001:db8:2::1\"]", 1), `:15: home_prefix\.reserved: 2001:db8:2::1 is not in`},
		{"no prefix", strings.Replace(minimal, "[[home_prefix]]\nprefix = \"2001:db8:1::/64\"", "", 1), `: home_prefix: no home prefix is listed`},
		{"no peer", strings.Replace(minimal, "[[diameter.peer]]\nidentity = \"aaah.example.com\"\nsecured = \"loopback\"", "", 1), `:2: diameter\.peer: no peer is listed`},
		{"a listener twice", minimal + "[[diameter.listen]]\naddress = \"[::1]:3868\"\ntls = false\n", `:16: diameter\.listen\.address: \[::1\]:3868 is listed already`},
		{"a listener in another spelling", minimal + "[[diameter.listen]]\naddress = \"0::1\"\ntls = false\n", `:16: diameter\.listen\.address: 0::1 is the same address and port as \[::1\]:3868, which is listed already`},
		{"a listener everywhere", minimal + "[[diameter.listen]]\naddress = \":3868\"\n", `:16: diameter\.listen\.address: :3868 is on the same port as \[::1\]:3868, and one of them is for all addresses`},
		{"no port", strings.Replace(minimal, ":3868", ":0", 1), `:6: diameter\.listen\.address: .* no number from 1 to 65535`},
		{"half a bracket", strings.Replace(minimal, "[::1]:3868", "[::1", 1), `:6: diameter\.listen\.address: is "\[::1"`},
		{"a port with a sign", strings.Replace(minimal, ":3868", ":+3868", 1), `:6: diameter\.listen\.address: .* no number from 1`},
		{"no host to connect to", minimal + "[[diameter.peer]]\nidentity = \"b.example.com\"\nsecured = \"loopback\"\nconnect = \"a b\"\n", `:18: diameter\.peer\.connect: is "a b"`},
		{"a virtual link with an interface", minimal + "[mobility]\ninterface = \"eth0\"\n", `mobility\.interface: a physical home link needs`},
		{"no interface name", minimal + "[mobility]\ninterface = \"sixteen-letters0\"\n", `:16: mobility\.interface: is "sixteen-letters0" \(expected a name of a network interface`},
		{"no credential name", minimal + "[store]\ncredential = \"../key\"\n", `:16: store\.credential: is "../key" \(expected a name of letters`},
		{"a long socket", minimal + "[control]\nsocket = \"/" + strings.Repeat("x", 107) + "\"\n", `:16: control\.socket: is .* \(expected a path of at most 107 octets`},
		{"a relative path", minimal + "[store]\npath = \"state.db\"\n", `:16: store\.path: is "state.db" \(expected a path that begins with /\)`},
		{"no lifetime", minimal + "valid_lifetime = \"never\"\n", `:15: home_prefix\.valid_lifetime: is "never" \(expected "forever", a duration such as`},
		{"preferred for longer than valid", minimal + "valid_lifetime = \"1h\"\npreferred_lifetime = \"61m\"\n", `:16: home_prefix\.preferred_lifetime: 1h1m0s is longer than valid_lifetime, 1h0m0s`},
		{"a late refresh request", minimal + "[mobility]\nrefresh_request = \"3s\"\n", `:16: mobility\.refresh_request: 3s is too short \(must be 0s or at least 4s\)`},
		{"H44: intervals of advertisements", minimal + "[mobility]\nmax_prefix_advertisement_interval = \"5m\"\n", `:16: mobility\.max_prefix_advertisement_interval: 5m is shorter than mobility\.min_prefix_advertisement_interval, 10m`},
		{"a short hold-down", minimal + "[mobility]\nhold_down = \"4s\"\n", `:16: mobility\.hold_down: 4s is too short \(must be at least limits.effect_timeout, 5s\)`},
		{"a network in another", minimal + "[[mobility.network]]\nuser_name = \"a\"\nprefix = \"2001:db8:9:1::/64\"\n[[mobility.network]]\nuser_name = \"b\"\nprefix = \"2001:db8:9::/48\"\n", `:17: mobility\.network\.prefix: 2001:db8:9:1::/64 overlaps 2001:db8:9::/48`},
		{"a date", minimal + "[log]\nlevel = 2026-11-23\n", `:16: log\.level: is a LocalDate`},
		{"a fraction", minimal + "[ike]\nwindow = 2.5\n", `:16: ike\.window: is a Float`},
		{"a number beyond all", minimal + "[ike]\nwindow = 9223372036854775808\n", `:16: .*no TOML`},
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

// What follows from another problem is not reported beside it, and what does
// not is.
func TestNothingIsReportedTwice(t *testing.T) {
	t.Parallel()
	_, err := load(t, strings.NewReplacer("::/64", "::5/64", "3868", "99999", `"loopback"`, `"lookback"`).Replace(minimal))
	problems, ok := err.(config.Problems)
	if !ok || len(problems) != 3 {
		t.Fatalf("Load: %v", err)
	}
	for i, want := range []string{"diameter.listen.address", "diameter.peer.secured", "home_prefix.prefix"} {
		if problems[i].Key != want {
			t.Errorf("problem %d is %v, want one of %s", i, problems[i], want)
		}
	}
}

func TestMissingOptionsInOrder(t *testing.T) {
	t.Parallel()
	for range 5 {
		_, err := load(t, "")
		var keys []string
		if problems, ok := err.(config.Problems); ok {
			for _, p := range problems {
				keys = append(keys, p.Key)
			}
		}
		want := []string{"diameter.identity", "diameter.peer", "diameter.realm", "home_agent.addresses", "home_prefix"}
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Fatalf("problems of an empty file (-want +got):\n%s", diff)
		}
	}
}

func TestRangesOfHomeAgents(t *testing.T) {
	t.Parallel()
	got, err := load(t, strings.Replace(minimal, `["2001:db8:1::1"]`, `["2001:db8:1::9", "2001:db8:1::1-2001:db8:1::3"]`, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := "[2001:db8:1::9 2001:db8:1::1 2001:db8:1::2 2001:db8:1::3]"
	if s := fmt.Sprint(got.HomeAgent.Addresses); s != want {
		t.Errorf("addresses %s, want %s", s, want)
	}
}

func TestManyNetworks(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(minimal)
	for n := range 5000 {
		fmt.Fprintf(&text, "[[mobility.network]]\nuser_name = \"r%d@example.com\"\nprefix = \"2001:db8:%x::/48\"\n", n, n+2)
	}
	got, err := load(t, text.String())
	if err != nil || len(got.Mobility.Networks) != 5000 {
		t.Errorf("Load: %d networks, %v", len(got.Mobility.Networks), err)
	}
}

func TestNotationOfEndpoints(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"::1", "[::1]", "[::1]:3868", "[::1]:1", "127.0.0.1", "127.0.0.1:3868", "localhost", "localhost:3868", ":3868",
	} {
		if _, err := load(t, strings.Replace(minimal, "[::1]:3868", address, 1)); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Listeners are told apart by address and port, however they are written.
func TestListenersBesideEachOther(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		address string
		tls, ok bool
	}{
		{"::1", true, true}, {"[::1]:3869", false, true}, {"::2", false, true}, {"localhost", false, true}, {":5868", true, true}, {"127.0.0.1", false, true},
		{"::1", false, false}, {"[0:0::1]:3868", true, false}, {"0.0.0.0", false, false}, {"[::]:3868", true, false},
	} {
		_, err := load(t, minimal+fmt.Sprintf("[[diameter.listen]]\naddress = %q\ntls = %v\n", tt.address, tt.tls))
		if problem := err != nil && strings.Contains(err.Error(), "diameter.listen.address"); problem == tt.ok {
			t.Errorf("%s with tls = %v: %v", tt.address, tt.tls, err)
		}
	}
	for _, names := range [][2]string{{"127.0.0.1", "::ffff:127.0.0.1"}, {"ha.example.com", "HA.example.com"}} {
		text := strings.Replace(minimal, "[::1]:3868", names[0], 1) + fmt.Sprintf("[[diameter.listen]]\naddress = %q\ntls = false\n", names[1])
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), "is the same address and port as "+names[0]) {
			t.Errorf("%q: %v", names, err)
		}
	}
}

// A file in the folder cannot change a peer of another file by chance.
func TestFolderCannotReachIntoElements(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "homeagent.toml", minimal)
	write(t, dir, "conf.d/10-a.toml", "diameter.peer.realm = \"example.net\"\n")
	write(t, dir, "conf.d/20-b.toml", "[diameter]\npeer.realm = \"example.net\"\n")
	write(t, dir, "conf.d/30-c.toml", "[diameter.peer]\nrealm = \"example.net\"\n")
	_, err := config.Load(path)
	if err == nil {
		t.Fatal("Load took them")
	}
	for _, want := range []string{
		"10-a.toml:1: diameter.peer.realm: this stands outside of a [[diameter.peer]]",
		"20-b.toml:2: diameter.peer.realm: this stands outside of a [[diameter.peer]]",
		"30-c.toml:1: diameter.peer: there can be several of these (write [[diameter.peer]], in double brackets)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Load: %v\nwant %s", err, want)
		}
	}
}

func TestSyntaxErrorsOfAllFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "homeagent.toml", minimal+"x = = 1\n")
	write(t, dir, "conf.d/10-a.toml", "[log\n")
	_, err := config.Load(path)
	if problems, ok := err.(config.Problems); !ok || len(problems) != 2 {
		t.Errorf("Load: %v, want problems of two files", err)
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

// Single brackets where several sections can be are told, whatever follows.
func TestSingleBracketsBeforeAnyElement(t *testing.T) {
	t.Parallel()
	for _, section := range []string{"diameter.peer", "diameter.listen", "home_prefix", "mobility.network"} {
		_, err := load(t, "["+section+"]\nidentity = \"x\"\nprefix = \"2001:db8::/64\"\naddress = \"::1\"\nuser_name = \"u\"\n")
		if err == nil || !strings.Contains(err.Error(), "write [["+section+"]]") {
			t.Errorf("[%s]: %v", section, err)
		}
	}
}
