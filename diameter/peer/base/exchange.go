package base

import (
	"errors"
	"fmt"

	"github.com/fiorix/go-diameter/v4/diam/avp"

	"homeagent/diameter"
)

// ReadCER judges a CER and reads it. The Capabilities hold what could be read
// even where there is a Failure, so that the peer can be named in a log.
func ReadCER(m *diameter.Message) (Capabilities, *diameter.Failure) {
	c, f := readCapabilities(m)
	if first := cerGrammar.judge(m); first != nil {
		return c, first
	}
	return c, f
}

// An AnswerError is an answer that grants nothing.
type AnswerError struct {
	Code ResultCode
	Text string // the peer's Error-Message
}

// ResultCode is diameter's.
type ResultCode = diameter.ResultCode

// Error is the peer's verdict in its own words.
func (e *AnswerError) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("the peer answered %v", e.Code)
	}
	return fmt.Sprintf("the peer answered %v: %q", e.Code, e.Text)
}

// ReadCEA reads a CEA. The error is an [*AnswerError] if the peer refused.
func ReadCEA(m *diameter.Message) (Capabilities, error) {
	if err := Result(m); err != nil {
		return Capabilities{}, err
	}
	c, f := readCapabilities(m)
	switch {
	case f != nil:
		return c, f
	case c.Host == "" || c.Realm == "":
		return c, errors.New("the CEA lacks Origin-Host or Origin-Realm")
	}
	return c, nil
}

// Result reads the Result-Code of an answer: nil if it is of the success class,
// an [*AnswerError] for any other.
func Result(m *diameter.Message) error {
	a, ok := m.Find(avp.ResultCode, 0)
	if !ok {
		return errors.New("the answer lacks Result-Code")
	}
	code, err := a.Unsigned32()
	if err != nil {
		return err
	}
	if diameter.ResultCode(code).Success() {
		return nil
	}
	e := &AnswerError{Code: diameter.ResultCode(code)}
	if a, ok := m.Find(avp.ErrorMessage, 0); ok {
		e.Text, _ = a.UTF8()
	}
	return e
}

// readCapabilities reads all it can and returns the first failure.
func readCapabilities(m *diameter.Message) (c Capabilities, first *diameter.Failure) {
	for _, a := range m.AVPs {
		if a.Vendor != 0 {
			continue
		}
		if err := c.read(a); err != nil && first == nil {
			first = failure(err)
		}
	}
	return c, first
}

func (c *Capabilities) read(a diameter.AVP) error {
	switch a.Code {
	case avp.OriginHost:
		return identity(a, &c.Host)
	case avp.OriginRealm:
		return identity(a, &c.Realm)
	case avp.HostIPAddress:
		addr, err := a.Address()
		c.Addresses = append(c.Addresses, addr)
		return err
	case avp.VendorID:
		return unsigned32(a, &c.VendorID)
	case avp.ProductName:
		product, err := a.UTF8()
		c.Product = product
		return err
	case avp.OriginStateID:
		return unsigned32(a, &c.OriginStateID)
	case avp.InbandSecurityID:
		var id uint32
		err := unsigned32(a, &id)
		c.Security = append(c.Security, id)
		return err
	case avp.AuthApplicationID, avp.AcctApplicationID:
		return c.readApplication(0, a)
	case avp.VendorSpecificApplicationID:
		return c.readVendorSpecific(a)
	}
	return nil
}

func (c *Capabilities) readApplication(vendor uint32, a diameter.AVP) error {
	var id uint32
	if err := unsigned32(a, &id); err != nil {
		return err
	}
	if a.Code == avp.AcctApplicationID {
		c.Accounting = append(c.Accounting, id)
		return nil
	}
	c.Applications = append(c.Applications, Application{Vendor: vendor, AuthID: id})
	return nil
}

// readVendorSpecific reads a group that must name exactly one application
// (RFC 6733 section 6.11).
func (c *Capabilities) readVendorSpecific(group diameter.AVP) error {
	avps, err := group.Group()
	if err != nil {
		return err
	}
	var vendor uint32
	var ids []diameter.AVP
	for _, a := range avps {
		switch {
		case a.Is(avp.VendorID, 0):
			if err := unsigned32(a, &vendor); err != nil {
				return err
			}
		case a.Is(avp.AuthApplicationID, 0), a.Is(avp.AcctApplicationID, 0):
			ids = append(ids, a)
		}
	}
	if len(ids) == 1 {
		return c.readApplication(vendor, ids[0])
	}
	return notOneApplication(ids)
}

func notOneApplication(ids []diameter.AVP) *diameter.Failure {
	if len(ids) > 1 {
		return &diameter.Failure{Code: diameter.AVPOccursTooManyTimes, Failed: ids,
			Text: "Vendor-Specific-Application-Id names more than one application"}
	}
	return &diameter.Failure{Code: diameter.MissingAVP, Text: "Vendor-Specific-Application-Id names no application",
		Failed: []diameter.AVP{
			diameter.NewUnsigned32(avp.AuthApplicationID, 0, diameter.AVPMandatory, 0),
			diameter.NewUnsigned32(avp.AcctApplicationID, 0, diameter.AVPMandatory, 0),
		}}
}

func identity(a diameter.AVP, to *string) error {
	name, err := a.Identity()
	if err == nil {
		*to = name
	}
	return err
}

func unsigned32(a diameter.AVP, to *uint32) error {
	v, err := a.Unsigned32()
	if err == nil {
		*to = v
	}
	return err
}

// failure is what the getters of AVP return as an error.
func failure(err error) *diameter.Failure {
	if f, ok := errors.AsType[*diameter.Failure](err); ok {
		return f
	}
	return &diameter.Failure{Code: diameter.InvalidAVPValue, Text: err.Error()}
}
