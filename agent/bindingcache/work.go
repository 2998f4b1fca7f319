package bindingcache

import (
	"net/netip"
	"time"

	"homeagent/agent/mobility"
)

// A Step is one thing that a [Work] has to do. Each can be repeated without harm.
type Step uint8

// The steps.
const (
	// Probe does duplicate address detection on the home link for the home
	// address and, with the L flag in New, for the link-local address with the
	// same interface identifier (RFC 6275 section 10.3.1).
	Probe Step = iota + 1
	// Store makes New durable.
	Store
	// Delete makes it durable that there is no binding.
	Delete
	// Program makes the kernel forward New and nothing else for the home
	// address.
	Program
	// Move does the same where Old is what the kernel has: the care-of address,
	// our address or both are other ones.
	Move
	// Unprogram makes the kernel forward nothing for the home address. Security
	// associations for signalling stay (RFC 4877 section 4.2).
	Unprogram
	// Defend claims the addresses of [Probe] and no others on the home link (RFC
	// 6275 section 10.4.1); with R in New's flags they are announced as a
	// router's.
	Defend
	// Relinquish gives up what Probe or Defend claimed for Old (RFC 6275 section
	// 10.3.2). A Probe may still be going on then, which it ends.
	Relinquish
	// MoveIKE moves the key management protocol's endpoint from IKEFrom to IKETo
	// (RFC 6275 section 10.3.1, K=1). It is the last step, and
	// the one that takes nothing back when it fails: the acknowledgement then
	// says K=0 and the connections are dropped.
	MoveIKE

	stepEnd
)

var stepNames = [stepEnd]string{
	Probe:      "probe",
	Store:      "store",
	Delete:     "delete",
	Program:    "program",
	Move:       "move",
	Unprogram:  "unprogram",
	Defend:     "defend",
	Relinquish: "relinquish",
	MoveIKE:    "move_ike",
}

// String returns the step as one word.
func (s Step) String() string { return stepNames[s] }

// A Work is what has to be done about one home address before the cache can go
// on. Its steps are done in order; then it is handed to [Cache.Commit], or to
// [Cache.Abort] if one fails.
type Work struct {
	HomeAddress netip.Addr
	// Old is what was there and New what shall be; the zero Binding is none.
	Old, New Binding
	Steps    []Step
	// IKEFrom is where [MoveIKE] finds the peer, IKETo where the mobile node is.
	IKEFrom, IKETo netip.Addr

	ticket uint64
}

// A Reply is a message to send with the raw addresses given: without looking up
// any binding (RFC 6275 section 9.5.4).
type Reply struct {
	Message     mobility.Message
	Source      netip.Addr // the home agent's
	Destination netip.Addr
	// HomeAddress goes into a type 2 routing header; with the zero Addr there
	// is none.
	HomeAddress netip.Addr
	// Interface is the index of the one that the update arrived on.
	Interface int
	// OnLink asks to send to the mobile node's link-layer address on Interface,
	// as it is at home and was refused (RFC 6275 section 10.3.2).
	OnLink bool
	// Tunnelled asks to send inside the tunnel for the mobile node's whole payload,
	// as the update came there.
	Tunnelled bool
	// Asked is when the update arrived that this answers; zero if there is none.
	Asked time.Time
}

// An Outcome is what came of a call, for one home address.
type Outcome struct {
	HomeAddress netip.Addr
	Reason      Reason
	// Reply is to be sent now; nil is silence.
	Reply *Reply
	// Work is to be carried out; nil if there is none.
	Work *Work
	// DropIKE, if valid, is where key management connections end that are of
	// no more use; they are discarded after the reply was sent under them (RFC
	// 6275 section 10.3.1, K=0).
	DropIKE netip.Addr
	// Next is what came of the update that had waited for the work.
	Next *Outcome
}

// A kind is what a job was started for.
type kind uint8

const (
	probing kind = iota + 1
	registering
	deregistering
	removing
	undoing
)

