// Package strongswan holds one conversation with a strongSwan at a time, for the
// laboratory's programs, which have one thing to ask and then go on.
//
// It knows how to reach charon and how to have a CHILD_SA set up; what is said is
// the caller's business.
//
//	Ask       lends a VICI connection for one piece of work
//	Initiate  sets up a CHILD_SA, and the IKE_SA before it
//	EndChild  ends a CHILD_SA, while its IKE_SA goes on
package strongswan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"time"

	"homeagent/ike/vici"
)

// Ask connects to charon's VICI socket, does the work once and returns its error.
// It tries to connect until the context ends.
func Ask(ctx context.Context, socket string, work func(context.Context, *vici.Link) error) error {
	client, err := vici.New(vici.Config{Socket: socket, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	result := fmt.Errorf("strongSwan does not answer on %s", socket)
	err = client.Run(ctx, func(ctx context.Context, link *vici.Link) error {
		defer done()
		result = work(ctx, link)
		return nil
	})
	return errors.Join(err, result)
}

// patience is how long IKE may take: its first retransmissions are after 4, 11 and
// 24 seconds.
const patience = 30 * time.Second

// Initiate has a CHILD_SA of a loaded connection set up, and the IKE_SA before it.
// The error holds what strongSwan said, such as AUTHENTICATION_FAILED: swanctl hands
// on what is logged meanwhile, while a refusal by VICI says nothing of why.
func Initiate(ctx context.Context, socket, connection, child string) error {
	return swanctl(ctx, fmt.Sprintf("initiating %s of %s", child, connection), "--initiate", "--uri", "unix://"+socket,
		"--ike", connection, "--child", child, "--timeout", fmt.Sprint(patience.Seconds()))
}

// EndChild ends the CHILD_SAs of a name and tells the peer.
func EndChild(ctx context.Context, socket, child string) error {
	return swanctl(ctx, "ending "+child, "--terminate", "--uri", "unix://"+socket, "--child", child, "--timeout", fmt.Sprint(patience.Seconds()))
}

func swanctl(ctx context.Context, doing string, arguments ...string) error {
	output, err := exec.CommandContext(ctx, "/usr/sbin/swanctl", arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", doing, err, strings.TrimSpace(string(output)))
	}
	return nil
}
