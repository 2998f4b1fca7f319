// Package crowd plays many mobile nodes at once, as seen from their home agents:
// Binding Updates under ESP that come from as many care-of addresses, and
// acknowledgements that are looked at closely. It is load for measurements and
// for tests with many nodes.
//
// What is played: the nodes' kernel. Packets are written and read octet by octet
// on one interface, with an ESP of this package's own, so that ten thousand nodes
// take no network namespaces, addresses or security associations, and next to no
// time beside the home agent's. There is no IKE: the home agent's kernel is given
// security associations with a key that everybody has (see [Node.Associate]).
//
// It shares the Mobility Header's codec with the home agent and nothing else.
//
//	Node   who a node is; Associate makes its security associations
//	Crowd  Open, Run, Update: a Binding Update until its acknowledgement
package crowd
