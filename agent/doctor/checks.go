package doctor

import "time"

const (
	soon   = 5 * time.Second
	within = 10 * time.Second // where charon answers
	// peerTime is more than a handshake may take, so that a peer's own error is
	// told.
	peerTime = 15 * time.Second
)

// Checks are all checks.
func Checks() []Check {
	return []Check{
		{"configuration", soon, configuration},
		{"account", soon, accounts},
		{"folder", soon, folders},
		{"module", soon, modules},
		{"forwarding", soon, forwarding},
		{"router_advertisements", soon, routerAdvertisements},
		{"address", soon, addresses},
		{"prefix", soon, prefixes},
		{"home_link", soon, homeLink},
		{"strongswan", within, strongSwan},
		{"strongswan_settings", within, strongSwanSettings},
		{"proposal", within, proposals},
		{"conflict", soon, conflicts},
		{"tls", soon, tlsFiles},
		{"mobile_node", soon, mobileNodes},
		{"store", soon, stateStore},
		{"clock", soon, clock},
		{"daemon", soon, daemon},
		{"session", soon, sessions},
		{"listener", soon, listeners},
		{"peer", peerTime, peers},
	}
}

// OfBox are the checks that a running daemon makes of the box around it: what
// can change under it, and costs little.
func OfBox() []Check {
	return []Check{
		{"forwarding", soon, forwarding},
		{"address", soon, addresses},
		{"home_link", soon, homeLink},
	}
}

// OfConfiguration are the checks of what a configuration names: files of TLS and
// of mobile nodes' keys, their folders, group and interface. A daemon that runs is
// asked for its sessions.
func OfConfiguration() []Check {
	return []Check{
		{"configuration", soon, doubts},
		{"account", soon, controlGroup},
		{"folder", soon, folders},
		{"home_link", soon, homeLinkExists},
		{"proposal", within, proposals},
		{"tls", soon, tlsFiles},
		{"mobile_node", soon, mobileNodes},
		{"session", soon, wouldLose},
	}
}
