package doctor

import (
	"context"
	"time"
)

// built is before any box runs this: a clock that is earlier is wrong.
var built = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const synchronise = "timedatectl set-ntp true"

// clock looks whether the clock can be believed: authorizations and certificates
// end by it.
func clock(_ context.Context, p *patient) []Finding {
	c, err := p.Clock()
	switch {
	case err != nil:
		return []Finding{cannot("the clock", err)}
	case c.Now.Before(built):
		return []Finding{fail(synchronise, "the clock says %s, which is past", c.Now.Format(time.DateTime))}
	case !c.Synchronised:
		return []Finding{warn(synchronise, "the clock is not synchronised")}
	}
	return []Finding{good("the clock is synchronised")}
}
