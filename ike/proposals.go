package ike

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeagent/ike/vici"
)

// Proposals are those of an operator, in strongSwan's notation.
type Proposals struct{ IKE, ESP []string }

// A Refusal is a proposal that charon does not take: it has a word that charon does
// not know, or does not go together. No mobile node's connection can be loaded with
// it.
type Refusal struct {
	ESP      bool // for CHILD_SAs, otherwise for IKE_SAs
	Proposal string
}

// RefusedProposals asks the charon at a socket which proposals it does not take. Each
// is loaded for a moment, in a connection with which nobody can do anything. The
// error tells why charon could not be asked.
func RefusedProposals(ctx context.Context, socket string, p Proposals) ([]Refusal, error) {
	if len(p.IKE)+len(p.ESP) == 0 {
		return nil, nil
	}
	var refused []Refusal
	cfg := vici.Config{Socket: socket, Log: slog.New(slog.DiscardHandler)}
	err := vici.Once(ctx, cfg, func(ctx context.Context, link *vici.Link) (err error) {
		refused, err = p.refused(ctx, link)
		return err
	})
	return refused, err
}

// nobody is an address for which no packets come (RFC 6666). The connection for
// trying is named as the one of a mobile node with that home address would be: were
// it left behind, the next comparison would find and remove it.
var nobody = netip.MustParseAddr("100::1")

func (p Proposals) refused(ctx context.Context, link *vici.Link) ([]Refusal, error) {
	var refused []Refusal
	for _, kind := range []struct {
		esp  bool
		list []string
	}{{false, p.IKE}, {true, p.ESP}} {
		for _, proposal := range kind.list {
			taken, err := try(ctx, link, proposal, kind.esp)
			if err != nil {
				return nil, err
			}
			if !taken {
				refused = append(refused, Refusal{ESP: kind.esp, Proposal: proposal})
			}
		}
	}
	return refused, nil
}

// unloadTime bounds the removal of what was loaded for trying.
const unloadTime = 10 * time.Second

// try loads a connection with a proposal and unloads it.
func try(ctx context.Context, link *vici.Link, proposal string, esp bool) (taken bool, err error) {
	conn := vici.Conn{Name: ConnectionName(nobody), Local: nobody, Remote: nobody, LocalID: "keyid:nobody", RemoteID: "keyid:nobody"}
	if esp {
		ts := []string{netip.PrefixFrom(nobody, nobody.BitLen()).String()}
		conn.Children = []vici.Child{{Name: "try", Mode: "tunnel", LocalTS: ts, RemoteTS: ts, Proposals: []string{proposal}}}
	} else {
		conn.Proposals = []string{proposal}
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unloadTime)
		defer cancel()
		err = errors.Join(err, link.UnloadConn(ctx, conn.Name))
	}()
	err = link.LoadConns(ctx, conn)
	if refused, is := errors.AsType[*vici.CommandError](err); is && strings.Contains(refused.Reason, "proposals") {
		return false, nil
	}
	return err == nil, err
}

// vet finds out which of the configuration's proposals a charon refuses that was
// reached.
func (c *Charon) vet(ctx context.Context, link *vici.Link) {
	refused, err := Proposals{c.cfg.IKEProposals, c.cfg.ESPProposals}.refused(ctx, link)
	if err != nil {
		if ctx.Err() == nil {
			c.report(err)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	news := len(refused) > 0 && !slices.Equal(c.refused, refused)
	c.refused = refused
	if news && c.cfg.OnRefused != nil {
		c.reports.add(func() { c.cfg.OnRefused(refused) })
	}
}
