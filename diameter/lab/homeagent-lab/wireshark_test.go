package main

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/bootstrap"
	"homeagent/diameter/dictionary"
	"homeagent/ike/psk"
)

var (
	aaaAddress   = netip.MustParseAddr("2001:db8::aaa")
	agentAddress = netip.MustParseAddr("2001:db8:1::1")
	mobileNode   = netip.MustParseAddr("2001:db8:1::1000")
)

// exchange is an HMR and its HMA, as AAA server and home agent write them.
func exchange(t *testing.T, codes dictionary.Codes) (hmr, hma []byte) {
	t.Helper()
	d, err := dictionary.Load(codes)
	if err != nil {
		t.Fatal(err)
	}
	codec := bootstrap.NewCodec(d)
	request := codec.EncodeHMR(&bootstrap.HMR{
		SessionID: "aaah.example.com;1;2", UserName: "mn1@example.com",
		OriginHost: "aaah.example.com", OriginRealm: "example.com", DestinationHost: "ha.example.net", DestinationRealm: "example.net",
		AuthorizationLifetime: 3600, Vector: bootstrap.Requested, KeyID: -7,
		Key: psk.NewAAAKey(bytes.Repeat([]byte{0x5a}, 64)), HomeAddress: mobileNode,
	})
	answer := codec.EncodeHMA(request, diameter.Identity{Host: "ha.example.net", Realm: "example.net"}, &bootstrap.HMA{
		Reply: bootstrap.Reply{Result: diameter.Success}, UserName: "mn1@example.com", HomeAddress: mobileNode, HomeAgent: agentAddress,
	})
	return request.Append(nil), answer.Append(nil)
}

// capture is a file as libpcap writes it, of raw IPv6 packets with TCP segments.
func capture(t *testing.T, hmr, hma []byte) string {
	t.Helper()
	le := binary.LittleEndian
	file := le.AppendUint32(nil, 0xa1b2c3d4)
	file = le.AppendUint16(file, 2)
	file = le.AppendUint16(file, 4)
	file = append(file, make([]byte, 8)...)
	file = le.AppendUint32(file, 65535)
	file = le.AppendUint32(file, 101) // LINKTYPE_RAW
	for i, packet := range [][]byte{
		segment(aaaAddress, agentAddress, 40000, 3868, 1000, 2000, hmr),
		segment(agentAddress, aaaAddress, 3868, 40000, 2000, 1000+uint32(len(hmr)), hma),
	} {
		file = le.AppendUint32(file, uint32(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix()))
		file = le.AppendUint32(file, uint32(i))
		file = le.AppendUint32(file, uint32(len(packet)))
		file = le.AppendUint32(file, uint32(len(packet)))
		file = append(file, packet...)
	}
	path := filepath.Join(openFolder(t), "capture.pcap")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// segment is an IPv6 packet with a TCP segment, whose checksum nobody looks at.
func segment(from, to netip.Addr, sport, dport uint16, sequence, acknowledged uint32, payload []byte) []byte {
	be := binary.BigEndian
	b := []byte{0x60, 0, 0, 0}
	b = be.AppendUint16(b, uint16(20+len(payload)))
	b = append(b, 6, 64)
	b = append(b, from.AsSlice()...)
	b = append(b, to.AsSlice()...)
	b = be.AppendUint16(b, sport)
	b = be.AppendUint16(b, dport)
	b = be.AppendUint32(b, sequence)
	b = be.AppendUint32(b, acknowledged)
	b = append(b, 5<<4, 0x18) // PSH, ACK
	b = be.AppendUint16(b, 65535)
	b = append(b, 0, 0, 0, 0)
	return append(b, payload...)
}

// nobody is a user who is not root: for that one Wireshark ignores the folder.
const nobody = 65534

// openFolder is a temporary folder that any user may look into.
func openFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, f := range []string{filepath.Dir(folder), folder} {
		if err := os.Chmod(f, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// tshark reads a capture with a folder of its own.
func tshark(t *testing.T, folder, file string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "tshark", append([]string{"-n", "-r", file}, args...)...)
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	c.Env = append(os.Environ(), "WIRESHARK_DATA_DIR="+folder, "HOME=/nonexistent")
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, &complaints)
	}
	if strings.Contains(complaints.String(), "diameter") {
		t.Errorf("tshark complains:\n%s", &complaints)
	}
	return string(out)
}

