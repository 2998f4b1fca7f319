package dictionary

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/fiorix/go-diameter/v4/diam/dict"
)

// Elements of Wireshark's diameter/dictionary.dtd.
type (
	wsApplication struct {
		XMLName  xml.Name    `xml:"application"`
		ID       uint32      `xml:"id,attr"`
		Name     string      `xml:"name,attr"`
		URI      string      `xml:"uri,attr"`
		Commands []wsCommand `xml:"command"`
		AVPs     []wsAVP     `xml:"avp"`
	}
	wsVendor struct {
		XMLName xml.Name `xml:"vendor"`
		ID      string   `xml:"vendor-id,attr"`
		Code    uint32   `xml:"code,attr"`
		Name    string   `xml:"name,attr"`
	}
	wsCommand struct {
		Name   string `xml:"name,attr"`
		Code   uint32 `xml:"code,attr"`
		Vendor string `xml:"vendor-id,attr"`
	}
	wsAVP struct {
		Name       string `xml:"name,attr"`
		Code       uint32 `xml:"code,attr"`
		Mandatory  string `xml:"mandatory,attr"`
		MayEncrypt string `xml:"may-encrypt,attr"`
		VendorBit  string `xml:"vendor-bit,attr"`
		Vendor     string `xml:"vendor-id,attr"`
		Type       wsType `xml:"type"`
	}
	wsType struct {
		Name string `xml:"type-name,attr"`
	}
)

// Wireshark writes the application as a file for Wireshark's diameter folder:
// it takes the place of Custom.xml there, which the main dictionary includes.
// The base protocol is in Wireshark already.
func (d *Dictionary) Wireshark(w io.Writer) error {
	app := d.file.App[1]
	vendor := "None"
	elements := []any{}
	for _, v := range app.Vendor {
		vendor = v.Name
		elements = append(elements, wsVendor{ID: v.Name, Code: v.ID, Name: "Mobile IPv6 home agent"})
	}
	elements = append(elements, wiresharkApplication(app, vendor))
	_, err := io.WriteString(w, xml.Header)
	for _, e := range elements {
		if err == nil {
			err = writeElement(w, e)
		}
	}
	if err != nil {
		return fmt.Errorf("writing the Wireshark dictionary: %w", err)
	}
	return nil
}

func writeElement(w io.Writer, element any) error {
	text, err := xml.MarshalIndent(element, "", "\t")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

func wiresharkApplication(app *dict.App, vendor string) wsApplication {
	out := wsApplication{ID: app.ID, Name: app.Name, URI: "https://datatracker.ietf.org/doc/html/draft-jee-mip6-bootstrap-pana-01"}
	for _, c := range app.Command {
		out.Commands = append(out.Commands, wsCommand{Name: c.Name, Code: c.Code, Vendor: vendor})
	}
	bit := "must"
	if vendor == "None" {
		bit = "mustnot"
	}
	for _, a := range app.AVP {
		out.AVPs = append(out.AVPs, wsAVP{Name: a.Name, Code: a.Code, Mandatory: "must", MayEncrypt: "yes",
			VendorBit: bit, Vendor: vendor, Type: wsType{Name: wiresharkType(a)}})
	}
	return out
}

// wiresharkType translates Address, the one type Wireshark calls otherwise. It
// takes every address with a code of the RADIUS range for a RADIUS one without
// a family, even a vendor's, and would report ours as malformed: they are
// shown as octets then.
func wiresharkType(a *dict.AVP) string {
	switch {
	case a.Data.TypeName != typeAddress:
		return a.Data.TypeName
	case a.Code <= maxRADIUS:
		return typeOctets
	}
	return "IPAddress"
}
