package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"homeagent/agent/config"
)

// A line is an option as a sample shows it.
type line struct {
	key, value string
	commented  bool
}

var (
	headerLine  = regexp.MustCompile(`^(# )?\[\[?([a-z_.]+)\]\]?$`)
	settingLine = regexp.MustCompile(`^(# )?([a-z_]+) = (.*)$`)
)

func sample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("homeagent.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func shown(t *testing.T) (lines []line) {
	t.Helper()
	section := ""
	for text := range strings.Lines(sample(t)) {
		text = strings.TrimSuffix(text, "\n")
		if m := headerLine.FindStringSubmatch(text); m != nil {
			section = m[2]
		} else if m := settingLine.FindStringSubmatch(text); m != nil {
			lines = append(lines, line{section + "." + m[2], m[3], m[1] != ""})
		}
	}
	return lines
}

func described() map[string]config.Option {
	all := map[string]config.Option{}
	for _, o := range config.Describe() {
		all[o.Key] = o
	}
	return all
}

// The sample is right as it stands.
func TestSampleLoads(t *testing.T) {
	t.Parallel()
	if _, err := config.Load("homeagent.toml"); err != nil {
		t.Fatal(err)
	}
}

// The sample shows every option once, and what stands in a comment is the
// default where there is one.
func TestSampleTellsTheDefaults(t *testing.T) {
	t.Parallel()
	options, seen := described(), map[string]bool{}
	for _, l := range shown(t) {
		o, known := options[l.key]
		switch {
		case !known:
			t.Errorf("the sample shows %s, which is no option", l.key)
		case seen[l.key]:
			t.Errorf("the sample shows %s twice", l.key)
		case l.commented && o.Default != "" && l.value != o.Default:
			t.Errorf("the sample shows %s = %s, whose default is %s", l.key, l.value, o.Default)
		case l.commented && o.Required && !strings.HasPrefix(l.key, "mobility.network.") && !strings.HasPrefix(l.key, "mobile_node."):
			t.Errorf("the sample leaves out %s, which is required", l.key)
		}
		seen[l.key] = true
	}
	for key := range options {
		if !seen[key] {
			t.Errorf("the sample does not show %s", key)
		}
	}
}

// With every option given, in place of its default, the sample is right too,
// and no part of the configuration is left empty: each has an option.
func TestSampleFillsTheConfig(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`(?m)^# (\[|[a-z_]+ = )`).ReplaceAllString(sample(t), "$1")
	text = strings.NewReplacer(
		`home_link = "virtual"`, `home_link = "physical"`, "tls = false", "tls = true", `secured = "loopback"`, `secured = "tls"`,
		"= false", "= true", "sessions = 0", "sessions = 9", "preference = 0", "preference = 9", `"0s"`, `"9h"`, "= []", `= ["2001:db8:1::9"]`,
	).Replace(text)
	for _, key := range []string{"origins", "relays", "user_realms"} {
		text = strings.Replace(text, key+` = ["2001:db8:1::9"]`, key+` = ["example.com"]`, 1)
	}
	got, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	findZero(t, "Config", reflect.ValueOf(*got))
}

func findZero(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	if v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 {
		t.Errorf("no option fills %s", name)
		return
	}
	switch {
	case v.Kind() == reflect.Slice:
		findZero(t, name+"[0]", v.Index(0))
	case v.Kind() == reflect.Struct && strings.HasPrefix(v.Type().PkgPath(), "homeagent/"):
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			findZero(t, name+"."+v.Type().Field(i).Name, v.Field(i))
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
		if repeated := strings.HasPrefix(o.Key, "home_prefix.") || strings.HasPrefix(o.Key, "diameter.peer.") ||
			strings.HasPrefix(o.Key, "diameter.listen.") || strings.HasPrefix(o.Key, "mobility.network.") ||
			strings.HasPrefix(o.Key, "mobile_node."); o.Repeated != repeated {
			t.Errorf("%s is repeated: %v, want %v", o.Key, o.Repeated, repeated)
		}
		seen[o.Key] = true
	}
}

// Every default is a value that the option itself takes.
func TestDefaultsAreTaken(t *testing.T) {
	t.Parallel()
	for _, o := range config.Describe() {
		if o.Default == "" || o.Repeated || o.Key == "diameter.listen.tls" {
			continue
		}
		dot := strings.LastIndex(o.Key, ".")
		text := minimal + "[" + o.Key[:dot] + "]\n" + o.Key[dot+1:] + " = " + o.Default + "\n"
		if o.Key[:dot] == "diameter" {
			text = strings.Replace(minimal, "[diameter]\n", "[diameter]\n"+o.Key[dot+1:]+" = "+o.Default+"\n", 1)
		}
		if _, err := load(t, text); err != nil {
			t.Errorf("%s = %s: %v", o.Key, o.Default, err)
		}
	}
}

// What is installed sets nothing; loading it says what to fill in, and where.
func TestInstalledSampleIsNotConfigured(t *testing.T) {
	t.Parallel()
	_, err := load(t, config.Sample())
	if err == nil {
		t.Fatal("it loads")
	}
	for _, want := range []string{
		"diameter.identity: this must be set", "diameter.realm: this must be set", "diameter.listen.address: this must be set",
		"diameter.peer.identity: this must be set", "home_agent.addresses: this must be set", "home_prefix.prefix: this must be set",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 9 { // three for TLS
		t.Errorf("the error has %d lines, want 9:\n%v", got, err)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	text, err := config.Fill(map[string]string{
		"diameter.identity": `"ha.example.net"`, "diameter.realm": `"example.net"`,
		"diameter.peer.identity": `"aaa.example.net"`, "diameter.peer.secured": `"loopback"`, "diameter.peer.connect": `"[::1]"`,
		"home_agent.addresses": `["2001:db8:9::1"]`, "home_prefix.prefix": `"2001:db8:9::/64"`, "log.level": `"debug"`,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, text)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if got.Diameter.Identity != "ha.example.net" || len(got.Diameter.Listen) != 0 || got.Log.Level != "debug" ||
		len(got.Diameter.Peers) != 1 || got.Diameter.Peers[0].Connect != "[::1]" || got.Diameter.Certificate != "" {
		t.Errorf("filled in: %+v", got)
	}
	if _, err := config.Fill(map[string]string{"diameter.identify": `"x"`}); err == nil || !strings.Contains(err.Error(), "diameter.identify") {
		t.Errorf("an unknown option: %v", err)
	}
}
