//go:build kerneltest

package peer_test

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"homeagent/diameter"
	"homeagent/diameter/peer"
)

// erlang is a peer on Erlang/OTP's diameter application, a stack that is not
// ours; see testdata/erlang/aaa.erl. It needs no special kernel, but a package
// of its own (erlang-diameter), which only the machines for these tests have.
type erlang struct {
	t     *testing.T
	input io.Closer
	lines chan string
}

func startErlang(t *testing.T, args ...string) *erlang {
	t.Helper()
	command := exec.Command("escript", append([]string{"testdata/erlang/aaa.erl"}, args...)...)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatalf("starting Erlang (apt-get install erlang-diameter): %v", err)
	}
	e := &erlang{t: t, input: input, lines: make(chan string, 1000)}
	go func() {
		defer close(e.lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			e.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		input.Close()
		command.Process.Kill() // it may have ended
		command.Wait()         // fails, as it was killed
	})
	return e
}

// says waits for a line; others before it are logged.
func (e *erlang) says(want string) {
	e.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case line, ok := <-e.lines:
			if !ok {
				e.t.Fatalf("Erlang ended before it said %q", want)
			}
			e.t.Log(line)
			if line == want {
				return
			}
		case <-deadline:
			e.t.Fatalf("Erlang never said %q", want)
		}
	}
}

// TestErlang has an Erlang peer connect, and be connected to, over TCP and TLS:
// capabilities, requests both ways, the watchdog, and the farewell.
func TestErlang(t *testing.T) {
	t.Parallel()
	for _, overTLS := range []bool{false, true} {
		for _, mode := range []string{"connect", "listen"} {
			t.Run(fmt.Sprintf("%s, TLS %v", mode, overTLS), func(t *testing.T) {
				t.Parallel()
				table, e := withErlang(t, mode, overTLS)
				e.says("capabilities ha.example 1 [7]")
				e.says("up")
				e.says("result 2001")
				connected(t, table, them)
				answer, err := table.Do(t.Context(), them, hmr("ours"))
				if err != nil || result(t, answer) != diameter.Success {
					t.Errorf("our request: %v, %v", answer, err)
				}
				e.says("asked")
				eventually(t, "there is a DWR", func() bool {
					c := status(t, table, them).Counters
					return c.WatchdogsReceived+c.WatchdogsSent > 0
				})
				e.input.Close()
				e.says("stopped")
				eventually(t, "it is closed", func() bool { return status(t, table, them).State == "Closed" })
				if s := status(t, table, them); s.Health != "INITIAL" || s.Counters.Connections != 1 {
					t.Errorf("status %+v", s)
				}
			})
		}
	}
}

// withErlang runs a Table and its Erlang peer, which connects to it or listens.
func withErlang(t *testing.T, mode string, overTLS bool) (*peer.Table, *erlang) {
	t.Helper()
	c := config()
	var args []string
	if overTLS {
		a := newAuthority(t)
		c = secure(a)
		args = append(args, folder(t, a))
	}
	c.Timers.Watchdog = 6 * time.Second
	if mode == "connect" {
		table := start(t, c)
		_, port, _ := net.SplitHostPort(table.Addrs()[0].String())
		return table, startErlang(t, append([]string{mode, port}, args...)...)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // Erlang takes the port, hopefully before anybody else
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	c.Peers[0].Connect = l.Addr().String()
	e := startErlang(t, append([]string{mode, port}, args...)...)
	return start(t, c), e
}

// folder holds the certificate of the Erlang peer.
func folder(t *testing.T, a *authority) string {
	t.Helper()
	dir := t.TempDir()
	cert := a.certificate(nil, them)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: key},
		"ca.pem":   {Type: "CERTIFICATE", Bytes: a.cert.Raw},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
