// Package testbed builds small networks of real kernels to try a home agent in:
// hosts (network namespaces), links (Ethernet segments that a host can be moved
// between), programs and strongSwan instances running on a host, packet captures
// and traffic whose losses are measured.
//
// It needs root and changes only what it made: its namespaces have no names and
// end with the process that made them, whatever way it ends. Run it where root is
// harmless, in user-mode-linux (.ci/uml).
//
// It knows nothing of Mobile IPv6 but the shape of its usual laboratory (Mobile)
// and nothing of the home agent: programs are given as commands.
//
//	Bed      New, Host, Link, Close
//	Host     Do, Netlink, AddAddress, AddRoute, Sysctl, Start, StartCharon, Capture
//	Link     Attach, Detach
//	Traffic  SendTraffic, Stop
//	Mobile   NewMobile
package testbed
