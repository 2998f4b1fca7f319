package crowd

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of ESP with AES-CBC (RFC 3602) and HMAC-SHA-256-128 (RFC 4868).
const (
	espHeader = 8 // SPI and sequence number
	espTail   = 2 // pad length and next header
	checkSize = 16
)

// The keys of all security associations: there is nothing to hide.
var (
	encryptionKey     = []byte("0123456789abcdef")
	authenticationKey = []byte("0123456789abcdef0123456789abcdef")
)

// A suite seals and opens ESP payloads in transport mode (RFC 4303 section 2). It
// may be used by one goroutine at a time.
type suite struct {
	block cipher.Block
}

func newSuite() (*suite, error) {
	block, err := aes.NewCipher(encryptionKey)
	if err != nil {
		return nil, fmt.Errorf("preparing ESP: %w", err)
	}
	return &suite{block}, nil
}

// seal appends the ESP header and all behind it.
func (s *suite) seal(b []byte, spi, sequence uint32, nextHeader uint8, payload []byte) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, spi)
	b = binary.BigEndian.AppendUint32(b, sequence)
	vector := len(b)
	b = append(b, make([]byte, aes.BlockSize)...)
	rand.Read(b[vector:]) // never fails
	plain := len(b)
	b = append(b, payload...)
	padding := aes.BlockSize - 1 - (len(payload)+espTail-1)%aes.BlockSize
	for i := range padding {
		b = append(b, byte(i+1))
	}
	b = append(b, byte(padding), nextHeader)
	cipher.NewCBCEncrypter(s.block, b[vector:plain]).CryptBlocks(b[plain:], b[plain:])
	return append(b, check(b[start:])...)
}

// Why a packet cannot be opened.
var (
	errShort   = errors.New("it is too short")
	errCheck   = errors.New("its integrity check value is wrong")
	errPadding = errors.New("its padding is wrong")
)

// open decrypts an ESP packet in place.
func (s *suite) open(packet []byte) (spi uint32, nextHeader uint8, payload []byte, err error) {
	inner := len(packet) - espHeader - aes.BlockSize - checkSize
	if inner < aes.BlockSize || inner%aes.BlockSize != 0 {
		return 0, 0, nil, errShort
	}
	end := len(packet) - checkSize
	if !hmac.Equal(check(packet[:end]), packet[end:]) {
		return 0, 0, nil, errCheck
	}
	vector, plain := packet[espHeader:espHeader+aes.BlockSize], packet[espHeader+aes.BlockSize:end]
	cipher.NewCBCDecrypter(s.block, vector).CryptBlocks(plain, plain)
	padding := int(plain[inner-espTail])
	if padding+espTail > inner {
		return 0, 0, nil, errPadding
	}
	return binary.BigEndian.Uint32(packet), plain[inner-1], plain[:inner-espTail-padding], nil
}

// check is the integrity check value of what precedes it.
func check(b []byte) []byte {
	mac := hmac.New(sha256.New, authenticationKey)
	mac.Write(b)
	return mac.Sum(nil)[:checkSize]
}
