// Package dictionary says which commands and AVPs the home agent knows, under
// which codes, of which types, with which flags and how often.
//
// One table holds it: the part of the Diameter base protocol that we use
// (RFC 6733 section 4.5) and the application of
// draft-jee-mip6-bootstrap-pana-01 sections 5.1 and 6.2. The draft assigns no
// codes, so all of the application's are configurable ([Codes]); they are
// checked against the base protocol's before use. The table is rendered as a
// go-diameter dictionary, which that library's parser loads ([Load]), and as a
// dictionary for Wireshark ([Dictionary.Wireshark]).
//
// The package knows no message contents and does no input or output but that
// one text. Exported: [Codes], [Default], [Load], [Dictionary], [AVPRule],
// [CommandRule], [Rule].
package dictionary
