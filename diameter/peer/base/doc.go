// Package base reads and writes the messages that two Diameter peers exchange
// about themselves: CER and CEA ([Capabilities]), DWR and DWA, DPR and DPA
// (RFC 6733 sections 5.3 to 5.5).
//
// Requests are judged strictly and in one place ([ReadCER], [ReadDWR],
// [ReadDPR]), and a fault says what the answer must be; of answers only what is
// needed is read. The package must not know connections, peers or time.
package base