// tshark names commands, AVPs and the application of what is really sent, once it
// has the dictionary, and finds no fault with it.
func TestTsharkDecodesByName(t *testing.T) {
	t.Parallel()
	moved := dictionary.Default()
	moved.Application, moved.Vendor, moved.HMR = 9999, 32474, 999
	moved.MobileNodeAddress, moved.HomeAgentAddress = 1002, 1003
	for _, tt := range []struct {
		name  string
		codes dictionary.Codes
		flags []string
		// addresses are shown as such where their code is not RADIUS's.
		address string
	}{
		{"default codes", dictionary.Default(), nil, "mipv6-mobile-node-address: 000220010db8000100000000000000001000"},
		{"other codes", moved, []string{
			"--code", "application=9999", "--code", "vendor=32474", "--code", "hmr=999", "--code", "mobile_node_address=1002", "--code", "home_agent_address=1003",
		}, "mipv6-mobile-node-address address: 2001:db8:1::1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(openFolder(t), "wireshark")
			for range 2 { // and once more over what is there
				out, errOut, code := call(t, append([]string{"wireshark", "--folder", folder}, tt.flags...)...)
				if code != 0 || out != "WIRESHARK_DATA_DIR="+folder+"\n" {
					t.Fatalf("exit status %d, %q, %q", code, out, errOut)
				}
			}
			hmr, hma := exchange(t, tt.codes)
			file := capture(t, hmr, hma)
			text := strings.ToLower(tshark(t, folder, file, "-O", "diameter"))
			for _, want := range []string{
				"command code: ha-mipv6-bootstrap (", "applicationid: mipv6 bootstrapping (",
				"avp: mipv6-bootstrap-vector(1)", "mipv6-bootstrap-vector: 1",
				"avp: mipv6-aaa-key(4)", "avp: mipv6-aaa-key-id(6)", "mipv6-aaa-key-id: -7",
				"avp: mipv6-mobile-node-address(", "avp: mipv6-home-agent-address(", tt.address,
				"result-code: diameter_success (2001)", "vnd=homeagent",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("tshark does not say %q", want)
				}
			}
			for _, fault := range []string{"unknown", "malformed", "expert info", "vnd=32473"} {
				if i := strings.Index(text, fault); i >= 0 {
					t.Errorf("tshark says %q: ...%s...", fault, text[max(0, i-200):min(len(text), i+100)])
				}
			}
			columns := tshark(t, folder, file, "-Y", "diameter", "-T", "fields", "-e", "_ws.col.Info")
			for i, want := range []string{"HA-MIPv6-Bootstrap Request", "HA-MIPv6-Bootstrap Answer"} {
				if lines := strings.Split(columns, "\n"); len(lines) < 2 || !strings.Contains(lines[i], want) {
					t.Errorf("packet %d is not a %s:\n%s", i+1, want, columns)
				}
			}
		})
	}
}

func TestWiresharkFolderNeedsWireshark(t *testing.T) {
	t.Parallel()
	_, errOut, code := call(t, "wireshark", "--folder", filepath.Join(t.TempDir(), "to"), "--from", t.TempDir())
	if code != 1 || !strings.Contains(errOut, "--from") {
		t.Errorf("exit status %d, %q", code, errOut)
	}
}

// What is linked is all there is in Wireshark's folder.
func TestWiresharkFolderIsComplete(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	for _, file := range []string{"manuf", "diameter/dictionary.xml", "diameter/Custom.xml", "radius/dictionary"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, file), []byte("theirs"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := linkFolder(from, to, []byte("ours")); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"manuf": "theirs", "diameter/dictionary.xml": "theirs", "diameter/Custom.xml": "ours", "radius/dictionary": "theirs"} {
		if got, err := os.ReadFile(filepath.Join(to, file)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", file, got, err, want)
		}
	}
	if theirs, err := os.ReadFile(filepath.Join(from, custom)); err != nil || string(theirs) != "theirs" {
		t.Errorf("Wireshark's own file: %q, %v", theirs, err)
	}
}
