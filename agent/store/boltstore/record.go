package boltstore

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"time"

	"homeagent/agent/store"
	"homeagent/ike/psk"
)

// A record is an octet for its encoding, a checksum over key and body, and the
// body: JSON, so that fields can come later.
const (
	encoding   = 1
	recordHead = 1 + crc32.Size
)

var (
	errEncoding = errors.New("its encoding is unknown")
	errChecksum = errors.New("its checksum is wrong")
)

func checksum(key, body []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once, kept by the library
	return crc32.Update(crc32.Checksum(key, table), table, body)
}

func pack(key []byte, fields any) ([]byte, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	record := make([]byte, 0, recordHead+len(body))
	record = append(record, encoding)
	record = binary.BigEndian.AppendUint32(record, checksum(key, body))
	return append(record, body...), nil
}

func unpack(key, record []byte, fields any) error {
	if len(record) < recordHead || record[0] != encoding {
		return errEncoding
	}
	body := record[recordHead:]
	if checksum(key, body) != binary.BigEndian.Uint32(record[1:]) {
		return errChecksum
	}
	return json.Unmarshal(body, fields)
}

// sessionFields are what a session's record holds. The names are short as there
// are many records, and never change their meaning.
type sessionFields struct {
	SessionID     string          `json:"id"`
	OriginHost    string          `json:"host,omitempty"`
	OriginRealm   string          `json:"realm,omitempty"`
	PeerHost      string          `json:"peer,omitempty"`
	AcctID        string          `json:"acct,omitempty"`
	HomeAddress   netip.Addr      `json:"hoa"`
	HomeAgent     netip.Addr      `json:"ha"`
	KeyID         int32           `json:"key_id"`
	ReqID         uint32          `json:"reqid,omitempty"`
	Key           []byte          `json:"key,omitempty"` // sealed where the store has a Sealer; none of configured sessions
	Configured    bool            `json:"conf,omitempty"`
	Manual        bool            `json:"manual,omitempty"`
	Fingerprint   psk.Fingerprint `json:"print"`
	Stateful      bool            `json:"stateful,omitempty"`
	AuthorizedAt  time.Time       `json:"authorized,omitzero"`
	ExpiresAt     time.Time       `json:"expires,omitzero"`
	Grace         time.Duration   `json:"grace,omitempty"`
	EstablishedAt time.Time       `json:"established,omitzero"`
	CareOf        netip.Addr      `json:"coa,omitzero"`
	RoutabilitySA bool            `json:"rr_sa,omitempty"`
	PayloadSA     bool            `json:"payload_sa,omitempty"`
}

func (s *Store) encodeSession(v store.Session) ([]byte, error) {
	f := sessionFields{
		SessionID: v.SessionID, OriginHost: v.OriginHost, OriginRealm: v.OriginRealm, PeerHost: v.PeerHost,
		AcctID: v.AcctMultiSessionID, HomeAddress: v.HomeAddress, HomeAgent: v.HomeAgent,
		KeyID: v.KeyID, ReqID: v.ReqID, Key: v.PSK.Bytes(), Fingerprint: v.Fingerprint, Stateful: v.Stateful,
		AuthorizedAt: v.AuthorizedAt.UTC(), ExpiresAt: v.ExpiresAt.UTC(), Grace: v.Grace,
		EstablishedAt: v.EstablishedAt.UTC(), CareOf: v.CareOf,
		RoutabilitySA: v.RoutabilitySA, PayloadSA: v.PayloadSA, Configured: v.Configured, Manual: v.Manual,
	}
	if s.sealer != nil && !v.Configured {
		var err error
		if f.Key, err = s.sealer.Seal(f.Key, keyContext(v.UserName, &f)); err != nil {
			return nil, err
		}
	}
	return pack([]byte(v.UserName), f)
}

func (s *Store) decodeSession(key, record []byte) (store.Session, error) {
	var f sessionFields
	if err := unpack(key, record, &f); err != nil {
		return store.Session{}, damaged("session", key, err)
	}
	secret, err := s.openKey(key, &f)
	if err != nil {
		return store.Session{}, damaged("session", key, err)
	}
	return store.Session{
		UserName: string(key), SessionID: f.SessionID,
		OriginHost: f.OriginHost, OriginRealm: f.OriginRealm, PeerHost: f.PeerHost,
		AcctMultiSessionID: f.AcctID, HomeAddress: f.HomeAddress, HomeAgent: f.HomeAgent,
		KeyID: f.KeyID, ReqID: f.ReqID, PSK: secret, Fingerprint: f.Fingerprint, Stateful: f.Stateful,
		AuthorizedAt: f.AuthorizedAt, ExpiresAt: f.ExpiresAt, Grace: f.Grace,
		EstablishedAt: f.EstablishedAt, CareOf: f.CareOf,
		RoutabilitySA: f.RoutabilitySA, PayloadSA: f.PayloadSA, Configured: f.Configured, Manual: f.Manual,
	}, nil
}

