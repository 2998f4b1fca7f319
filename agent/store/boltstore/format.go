package boltstore

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"

	"homeagent/agent/store"
)

// The buckets of the file. Sessions and leases are found by user name, bindings
// by the 16 octets of the home address.
var (
	metaBucket    = []byte("meta")
	sessionBucket = []byte("sessions")
	leaseBucket   = []byte("leases")
	bindingBucket = []byte("bindings")

	buckets = [][]byte{metaBucket, sessionBucket, leaseBucket, bindingBucket}
)

// headerKey is where every format, past or to come, keeps its header.
var headerKey = []byte("header")

// A header is what the file says of itself.
type header struct {
	Format        int       `json:"format"`
	OriginStateID uint32    `json:"origin_state_id"`
	CreatedAt     time.Time `json:"created_at"`
	// Seal is a known text, sealed, where keys are sealed: it tells whether a
	// key is the right one.
	Seal []byte `json:"seal,omitempty"`
}

// sealText and sealContext are what Seal holds.
var sealText, sealContext = []byte("homeagent"), []byte("store")

func (h *header) sealWith(sealer store.Sealer) (err error) {
	if sealer == nil {
		return nil
	}
	h.Seal, err = sealer.Seal(sealText, sealContext)
	return err
}

func (h *header) write(tx *bolt.Tx) error {
	octets, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return tx.Bucket(metaBucket).Put(headerKey, octets)
}

func readHeader(tx *bolt.Tx) (h header, err error) {
	bucket := tx.Bucket(metaBucket)
	if bucket == nil {
		return h, fmt.Errorf("%w: it is no store of a home agent", ErrDamaged)
	}
	if err := json.Unmarshal(bucket.Get(headerKey), &h); err != nil || h.Format < 1 {
		return h, fmt.Errorf("%w: its header cannot be read", ErrDamaged)
	}
	return h, nil
}

// checkSeal proves that the sealing key is that of the file. A file that is not
// sealed goes with any.
func checkSeal(seal []byte, sealer store.Sealer) error {
	if seal == nil {
		return nil
	}
	if sealer == nil {
		return ErrSealed
	}
	if _, err := sealer.Open(seal, sealContext); err != nil {
		return fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return nil
}

// A format is a version of the file's layout, with what brings older ones up to
// it.
type format struct {
	version    int
	migrations map[int]migration // by the version they start from
}

// A migration turns a file of one version into one of the next, in the
// transaction that also writes the new version.
type migration func(tx *bolt.Tx) error

// current is the format this package writes. It is a new one whenever records get a
// field: an older homeagentd would drop it from those it writes anew.
//
// Format 2 has former addresses in leases, and in sessions what a homeagentd of
// format 1 wrote or not, depending on its age: what is under ESP besides signalling.
// Nothing needs to be written for that.
var current = format{version: 2, migrations: map[int]migration{
	1: func(*bolt.Tx) error { return nil },
}}

// guarded turns what bbolt does on damaged pages, a panic or a fault on the
// mapped file, into an error.
func guarded(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return fn()
}
