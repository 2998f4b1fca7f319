package dictionary

import (
	"errors"
	"fmt"
	"slices"
)

// Codes are the numbers that the draft leaves to be assigned. A command code
// stands for the request and its answer.
type Codes struct {
	Application uint32 // Application-Id
	Vendor      uint32 // Vendor-Id of the nine AVPs; 0 if IANA assigns them

	AMR uint32 // AAA-MIPv6-Bootstrap-Request and -Answer
	HMR uint32 // HA-MIPv6-Bootstrap-Request and -Answer

	BootstrapVector   uint32 // MIPv6-Bootstrap-Vector
	MobileNodeAddress uint32 // MIPv6-Mobile-Node-Address
	HomeAgentAddress  uint32 // MIPv6-Home-Agent-Address
	AAAKey            uint32 // MIPv6-AAA-Key
	PANAAAAKey        uint32 // PANA-AAA-Key
	AAAKeyID          uint32 // MIPv6-AAA-Key-Id
	PANAAAAKeyID      uint32 // PANA-AAA-Key-Id
	MAC               uint32 // MAC
	PANASessionID     uint32 // PANA-Session-Id
}

// Default returns the codes used unless configured otherwise: the two
// experimental command codes (RFC 6733 section 11.2.1), the private enterprise
// number for documentation (RFC 5612), and an Application-Id of the
// vendor-specific range that no public dictionary uses.
func Default() Codes {
	return Codes{
		Application: 0xFF007ED9,
		Vendor:      32473,
		AMR:         16777214,
		HMR:         16777215,

		BootstrapVector:   1,
		MobileNodeAddress: 2,
		HomeAgentAddress:  3,
		AAAKey:            4,
		PANAAAAKey:        5,
		AAAKeyID:          6,
		PANAAAAKeyID:      7,
		MAC:               8,
		PANASessionID:     9,
	}
}

const (
	appBase       = 0
	appAccounting = 3
	appRelay      = 0xFFFFFFFF
	maxCommand    = 1<<24 - 1
	maxRADIUS     = 255 // AVP codes up to here are RADIUS attributes
)

// Validate refuses codes that are out of range, used twice, or the base
// protocol's own. The error names every one.
func (c Codes) Validate() error {
	var errs []error
	switch c.Application {
	case appBase, appAccounting, appRelay:
		errs = append(errs, fmt.Errorf("Application-Id %d belongs to the base protocol (0, 3 and 4294967295 do)", c.Application))
	}
	errs = append(errs, c.validateCommands()...)
	errs = append(errs, c.validateAVPs()...)
	if len(errs) > 0 {
		return fmt.Errorf("checking the Diameter codes: %w", errors.Join(errs...))
	}
	return nil
}

func (c Codes) validateCommands() (errs []error) {
	for _, command := range ownCommands(c) {
		code := command.Code
		if code == 0 || code > maxCommand {
			errs = append(errs, fmt.Errorf("%s: command code %d (must be 1 to %d)", command.Name, code, maxCommand))
		}
		if slices.Contains(baseCommandCodes(), code) {
			errs = append(errs, fmt.Errorf("%s: command code %d belongs to the base protocol", command.Name, code))
		}
	}
	if c.AMR == c.HMR {
		errs = append(errs, fmt.Errorf("command code %d is used twice", c.AMR))
	}
	return errs
}

func (c Codes) validateAVPs() (errs []error) {
	used := map[uint32]string{}
	for _, a := range ownAVPs(c) {
		if before, ok := used[a.Code]; ok {
			errs = append(errs, fmt.Errorf("%s: AVP code %d is that of %s already", a.Name, a.Code, before))
		}
		used[a.Code] = a.Name
		if c.Vendor == 0 && (a.Code <= maxRADIUS || slices.Contains(baseAVPCodes(), a.Code)) {
			errs = append(errs, fmt.Errorf("%s: AVP code %d without a vendor belongs to RADIUS or the base protocol", a.Name, a.Code))
		}
	}
	return errs
}