// A job is a work and what follows when it is done.
type job struct {
	kind    kind
	work    Work
	update  *Update         // to be acknowledged; nil if there is none
	reason  Reason          // when it is done
	status  mobility.Status // of the acknowledgement
	k       bool            // K bit of the acknowledgement
	dropIKE netip.Addr
}

// start hands out a work.
func (c *Cache) start(e *entry, j *job) Outcome {
	c.tickets++
	j.work.ticket, j.work.HomeAddress = c.tickets, e.home
	e.job = j
	if e.dirty { // who knows what is claimed; giving up too much is no harm
		j.work.Old.Flags |= mobility.FlagLinkLocal
	}
	reason := Pending
	if j.kind == probing {
		reason = Probing
	}
	return Outcome{HomeAddress: e.home, Reason: c.count(reason), Work: &j.work}
}

// registration plans the way from the entry's binding to the one that the update
// asks for. It is durable before the kernel forwards, so that whatever the kernel
// does is found in the store after a crash.
func (j *judgement) registration(e *entry) *job {
	before, after := e.binding, j.binding()
	work := &job{
		kind: registering, update: j.update, status: j.status(), reason: Refreshed, k: j.grantsK(),
		work: Work{Old: before, New: after, Steps: make([]Step, 1, 4)},
	}
	work.work.Steps[0] = Store
	physical := j.cache.cfg.HomeLink == PhysicalHomeLink
	switch {
	case !before.Active():
		work.reason = Registered
		work.add(true, Program)
		work.add(physical, Defend)
	default:
		moved := !before.sameTunnel(after)
		if moved {
			work.reason = Moved
		}
		work.add(moved && !e.dirty, Move)
		work.add(e.dirty || (!moved && !before.sameForwarding(after)), Program)
		work.add(physical && (e.dirty || (before.Flags^after.Flags).Has(mobility.FlagLinkLocal)), Defend)
	}
	j.followIKE(work)
	return work
}

// deregistration plans the end of a binding at the mobile node's wish. What is
// already gone is not taken down again.
func (j *judgement) deregistration(e *entry) *job {
	work := &job{
		kind: deregistering, update: j.update, reason: Deregistered, k: j.grantsK(),
		work: Work{Old: e.binding, New: j.lingering(), Steps: make([]Step, 0, 4)},
	}
	work.tearDown(e, j.cache.cfg.HomeLink)
	work.add(true, Store)
	j.followIKE(work)
	return work
}

func (w *job) add(wanted bool, step Step) {
	if wanted {
		w.work.Steps = append(w.work.Steps, step)
	}
}

// tearDown stops the forwarding of an entry, if there may be any, and what a
// detection under way holds on the home link.
func (w *job) tearDown(e *entry, link HomeLink) {
	there := e.dirty || e.binding.Active()
	if e.probing() {
		w.work.Old = e.job.work.New
		w.work.Old.Prefixes = e.binding.Prefixes // detection has none reserved
	}
	w.add(there, Unprogram)
	w.add((there || e.probing()) && link == PhysicalHomeLink, Relinquish)
}

// followIKE takes the key management connections along to where the mobile node
// is, or leaves a note to discard them (RFC 6275 section 10.3.1). Without other
// knowledge they end where the binding did, or at the home address if there was
// none. A mobile node that de-registers need not be at home.
func (j *judgement) followIKE(work *job) {
	if j.update.Tunnelled && !j.update.Message.AlternateCareOf.IsValid() {
		return // the mobile node does not say where it is
	}
	from := j.grant.IKEPeer
	if !from.IsValid() {
		from = j.home
		if work.work.Old.Active() {
			from = work.work.Old.CareOf
		}
	}
	if j.grant.Keying != KeyedByIKE || from == j.careOf {
		return
	}
	if !work.k {
		work.dropIKE = from
		return
	}
	work.work.IKEFrom, work.work.IKETo = from, j.careOf
	work.add(true, MoveIKE)
}
