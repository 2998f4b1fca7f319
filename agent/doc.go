// Package agent puts the home agent together: it joins the life of sessions to
// the Diameter peers, strongSwan, the kernel, the store and the operator's
// socket, and runs them as tasks under one roof.
//
// It knows every part and how they speak to each other; the rules are in the
// parts (agent/session for bootstrapping, agent/bindingcache for registrations).
// It must not know diameter/lab, nor which store it was given. Exported:
// [Agent] with New and Run, [Deps] for what main opens, and [Task].
package agent
