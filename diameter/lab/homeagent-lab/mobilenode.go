package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"homeagent/diameter/lab/aaahome"
	"homeagent/diameter/lab/mobilenode"
	"homeagent/ike/psk"
)

// mobileNodeCmd is a mobile node that does what it is told.
type mobileNodeCmd struct {
	User       string        `required:"" help:"User-Name (NAI) the node was bootstrapped with." placeholder:"NAI"`
	HoA        netip.Addr    `name:"hoa" required:"" help:"Its home address." placeholder:"ADDR"`
	HA         netip.Addr    `name:"ha" required:"" help:"Its home agent." placeholder:"ADDR"`
	HAIdentity string        `name:"ha-identity" required:"" help:"The home agent's IKE identity." placeholder:"NAME"`
	KeyFile    string        `required:"" type:"existingfile" help:"File with the MIPv6-AAA-Key in hexadecimal digits." placeholder:"FILE"`
	KeyID      int32         `name:"key-id" default:"1" help:"MIPv6-AAA-Key-Id. Write a negative one as --key-id=-5 (${default})." placeholder:"N"`
	Socket     string        `default:"/run/charon.vici" help:"VICI socket of the node's strongSwan (${default})." placeholder:"PATH"`
	Interface  string        `default:"eth0" help:"Interface that moves (${default})." placeholder:"NAME"`
	Lifetime   time.Duration `default:"10m" help:"Lifetime to ask for in Binding Updates (${default})." placeholder:"T"`
	KBit       bool          `name:"k-bit" help:"Ask that IKE follows movements."`
	Tunnelled  bool          `help:"Send Binding Updates inside the ESP tunnel for the payload, and set up no CHILD_SA for them alone (RFC 4877 section 3)."`
	Timeout    time.Duration `default:"40s" help:"Give a command up after this time (${default})." placeholder:"T"`
	Verbose    bool          `short:"v" help:"Log what happens."`
}

// Help is shown below the flags.
func (mobileNodeCmd) Help() string {
	return `Reads commands from standard input, one per line, and prints what each brought about and the time it took:

  secure ADDR     set up IKE_SA and CHILD_SA from this care-of address
  register ADDR   register this care-of address; also after a movement
  protect WHAT    have packets travel under ESP: payload, return-routability, both or nothing
  test ADDR       do a home test with a correspondent (return routability)
  home            deregister; the home address is on the interface again
  leave           deregister without being at home
  quit            end; so does the end of the input

Addresses are configured by whoever moves the node, not by this command. It needs root and a strongSwan of its own. ` +
		`Exits with 1 at the first command that fails.`
}

// Run obeys.
func (c *mobileNodeCmd) Run(e *environment) error {
	key, err := c.key()
	if err != nil {
		return usageError{err}
	}
	level := slog.LevelWarn
	if c.Verbose {
		level = slog.LevelDebug
	}
	node, err := mobilenode.Open(mobilenode.Config{
		UserName: c.User, HomeAddress: c.HoA, HomeAgent: c.HA, HomeAgentIdentity: c.HAIdentity,
		Tunnelled: c.Tunnelled, Protect: mobilenode.Protect{Payload: c.Tunnelled},
		Key: key, KeyID: c.KeyID, Socket: c.Socket, Interface: c.Interface, Lifetime: c.Lifetime, KeyManagement: c.KBit,
		Log: slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		return err
	}
	return errors.Join(c.obey(e, node, os.Stdin), node.Close())
}

func (c *mobileNodeCmd) key() (psk.AAAKey, error) {
	keys, err := aaahome.KeyFromFile(c.KeyFile)
	if err != nil {
		return psk.AAAKey{}, err
	}
	return keys()
}

// A node does what it is told.
type node interface {
	Secure(ctx context.Context, careOf netip.Addr) (mobilenode.Association, error)
	Register(ctx context.Context, careOf netip.Addr) (mobilenode.Registration, error)
	Protect(ctx context.Context, p mobilenode.Protect) (mobilenode.Association, error)
	TestHome(ctx context.Context, correspondent netip.Addr) (time.Duration, error)
	ReturnHome(ctx context.Context) (mobilenode.Registration, error)
	Leave(ctx context.Context) (mobilenode.Registration, error)
}

func (c *mobileNodeCmd) obey(e *environment, n node, in io.Reader) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() && e.Err() == nil {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" {
			return nil
		}
		result, err := c.command(e, n, words[0], words[1:])
		if err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		fmt.Fprintln(e.out, result)
	}
	return errors.Join(lines.Err(), e.Err())
}

// command carries one out and describes its result.
func (c *mobileNodeCmd) command(ctx context.Context, n node, word string, arguments []string) (fmt.Stringer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var address netip.Addr
	if word == "secure" || word == "register" || word == "test" {
		var err error
		if address, err = netip.ParseAddr(strings.Join(arguments, " ")); err != nil {
			return nil, usageError{err}
		}
	}
	switch word {
	case "secure":
		return n.Secure(ctx, address)
	case "register":
		return n.Register(ctx, address)
	case "protect":
		what, ok := protections[strings.Join(arguments, " ")]
		if !ok {
			return nil, usageError{fmt.Errorf("%q cannot be protected (payload, return-routability, both, nothing)", strings.Join(arguments, " "))}
		}
		return n.Protect(ctx, what)
	case "test":
		return n.TestHome(ctx, address)
	case "home":
		return n.ReturnHome(ctx)
	case "leave":
		return n.Leave(ctx)
	}
	return nil, usageError{fmt.Errorf("%q is no command (secure, register, protect, test, home, leave, quit)", word)}
}

// protections are what "protect" understands.
var protections = map[string]mobilenode.Protect{
	"payload":            {Payload: true},
	"return-routability": {ReturnRoutability: true},
	"both":               {Payload: true, ReturnRoutability: true},
	"nothing":            {},
}
