package xfrm

import (
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"homeagent/xfrm/internal/kernel"
	"homeagent/xfrm/internal/object"
)

func manualPair(change ...func(*Association)) []Association {
	in := Association{
		Src: addr("2001:db8:1::a"), Dst: addr("2001:db8:1::1"), SPI: 0x1001, ReqID: AssociationReqIDs().First, Protocol: MobilityHeader,
		Encryption: Algorithm{Name: "cbc(aes)", Key: NewSecret(make([]byte, 16))},
		Integrity:  Algorithm{Name: "hmac(sha256)", Key: NewSecret(make([]byte, 32)), Truncated: 128},
	}
	for _, c := range change {
		c(&in)
	}
	out := in
	out.Src, out.Dst, out.SPI = in.Dst, in.Src, in.SPI+1
	return []Association{in, out}
}

func associate(t *testing.T, k *Kernel, want []Association, journal ...string) {
	t.Helper()
	changes, err := k.Associate(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if got := changes.String(); strings.Count(got, "\n") != len(journal) {
		t.Errorf("did\n%s\nwant %d changes", got, len(journal))
	}
	for i, c := range changes {
		if !strings.HasPrefix(c.String(), journal[i]) {
			t.Errorf("change %d is %q, want %q", i, c, journal[i])
		}
	}
}

const (
	addIn  = "ip xfrm state add src 2001:db8:1::a dst 2001:db8:1::1 proto esp spi 0x1001 "
	addOut = "ip xfrm state add src 2001:db8:1::1 dst 2001:db8:1::a proto esp spi 0x1002 "
	delIn  = "ip xfrm state delete src 2001:db8:1::a dst 2001:db8:1::1 proto esp spi 0x1001"
)

// What is there stays untouched, as its sequence number would begin anew; what is
// lost comes back; what is not wanted any more goes.
func TestAssociate(t *testing.T) {
	t.Parallel()
	fake := kernel.NewFake()
	k := newKernel(slog.New(slog.DiscardHandler), fake)
	associate(t, k, nil)
	associate(t, k, manualPair(), addIn, addOut)
	associate(t, k, manualPair())
	if err := fake.Apply(object.Delete, manualPair()[0]); err != nil {
		t.Fatal(err)
	}
	associate(t, k, manualPair(), addIn)
	rekeyed := manualPair(func(a *Association) { a.Integrity.Key = NewSecret(make([]byte, 31)) })
	associate(t, k, []Association{rekeyed[0], manualPair()[1]}, delIn, addIn)
	associate(t, k, manualPair()[1:], delIn)
	associate(t, k, nil, "ip xfrm state delete src 2001:db8:1::1 dst 2001:db8:1::a")
	if got := fake.String(); got != "" {
		t.Errorf("left over:\n%s", got)
	}
}

// A process that starts knows those of the one before by their reqids, and leaves
// others alone, also when all is cleaned up.
func TestAssociateAfterARestart(t *testing.T) {
	t.Parallel()
	fake := kernel.NewFake()
	theirs := manualPair(func(a *Association) { a.ReqID, a.SPI = 1_000_001, 0xc0000001 })
	for _, a := range append(theirs, manualPair()...) {
		if err := fake.Apply(object.Add, a); err != nil {
			t.Fatal(err)
		}
	}
	associate(t, newKernel(slog.New(slog.DiscardHandler), fake), manualPair())
	associate(t, newKernel(slog.New(slog.DiscardHandler), fake), manualPair()[1:], delIn)
	k := newKernel(slog.New(slog.DiscardHandler), fake)
	if _, err := k.CleanUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, _ := fake.Associations(); len(all) != 2 || all[0].ReqID != 1_000_001 {
		t.Errorf("after cleaning up: %v", all)
	}
}

// One that the kernel refuses keeps no other from being set, and is tried again.
func TestAssociateGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	fake := kernel.NewFake()
	k := newKernel(slog.New(slog.DiscardHandler), fake)
	fake.Fail(strings.TrimSpace(addIn), syscall.ENOSYS)
	if _, err := k.Associate(t.Context(), manualPair()); err == nil || !strings.Contains(err.Error(), "0x1001") {
		t.Errorf("error %v", err)
	}
	fake.Fail(strings.TrimSpace(addIn), nil)
	associate(t, k, manualPair(), addIn)
}

func TestAssociateRefuses(t *testing.T) {
	t.Parallel()
	k := newKernel(slog.New(slog.DiscardHandler), kernel.NewFake())
	for want, change := range map[string]func(*Association){
		"its SPI is 255":         func(a *Association) { a.SPI = 255 },
		"its reqid is 1000001":   func(a *Association) { a.ReqID = 1_000_001 },
		"its ends are":           func(a *Association) { a.Dst = a.Src },
		"a key for integrity":    func(a *Association) { a.Integrity.Key = Secret{} },
		"it must have a protoco": func(a *Association) { a.Protocol = 0 },
	} {
		if _, err := k.Associate(t.Context(), manualPair(change)[:1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// A single one that somebody deletes is a reason to look.
func TestManualAssociationDeletedIsDrift(t *testing.T) {
	t.Parallel()
	k := newKernel(slog.New(slog.DiscardHandler), kernel.NewFake())
	if !k.drifted(object.Event{Kind: object.AssociationDeleted}) {
		t.Error("nobody looks")
	}
}
