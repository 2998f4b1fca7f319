package demo

import (
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"homeagent/diameter/lab/certificates"
	"homeagent/diameter/lab/mobilenode"
	"homeagent/diameter/lab/testbed"
	"homeagent/ike/psk"
)

// Who is who. The home agent's identity is that of Diameter and of IKE.
const (
	agentIdentity = "ha.example.com"
	aaaIdentity   = "aaah.example.com"
	userName      = "mn1@example.com"
	keyID         = 7
)

// A scene is the laboratory and who plays in it; steps fill it from top to bottom.
type scene struct {
	config   Config
	lab      *testbed.Mobile
	agentIKE *testbed.Charon
	nodeIKE  *testbed.Charon
	service  *listener
	daemon   *testbed.Process
	key      psk.AAAKey
	home     netip.Addr // the mobile node's home address
	node     *mobilenode.Node
}

// close ends all that was started, youngest first.
func (s *scene) close() error {
	var errs []error
	if s.node != nil {
		errs = append(errs, s.node.Close())
	}
	if s.lab != nil {
		errs = append(errs, s.lab.Close())
	}
	if s.service != nil {
		s.service.close()
	}
	return errors.Join(errs...)
}

// explain shows what the programs said, for somebody whose demonstration failed.
func (s *scene) explain() {
	tail := func(name, log string) {
		lines := strings.Split(strings.TrimSpace(log), "\n")
		fmt.Fprintf(s.config.Out, "\n--- %s, last lines:\n%s\n", name, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
	if s.daemon != nil {
		tail("homeagentd", s.daemon.Output())
	}
	if s.agentIKE != nil {
		tail("strongSwan of the home agent", s.agentIKE.Log())
	}
	if s.nodeIKE != nil {
		tail("strongSwan of the mobile node", s.nodeIKE.Log())
	}
}

func (s *scene) file(name string) string   { return filepath.Join(s.config.Folder, name) }
func (s *scene) binary(name string) string { return filepath.Join(s.config.Binaries, name) }

// prepare writes what the programs read: certificates, the key that the mobile
// node and its AAA server have in common, and the daemon's configuration.
func (s *scene) prepare() error {
	ca, err := certificates.New(s.config.Folder)
	if err != nil {
		return err
	}
	octets := make([]byte, 64) // as long as an EAP method's MSK
	if _, err := rand.Read(octets); err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	s.key = psk.NewAAAKey(octets)
	return errors.Join(
		ca.Certify("ha", agentIdentity),
		ca.Certify("aaa", aaaIdentity),
		os.WriteFile(s.file("mn1.key"), []byte(hex.EncodeToString(octets)), 0o600),
		s.writeConfiguration(),
	)
}

//go:embed homeagentd.toml
var configuration string

func (s *scene) writeConfiguration() error {
	text, err := fill(s.config.Folder, s.agentIKE.Socket())
	if err != nil {
		return err
	}
	return os.WriteFile(s.file("homeagentd.toml"), []byte(text), 0o644)
}

// fill completes the daemon's configuration.
func fill(folder, charonSocket string) (string, error) {
	blank, err := template.New("homeagentd.toml").Option("missingkey=error").Parse(configuration)
	if err != nil {
		return "", fmt.Errorf("reading the daemon's configuration: %w", err)
	}
	var text strings.Builder
	err = blank.Execute(&text, map[string]string{
		"Folder": folder, "Identity": agentIdentity, "Peer": aaaIdentity,
		"Address": testbed.HomeAgentAddress.String(), "Prefix": testbed.HomePrefix.String(),
		"Router":    testbed.RouterAddress(testbed.HomePrefix).String(),
		"Interface": testbed.Interface, "Charon": charonSocket,
	})
	if err != nil {
		return "", fmt.Errorf("filling in the daemon's configuration: %w", err)
	}
	return text.String(), nil
}
