package mobility

import "encoding/binary"

// A Cookie is the value by which a mobile node matches a test with its answer
// (RFC 6275 section 5.2.3).
type Cookie [8]byte

// A Token is a keygen token of the return routability procedure (RFC 6275
// section 5.2.3).
type Token [8]byte

// A HomeTestInit begins the return routability procedure on the way through the
// home agent (RFC 6275 section 6.1.3).
type HomeTestInit struct {
	Cookie Cookie
	Options
}

// Type implements [Message].
func (*HomeTestInit) Type() Type { return TypeHomeTestInit }

func (m *HomeTestInit) options() *Options { return &m.Options }

func (m *HomeTestInit) appendFixed(b []byte) []byte { return appendInit(b, m.Cookie) }

func (m *HomeTestInit) parseFixed(data []byte) ([]byte, Fault) { return parseInit(data, &m.Cookie) }

// A CareOfTestInit does the same on the direct way (RFC 6275 section 6.1.4).
type CareOfTestInit struct {
	Cookie Cookie
	Options
}

// Type implements [Message].
func (*CareOfTestInit) Type() Type { return TypeCareOfTestInit }

func (m *CareOfTestInit) options() *Options { return &m.Options }

func (m *CareOfTestInit) appendFixed(b []byte) []byte { return appendInit(b, m.Cookie) }

func (m *CareOfTestInit) parseFixed(data []byte) ([]byte, Fault) { return parseInit(data, &m.Cookie) }

// A HomeTest answers a [HomeTestInit] (RFC 6275 section 6.1.5).
type HomeTest struct {
	NonceIndex uint16
	Cookie     Cookie
	Token      Token
	Options
}

// Type implements [Message].
func (*HomeTest) Type() Type { return TypeHomeTest }

func (m *HomeTest) options() *Options { return &m.Options }

func (m *HomeTest) appendFixed(b []byte) []byte {
	return appendTest(b, m.NonceIndex, m.Cookie, m.Token)
}

func (m *HomeTest) parseFixed(data []byte) ([]byte, Fault) {
	return parseTest(data, &m.NonceIndex, &m.Cookie, &m.Token)
}

// A CareOfTest answers a [CareOfTestInit] (RFC 6275 section 6.1.6).
type CareOfTest struct {
	NonceIndex uint16
	Cookie     Cookie
	Token      Token
	Options
}

// Type implements [Message].
func (*CareOfTest) Type() Type { return TypeCareOfTest }

func (m *CareOfTest) options() *Options { return &m.Options }

func (m *CareOfTest) appendFixed(b []byte) []byte {
	return appendTest(b, m.NonceIndex, m.Cookie, m.Token)
}

func (m *CareOfTest) parseFixed(data []byte) ([]byte, Fault) {
	return parseTest(data, &m.NonceIndex, &m.Cookie, &m.Token)
}

// Home and care-of test have the same formats.

func appendInit(b []byte, cookie Cookie) []byte { return append(append(b, 0, 0), cookie[:]...) }

func parseInit(data []byte, cookie *Cookie) ([]byte, Fault) {
	copy(cookie[:], data[2:])
	return data[2+len(cookie):], 0
}

func appendTest(b []byte, nonce uint16, cookie Cookie, token Token) []byte {
	b = binary.BigEndian.AppendUint16(b, nonce)
	return append(append(b, cookie[:]...), token[:]...)
}

func parseTest(data []byte, nonce *uint16, cookie *Cookie, token *Token) ([]byte, Fault) {
	*nonce = binary.BigEndian.Uint16(data)
	copy(cookie[:], data[2:])
	copy(token[:], data[2+len(cookie):])
	return data[2+len(cookie)+len(token):], 0
}
