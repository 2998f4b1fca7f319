package wire

import (
	"bytes"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"

	"homeagent/xfrm/internal/object"
)

const (
	sizeAlgorithmName = 64
	// maxKeyBits is more than any algorithm of ours takes.
	maxKeyBits = 8 * 512

	offStateFamily = offStateReqID + 4
	offStateMode   = offStateReqID + 6
)

// AppendAssociation appends the body of XFRM_MSG_NEWSA for an association.
func AppendAssociation(b []byte, a object.Association) []byte {
	b = appendSelector(b, selectorOf(a))
	b = append(b, as16(a.Dst)...)
	b = network.AppendUint32(b, a.SPI)
	b = append(b, byte(object.ESP), 0, 0, 0)
	b = append(b, as16(a.Src)...)
	b = appendForever(b)
	b = pad(b, sizeUsage+3*4+4) // usage, statistics, sequence number
	b = native.AppendUint32(b, a.ReqID)
	b = native.AppendUint16(b, familyIPv6)
	b = append(b, byte(object.Transport), 0, 0) // mode, replay window, flags
	b = pad(b, 7)
	b = appendAttr(b, nl.XFRMA_ALG_AUTH_TRUNC, algorithm(a.Integrity, true))
	return appendAttr(b, nl.XFRMA_ALG_CRYPT, algorithm(a.Encryption, false))
}

func selectorOf(a object.Association) object.Selector {
	return object.Selector{Src: object.Host(a.Src), Dst: object.Host(a.Dst), Protocol: a.Protocol}
}

// algorithm is a struct xfrm_algo, or xfrm_algo_auth if it is truncated.
func algorithm(a object.Algorithm, truncated bool) []byte {
	key := a.Key.Bytes()
	b := make([]byte, sizeAlgorithmName, sizeAlgorithmName+8+len(key))
	copy(b, a.Name)
	b = native.AppendUint32(b, uint32(8*len(key)))
	if truncated {
		b = native.AppendUint32(b, a.Truncated)
	}
	return append(b, key...)
}

// AppendAssociationID appends the body of XFRM_MSG_GETSA and XFRM_MSG_DELSA.
func AppendAssociationID(b []byte, k object.AssociationKey) []byte {
	b = append(b, as16(k.Dst)...)
	b = network.AppendUint32(b, k.SPI)
	b = native.AppendUint16(b, familyIPv6)
	b = append(b, byte(object.ESP), 0)
	return appendAttr(b, nl.XFRMA_SRCADDR, as16(k.Src))
}

// ParseAssociation reads the body of an XFRM_MSG_NEWSA. Associations that are
// negotiated are foreign: they have other attributes, or check for replays.
func ParseAssociation(b []byte) (object.Association, error) {
	var a object.Association
	if len(b) < sizeState {
		return a, fmt.Errorf("reading an association of %d octets, expected at least %d: %w", len(b), sizeState, errShort)
	}
	if object.Transform(b[offStateID+20]) != object.ESP || native.Uint16(b[offStateFamily:]) != familyIPv6 ||
		object.Mode(b[offStateMode]) != object.Transport {
		return a, fmt.Errorf("reading an association: %w", ErrForeign)
	}
	selector, err := parseSelector(b)
	if err != nil {
		return a, err
	}
	a.Dst = netip.AddrFrom16([16]byte(b[offStateID : offStateID+16]))
	a.SPI = network.Uint32(b[offStateID+16:])
	a.Src = netip.AddrFrom16([16]byte(b[offStateSrc : offStateSrc+16]))
	a.ReqID = native.Uint32(b[offStateReqID:])
	a.Protocol = selector.Protocol
	if selector != selectorOf(a) {
		return a, fmt.Errorf("reading an association with another selector: %w", ErrForeign)
	}
	err = eachAttr(b[sizeState:], func(typ uint16, value []byte) (err error) {
		switch typ {
		case nl.XFRMA_ALG_AUTH_TRUNC:
			a.Integrity, err = parseAlgorithm(value, true)
		case nl.XFRMA_ALG_CRYPT:
			a.Encryption, err = parseAlgorithm(value, false)
		}
		return err
	})
	if err == nil && (a.Integrity.Name == "" || a.Encryption.Name == "") {
		err = fmt.Errorf("reading an association without both algorithms: %w", ErrForeign)
	}
	return a, err
}

func parseAlgorithm(b []byte, truncated bool) (object.Algorithm, error) {
	var a object.Algorithm
	head := sizeAlgorithmName + 4
	if truncated {
		head += 4
	}
	if len(b) < head {
		return a, fmt.Errorf("reading an algorithm of %d octets, expected at least %d: %w", len(b), head, errShort)
	}
	name, _, _ := bytes.Cut(b[:sizeAlgorithmName], []byte{0})
	a.Name = string(name)
	bits := native.Uint32(b[sizeAlgorithmName:])
	if truncated {
		a.Truncated = native.Uint32(b[sizeAlgorithmName+4:])
	}
	if bits > maxKeyBits || bits%8 != 0 || len(b) < head+int(bits/8) {
		return a, fmt.Errorf("reading an algorithm with a key of %d bits in %d octets: %w", bits, len(b)-head, errShort)
	}
	a.Key = object.NewSecret(b[head : head+int(bits/8)])
	return a, nil
}
