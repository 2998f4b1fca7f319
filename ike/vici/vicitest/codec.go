package vicitest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Types of packets and of message elements, as in strongSwan's
// src/libcharon/plugins/vici/README.md.
const (
	cmdRequest      = 0
	cmdResponse     = 1
	cmdUnknown      = 2
	eventRegister   = 3
	eventUnregister = 4
	eventConfirm    = 5
	eventUnknown    = 6
	event           = 7

	sectionStart = 1
	sectionEnd   = 2
	keyValue     = 3
	listStart    = 4
	listItem     = 5
	listEnd      = 6
)

var errTruncated = errors.New("the VICI message is truncated")

// A Message is a VICI message or a section of one: fields in their order.
type Message []Field

// A Field is a named value, list or section.
type Field struct {
	Name    string
	Value   string
	List    []string
	Section Message
	Kind    FieldKind
}

// A FieldKind says which part of a Field counts.
type FieldKind int

// The kinds of fields.
const (
	IsValue FieldKind = iota
	IsList
	IsSection
)

// Value makes a field of one value.
func Value(name, value string) Field { return Field{Name: name, Value: value} }

// List makes a field of a list.
func List(name string, items []string) Field { return Field{Name: name, List: items, Kind: IsList} }

// Section makes a field of a section.
func Section(name string, fields ...Field) Field {
	return Field{Name: name, Section: fields, Kind: IsSection}
}

// Get returns a value, "" when there is none.
func (m Message) Get(name string) string { return m.field(name).Value }

// Items returns a list, nil when there is none.
func (m Message) Items(name string) []string { return m.field(name).List }

// Sub returns a section, nil when there is none.
func (m Message) Sub(name string) Message { return m.field(name).Section }

func (m Message) field(name string) Field {
	for _, f := range m {
		if f.Name == name {
			return f
		}
	}
	return Field{}
}

// String shows the message in the form of swanctl.conf.
func (m Message) String() string { return m.indent("") }

func (m Message) indent(by string) string {
	var b strings.Builder
	for _, f := range m {
		switch f.Kind {
		case IsValue:
			fmt.Fprintf(&b, "%s%s = %s\n", by, f.Name, f.Value)
		case IsList:
			fmt.Fprintf(&b, "%s%s = %s\n", by, f.Name, strings.Join(f.List, ", "))
		case IsSection:
			fmt.Fprintf(&b, "%s%s {\n%s%s}\n", by, f.Name, f.Section.indent(by+"  "), by)
		}
	}
	return b.String()
}

// Append encodes the message behind b.
func (m Message) Append(b []byte) []byte {
	for _, f := range m {
		switch f.Kind {
		case IsValue:
			b = appendValue(appendName(append(b, keyValue), f.Name), f.Value)
		case IsList:
			b = appendName(append(b, listStart), f.Name)
			for _, item := range f.List {
				b = appendValue(append(b, listItem), item)
			}
			b = append(b, listEnd)
		case IsSection:
			b = append(f.Section.Append(appendName(append(b, sectionStart), f.Name)), sectionEnd)
		}
	}
	return b
}

func appendName(b []byte, name string) []byte { return append(append(b, byte(len(name))), name...) }

func appendValue(b []byte, value string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// Parse decodes a message.
func Parse(b []byte) (Message, error) {
	p := parser{rest: b}
	m := p.section(0)
	if p.err == nil && len(p.rest) > 0 {
		p.err = errors.New("the VICI message ends a section that did not begin")
	}
	return m, p.err
}

// maxDepth bounds the nesting of sections.
const maxDepth = 16

type parser struct {
	rest []byte
	err  error
}

// section reads fields up to the end of the section.
func (p *parser) section(depth int) Message {
	var m Message
	if depth > maxDepth {
		p.err = fmt.Errorf("the VICI message nests sections deeper than %d", maxDepth)
	}
	for p.err == nil && len(p.rest) > 0 && p.rest[0] != sectionEnd {
		m = append(m, p.field(depth))
	}
	return m
}

func (p *parser) field(depth int) Field {
	kind := p.take(1)
	f := Field{Name: string(p.take(int(p.number(1))))}
	switch {
	case p.err != nil:
	case kind[0] == keyValue:
		f.Value = p.value()
	case kind[0] == listStart:
		f.Kind, f.List = IsList, p.list()
	case kind[0] == sectionStart:
		f.Kind, f.Section = IsSection, p.section(depth+1)
		p.expect(sectionEnd)
	default:
		p.err = fmt.Errorf("the VICI message has an element of unknown type %d", kind[0])
	}
	return f
}

func (p *parser) list() []string {
	var items []string
	for p.err == nil && len(p.rest) > 0 && p.rest[0] == listItem {
		p.expect(listItem)
		items = append(items, p.value())
	}
	p.expect(listEnd)
	return items
}

func (p *parser) value() string { return string(p.take(int(p.number(2)))) }

func (p *parser) expect(kind byte) {
	if b := p.take(1); p.err == nil && b[0] != kind {
		p.err = fmt.Errorf("the VICI message has an element of type %d (must be %d)", b[0], kind)
	}
}

func (p *parser) number(octets int) uint16 {
	b := p.take(octets)
	if p.err != nil {
		return 0
	}
	if octets == 1 {
		return uint16(b[0])
	}
	return binary.BigEndian.Uint16(b)
}

func (p *parser) take(n int) []byte {
	if p.err == nil && len(p.rest) < n {
		p.err = errTruncated
	}
	if p.err != nil {
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// A packet is a message in its envelope.
type packet struct {
	kind    byte
	name    string
	message Message
}

func (p packet) named() bool {
	return p.kind == cmdRequest || p.kind == eventRegister || p.kind == eventUnregister || p.kind == event
}

func (p packet) append(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, p.kind)
	if p.named() {
		b = appendName(b, p.name)
	}
	b = p.message.Append(b)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// maxPacket is charon's limit in both directions.
const maxPacket = 512 << 10

func readPacket(r io.Reader) (packet, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return packet{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxPacket {
		return packet{}, fmt.Errorf("reading a VICI packet: %d octets (must be up to %d)", n, maxPacket)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return packet{}, err
	}
	return parsePacket(body)
}

func parsePacket(body []byte) (packet, error) {
	p := parser{rest: body}
	pkt := packet{}
	if kind := p.take(1); p.err == nil {
		pkt.kind = kind[0]
	}
	if pkt.named() {
		pkt.name = string(p.take(int(p.number(1))))
	}
	if p.err != nil {
		return packet{}, p.err
	}
	var err error
	pkt.message, err = Parse(p.rest)
	return pkt, err
}
