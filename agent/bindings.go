package agent

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"homeagent/agent/bindingcache"
	"homeagent/agent/control"
	"homeagent/agent/events"
)

// bindingsView answers GET /v1/bindings.
func (a *Agent) bindingsView() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.control.Answer(w, a.bindings())
	})
}

// oneBindingView answers GET /v1/binding?home_address=ADDR.
func (a *Agent) oneBindingView() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		home, err := netip.ParseAddr(r.URL.Query().Get("home_address"))
		if err != nil {
			a.control.Refuse(w, fmt.Errorf("reading the home address: %w", err))
			return
		}
		v, ok := a.registrar.Binding(home)
		if !ok {
			a.control.Refuse(w, fmt.Errorf("finding the binding of %s: %w", home, control.ErrNoBinding))
			return
		}
		a.control.Answer(w, control.OneBinding{Schema: control.Schema, Binding: a.bindingView(&v)})
	})
}

// bindings lists all bindings in the order of their home addresses, and how
// often each thing happened.
func (a *Agent) bindings() control.Bindings {
	views := a.registrar.Bindings()
	slices.SortFunc(views, func(x, y bindingcache.View) int { return x.HomeAddress.Compare(y.HomeAddress) })
	all := control.Bindings{Schema: control.Schema, Bindings: make([]control.Binding, len(views)), Counters: a.counters()}
	for i := range views {
		all.Bindings[i] = a.bindingView(&views[i])
	}
	return all
}

func (a *Agent) bindingView(v *bindingcache.View) control.Binding {
	owner, _ := a.sessions.Owner(v.HomeAddress)
	protection, _ := a.shield.protection(v.HomeAddress)
	return control.Binding{
		HomeAddress: v.HomeAddress, CareOf: events.AddressText(v.CareOf), HomeAgent: events.AddressText(v.HomeAgent), UserName: owner.UserName, Source: source(&owner),
		State: v.Phase.String(), Sequence: v.Sequence, Flags: v.Flags.String(),
		Lifetime: uint32(v.Lifetime.Duration().Seconds()), Registered: present(v.Registered), Expires: present(v.Expires),
		Networks: v.Prefixes, UnderESP: protection.String(),
	}
}
