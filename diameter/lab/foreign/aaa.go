package foreign

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"homeagent/diameter/lab/testbed"
	"homeagent/ike/psk"
)

//go:embed aaah.erl
var script string

//go:embed mip6bootstrap.dia
var dictionary string

// Who the AAA server is, and as whom it knows the home agent.
const (
	AAAIdentity       = "aaah.home.example"
	AAARealm          = "home.example"
	HomeAgentIdentity = "ha.example.com"
	HomeAgentRealm    = "example.com"
)

// An AAA says how the AAA server meets the home agent.
type AAA struct {
	// Folder takes the programs. With TLS, aaa.pem, aaa-key.pem and ca.pem are there,
	// as package certificates writes them.
	Folder string
	TLS    bool
	// Address is where it connects to, or, if Listen is set, waits.
	Address netip.AddrPort
	Listen  bool
	// Via is the identity of the relay at that address; none if empty. Through
	// relays fewer things are tried.
	Via string
	// Leave is called when all has been tried, and has the home agent disconnect. If
	// it is nil the AAA server does.
	Leave func() error
}

// Run lets the AAA server take a home agent through its paces, from a host. The
// error says why that was not possible; what the home agent did wrong is in the
// Report.
func (a AAA) Run(ctx context.Context, host *testbed.Host) (Report, error) {
	if err := a.write(); err != nil {
		return Report{}, fmt.Errorf("writing the AAA server's program: %w", err)
	}
	process, err := host.Start(testbed.Program{Name: "aaah", Path: "escript", Arguments: a.arguments()})
	if err != nil {
		return Report{}, fmt.Errorf("running the AAA server: %w (is erlang-diameter installed?)", err)
	}
	err = process.Await(ctx, "done", func() bool { return parse(process.Output()).Done })
	if err == nil && a.Leave != nil {
		err = a.Leave()
	}
	select {
	case <-process.Done():
	case <-ctx.Done():
		process.Kill()
	}
	return conclude(process.Output(), errors.Join(err, process.Err()))
}

// conclude reads what a program printed that ended with an error or none. It also
// ends with one when it found something wrong.
func conclude(output string, err error) (Report, error) {
	report := parse(output)
	if err != nil && len(report.Failed) == 0 {
		return report, fmt.Errorf("running the AAA server: %w\n%s", err, output)
	}
	return report, nil
}

func (a AAA) write() error {
	return errors.Join(
		os.WriteFile(a.file("aaah.erl"), []byte(script), 0o644),
		os.WriteFile(a.file("mip6bootstrap.dia"), []byte(dictionary), 0o644),
	)
}

func (a AAA) file(name string) string { return filepath.Join(a.Folder, name) }

func (a AAA) arguments() []string {
	arguments := []string{a.file("aaah.erl"), "connect", a.Address.Addr().String(), fmt.Sprint(a.Address.Port())}
	if a.Listen {
		arguments[1] = "listen"
	}
	if a.TLS {
		arguments = append(arguments, "tls="+a.Folder)
	}
	if a.Via != "" {
		arguments = append(arguments, "via="+a.Via)
	}
	if a.Leave != nil {
		arguments = append(arguments, "stay=yes")
	}
	return arguments
}

// A Report is what the AAA server found.
type Report struct {
	// OK are the things the home agent did right, Failed those it did wrong, with
	// the reason.
	OK, Failed []string
	// Granted is what mobile nodes would be told, the last for each User-Name.
	Granted map[string]Grant
	// Done tells that all was tried.
	Done bool
}

// A Grant is what a mobile node is told.
type Grant struct {
	HomeAddress, HomeAgent netip.Addr
	Account                string // Acct-Multi-Session-Id
}

func parse(output string) Report {
	r := Report{Granted: map[string]Grant{}}
	for lines := bufio.NewScanner(strings.NewReader(output)); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "ok":
			r.OK = append(r.OK, rest)
		case "FAILED":
			r.Failed = append(r.Failed, rest)
		case "done":
			r.Done = true
		case "granted":
			user, grant, err := parseGrant(rest)
			if err != nil {
				r.Failed = append(r.Failed, err.Error())
				continue
			}
			r.Granted[user] = grant
		}
	}
	return r
}

func parseGrant(text string) (user string, g Grant, err error) {
	var home, agent string
	if _, err := fmt.Sscanf(text, "%s home address %s home agent %s account %s", &user, &home, &agent, &g.Account); err != nil {
		return "", g, fmt.Errorf("reading a grant: %w: %q", err, text)
	}
	g.HomeAddress, err = netip.ParseAddr(home)
	if err == nil {
		g.HomeAgent, err = netip.ParseAddr(agent)
	}
	return user, g, err
}

// Key is the MIPv6-AAA-Key that the AAA server sends for a User-Name under a key id.
func Key(userName string, id int32) psk.AAAKey {
	octets := make([]byte, 64)
	copy(octets, userName)
	octets[63] = byte(id - 1)
	return psk.NewAAAKey(octets)
}