// openKey reads the key of a session, none of a configured one.
func (s *Store) openKey(user []byte, f *sessionFields) (psk.Key, error) {
	switch {
	case f.Configured && f.Key != nil:
		return psk.Key{}, errors.New("it has a key, which is the configuration's")
	case f.Configured:
		return psk.Key{}, nil
	case s.sealer == nil:
		return psk.KeyFromBytes(f.Key)
	}
	octets, err := s.sealer.Open(f.Key, keyContext(string(user), f))
	if err != nil {
		return psk.Key{}, err
	}
	return psk.KeyFromBytes(octets)
}

// keyContext names whom a key is for, so that a sealed key cannot be moved to
// another record. The user name is last, as the others have fixed lengths.
func keyContext(user string, f *sessionFields) []byte {
	hoa, ha := f.HomeAddress.As16(), f.HomeAgent.As16()
	context := append(hoa[:], ha[:]...)
	context = binary.BigEndian.AppendUint32(context, uint32(f.KeyID))
	return append(context, user...)
}

type leaseFields struct {
	Address  netip.Addr      `json:"hoa"`
	Released time.Time       `json:"released,omitzero"`
	LastKey  psk.Fingerprint `json:"print,omitzero"`
	Former   []formerFields  `json:"former,omitempty"` // since format 2
}

type formerFields struct {
	Address  netip.Addr `json:"hoa"`
	Released time.Time  `json:"released,omitzero"`
}

func (s *Store) encodeLease(v store.Lease) ([]byte, error) {
	f := leaseFields{Address: v.Address, Released: v.Released.UTC(), LastKey: v.LastKey}
	for _, former := range v.Former {
		f.Former = append(f.Former, formerFields{Address: former.Address, Released: former.Released.UTC()})
	}
	return pack([]byte(v.UserName), f)
}

func (s *Store) decodeLease(key, record []byte) (store.Lease, error) {
	var f leaseFields
	if err := unpack(key, record, &f); err != nil {
		return store.Lease{}, damaged("lease", key, err)
	}
	v := store.Lease{UserName: string(key), Address: f.Address, Released: f.Released, LastKey: f.LastKey}
	for _, former := range f.Former {
		v.Former = append(v.Former, store.Former(former))
	}
	return v, nil
}

type bindingFields struct {
	CareOf     netip.Addr     `json:"coa"`
	HomeAgent  netip.Addr     `json:"ha"`
	Sequence   uint16         `json:"seq"`
	Flags      uint16         `json:"flags"`
	Lifetime   uint16         `json:"life"`
	Registered time.Time      `json:"registered,omitzero"`
	Expires    time.Time      `json:"expires,omitzero"`
	Prefixes   []netip.Prefix `json:"prefixes,omitempty"`
}

func (s *Store) encodeBinding(v store.Binding) ([]byte, error) {
	return pack(bindingKey(v.HomeAddress), bindingFields{
		CareOf: v.CareOf, HomeAgent: v.HomeAgent, Sequence: v.Sequence, Flags: v.Flags, Lifetime: v.Lifetime,
		Registered: v.Registered.UTC(), Expires: v.Expires.UTC(), Prefixes: v.Prefixes,
	})
}

func (s *Store) decodeBinding(key, record []byte) (store.Binding, error) {
	var f bindingFields
	if len(key) != 16 {
		return store.Binding{}, damaged("binding", key, errors.New("its key is no IPv6 address"))
	}
	home := netip.AddrFrom16([16]byte(key))
	if err := unpack(key, record, &f); err != nil {
		return store.Binding{}, damaged("binding", []byte(home.String()), err)
	}
	return store.Binding{
		HomeAddress: home, CareOf: f.CareOf, HomeAgent: f.HomeAgent,
		Sequence: f.Sequence, Flags: f.Flags, Lifetime: f.Lifetime,
		Registered: f.Registered, Expires: f.Expires, Prefixes: f.Prefixes,
	}, nil
}

func bindingKey(home netip.Addr) []byte {
	octets := home.As16()
	return octets[:]
}

func damaged(kind string, name []byte, err error) error {
	return fmt.Errorf("reading the %s of %q: %w: %w", kind, name, ErrDamaged, err)
}
