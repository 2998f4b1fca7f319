// Package demo shows the home agent's main job for real, step by step: an AAA
// server sends a mobile node's key over Diameter, the home agent assigns a home
// address and gives the key to strongSwan, and the mobile node uses it for IKE and
// ESP; then it registers, moves while its correspondent talks to it, and returns
// home.
//
// Everything is the real thing: this project's programs as built, Debian's
// strongSwan, the Linux kernel, TLS. It needs root and is meant for
// user-mode-linux (make demo).
//
// It knows how the programs are used and what their user should see, and
// nothing of their insides.
//
//	Run     the whole demonstration
//	Config  where the programs are and where to write
package demo
