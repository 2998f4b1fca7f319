package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// A Sealer protects pre-shared keys at rest. The context is bound to what is
// sealed: with another one Open fails.
type Sealer interface {
	Seal(plain, context []byte) ([]byte, error)
	Open(sealed, context []byte) ([]byte, error)
}

// SealKeySize is the length of a sealing key in octets.
const SealKeySize = 32

// ErrNotSealed says that something was not sealed with this key and for this
// context, or was changed since.
var ErrNotSealed = errors.New("it was sealed with another key or for another record, or is damaged")

// NewSealer makes a Sealer of a secret key. It seals with XAES-256-GCM (C2SP):
// AES-256-GCM under a key of its own for each record, so that random nonces do
// not wear the secret key out however often records are written.
func NewSealer(key [SealKeySize]byte) (Sealer, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("making a sealer: %w", err)
	}
	return &xaes{block: block, mac: macKey(block)}, nil
}

const (
	saltSize  = 12 // of the nonce's 24 octets the first derive the key
	nonceSize = saltSize + 12
)

// xaes is XAES-256-GCM. Sealed octets are the nonce, the ciphertext and its tag.
type xaes struct {
	block cipher.Block
	mac   [aes.BlockSize]byte // K1 of AES-CMAC (RFC 4493 section 2.3)
}

func macKey(block cipher.Block) (k [aes.BlockSize]byte) {
	block.Encrypt(k[:], k[:])
	var carry byte
	for i := len(k) - 1; i >= 0; i-- {
		k[i], carry = k[i]<<1|carry, k[i]>>7
	}
	if carry == 1 {
		k[len(k)-1] ^= 0b1000_0111
	}
	return k
}

// derived is AES-256-GCM under the key that a nonce's salt selects.
func (x *xaes) derived(salt []byte) (cipher.AEAD, error) {
	key := make([]byte, 0, SealKeySize)
	for counter := byte(1); counter <= 2; counter++ {
		m := [aes.BlockSize]byte{0, counter, 'X', 0}
		copy(m[4:], salt)
		for i := range m {
			m[i] ^= x.mac[i]
		}
		x.block.Encrypt(m[:], m[:])
		key = append(key, m[:]...)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Seal encrypts and authenticates plain, and authenticates the context.
func (x *xaes) Seal(plain, context []byte) ([]byte, error) {
	nonce := make([]byte, nonceSize, nonceSize+len(plain)+aes.BlockSize)
	rand.Read(nonce) // never fails: it would end the process
	return x.seal(nonce, plain, context)
}

func (x *xaes) seal(nonce, plain, context []byte) ([]byte, error) {
	aead, err := x.derived(nonce[:saltSize])
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return aead.Seal(nonce, nonce[saltSize:], plain, context), nil
}

// Open is the inverse of Seal. The error wraps [ErrNotSealed].
func (x *xaes) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < nonceSize {
		return nil, fmt.Errorf("opening %d sealed octets (must be at least %d): %w", len(sealed), nonceSize, ErrNotSealed)
	}
	aead, err := x.derived(sealed[:saltSize])
	if err != nil {
		return nil, fmt.Errorf("opening what was sealed: %w", err)
	}
	plain, err := aead.Open(nil, sealed[saltSize:nonceSize], sealed[nonceSize:], context)
	if err != nil {
		return nil, fmt.Errorf("opening what was sealed: %w", ErrNotSealed)
	}
	return plain, nil
}
