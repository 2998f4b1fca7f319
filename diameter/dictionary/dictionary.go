package dictionary

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/fiorix/go-diameter/v4/diam/datatype"
	"github.com/fiorix/go-diameter/v4/diam/dict"

	"homeagent/diameter"
)

// An AVPRule is the definition of one AVP.
type AVPRule struct {
	Name    string
	Code    uint32
	Vendor  uint32
	Type    datatype.TypeID
	Must    diameter.AVPFlags // flags that must be set
	MustNot diameter.AVPFlags // flags that must be clear
	Values  []int32           // all values of an Enumerated, nil if any is allowed
}

// MinLength is the least number of octets of data an AVP of this type can have.
func (r AVPRule) MinLength() int {
	switch r.Type {
	case datatype.Unsigned32Type, datatype.Integer32Type, datatype.EnumeratedType, datatype.TimeType, datatype.Float32Type:
		return 4
	case datatype.AddressType:
		return 6 // family and an IPv4 address
	case datatype.Unsigned64Type, datatype.Integer64Type, datatype.Float64Type:
		return 8
	}
	return 0
}

// Example is an AVP as defined with a payload of zeros of the least length, as
// Failed-AVP must hold for a missing AVP (RFC 6733 section 7.1.5).
func (r AVPRule) Example() diameter.AVP {
	return diameter.AVP{Code: r.Code, Vendor: r.Vendor, Flags: r.Must, Data: make([]byte, r.MinLength())}
}

// A Rule says how often an AVP occurs in a command.
type Rule struct {
	AVPRule
	Min int
	Max int // Unlimited, or 0 for an AVP that must not be present
}

// A CommandRule is the definition of one command: its names and the AVPs of
// its request and answer in the order of the grammar. Other AVPs may be present
// too: every grammar ends in *[AVP].
type CommandRule struct {
	Name        string
	Short       string // as in "HM" for HMR and HMA
	Code        uint32
	Application uint32
	Request     []Rule
	Answer      []Rule
}

type id struct{ code, scope uint32 }

// A Dictionary is a loaded table. It is immutable and safe for concurrent use.
type Dictionary struct {
	codes    Codes
	file     *dict.File
	parser   *dict.Parser
	avps     map[id]AVPRule     // by AVP code and vendor
	commands map[id]CommandRule // by command code and application
}

// Load validates the codes, renders the table as a go-diameter dictionary and
// has that library's parser load it.
func Load(c Codes) (*Dictionary, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	d := &Dictionary{codes: c, file: file(c), parser: new(dict.Parser), avps: map[id]AVPRule{}, commands: map[id]CommandRule{}}
	text, err := d.XML()
	if err != nil {
		return nil, err
	}
	if err := d.parser.Load(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("loading the Diameter dictionary: %w", err)
	}
	d.indexAVPs()
	return d, d.indexCommands()
}

// Codes returns the codes d was loaded with.
func (d *Dictionary) Codes() Codes { return d.codes }

// Parser returns the dictionary in go-diameter's form, for tools that speak
// Diameter through that library. What comes from the network is not for it.
func (d *Dictionary) Parser() *dict.Parser { return d.parser }

