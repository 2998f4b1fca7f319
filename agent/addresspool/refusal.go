package addresspool

import "fmt"

// A Refusal is the error of an Assign or Claim that changed nothing.
type Refusal int

// The reasons, in the order in which Claim looks for them.
const (
	// NotServed: the address is on no home prefix.
	NotServed Refusal = iota + 1
	// Reserved: the address is an anycast address, has a reserved interface
	// identifier, or belongs to the home agent or a router.
	Reserved
	// OtherUser: the address is leased to another user.
	OtherUser
	// InUse: the address was found in use on the home link by a node that has
	// no lease.
	InUse
	// HeldDown: another user released the address a short while ago.
	HeldDown
	// Exhausted: no address is left, or none whose hold-down is over.
	Exhausted
)

var refusalTexts = [...]string{
	NotServed: "the address is on no home prefix",
	Reserved:  "the address is reserved",
	OtherUser: "the address is leased to another user",
	InUse:     "the address is in use on the home link",
	HeldDown:  "the address was released by another user a short while ago",
	Exhausted: "no home address is free",
}

// String is the reason as a clause.
func (r Refusal) String() string {
	if r < NotServed || r > Exhausted {
		return fmt.Sprintf("refusal %d", int(r))
	}
	return refusalTexts[r]
}

// Error is the reason as the error of choosing an address.
func (r Refusal) Error() string { return "choosing a home address: " + r.String() }