// XML returns the dictionary in go-diameter's format.
func (d *Dictionary) XML() ([]byte, error) {
	text, err := xml.MarshalIndent(d.file, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("rendering the Diameter dictionary: %w", err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}

// AVP returns the definition of the AVP of that code and vendor.
func (d *Dictionary) AVP(code, vendor uint32) (AVPRule, bool) {
	r, ok := d.avps[id{code, vendor}]
	return r, ok
}

// Command returns the definition of a command as met in messages of an
// application. The base protocol's session commands are known in our
// application too, as their header carries its Application-Id (RFC 6733
// section 8); the peer commands are known in application 0 only.
func (d *Dictionary) Command(app, code uint32) (CommandRule, bool) {
	r, ok := d.commands[id{code, app}]
	return r, ok
}

// Known reports whether a request of that application and command code can be
// for us at all: whether the command is known there, and whether the
// application is.
func (d *Dictionary) Known(app, code uint32) (command, application bool) {
	_, command = d.Command(app, code)
	return command, app == appBase || app == d.codes.Application
}

// file renders the table in go-diameter's types.
func file(c Codes) *dict.File {
	base := &dict.App{ID: appBase, Name: "Base", AVP: baseAVPs()}
	for _, command := range baseCommands() {
		base.Command = append(base.Command, command.render())
	}
	own := &dict.App{ID: c.Application, Type: "auth", Name: "MIPv6 Bootstrapping", AVP: ownAVPs(c)}
	if c.Vendor != 0 {
		own.Vendor = []*dict.Vendor{{ID: c.Vendor, Name: "homeagent"}}
	}
	for _, command := range ownCommands(c) {
		own.Command = append(own.Command, command.render())
	}
	return &dict.File{App: []*dict.App{base, own}}
}

func (c command) render() *dict.Command {
	rules := func(grammar string) (rules []*dict.Rule) {
		for _, e := range mustParseGrammar(grammar) {
			if e.max != 0 {
				rules = append(rules, e.rule())
			}
		}
		return rules
	}
	return &dict.Command{Code: c.Code, Name: c.Name, Short: c.Short,
		Request: dict.CommandRule{Rule: rules(c.Request)}, Answer: dict.CommandRule{Rule: rules(c.Answer)}}
}

// indexAVPs takes the AVPs from the loaded parser by code and vendor. Its own
// look-up functions fall back to another vendor's AVP of the same code.
func (d *Dictionary) indexAVPs() {
	for _, app := range d.parser.Apps() {
		for _, a := range app.AVP {
			r := AVPRule{Name: a.Name, Code: a.Code, Vendor: a.VendorID, Type: a.Data.Type, Must: flags(a.Must), MustNot: flags(a.MustNot)}
			for _, item := range a.Data.Enum {
				r.Values = append(r.Values, item.Code)
			}
			d.avps[id{a.Code, a.VendorID}] = r
		}
	}
}

func (d *Dictionary) indexCommands() error {
	byName := map[string]AVPRule{}
	for _, r := range d.avps {
		byName[r.Name] = r
	}
	add := func(c command, apps ...uint32) error {
		r := CommandRule{Name: c.Name, Short: c.Short, Code: c.Code}
		var err error
		if r.Request, err = resolve(c.Request, byName); err != nil {
			return fmt.Errorf("loading %s: %w", c.Name, err)
		}
		if r.Answer, err = resolve(c.Answer, byName); err != nil {
			return fmt.Errorf("loading %s: %w", c.Name, err)
		}
		for _, r.Application = range apps {
			d.commands[id{c.Code, r.Application}] = r
		}
		return nil
	}
	for _, c := range baseCommands() {
		apps := []uint32{appBase}
		if strings.HasPrefix(c.Request, "<Session-Id>") {
			apps = append(apps, d.codes.Application)
		}
		if err := add(c, apps...); err != nil {
			return err
		}
	}
	for _, c := range ownCommands(d.codes) {
		if err := add(c, d.codes.Application); err != nil {
			return err
		}
	}
	return nil
}

func resolve(grammar string, byName map[string]AVPRule) ([]Rule, error) {
	var rules []Rule
	for _, e := range mustParseGrammar(grammar) {
		r, ok := byName[e.name]
		if !ok {
			return nil, fmt.Errorf("AVP %q of its grammar is not defined", e.name)
		}
		rules = append(rules, Rule{AVPRule: r, Min: e.min, Max: e.max})
	}
	return rules, nil
}

// flags reads a list such as "M,V".
func flags(list string) (f diameter.AVPFlags) {
	names := strings.Split(list, ",")
	if slices.Contains(names, "M") {
		f |= diameter.AVPMandatory
	}
	if slices.Contains(names, "V") {
		f |= diameter.AVPVendor
	}
	return f
}
