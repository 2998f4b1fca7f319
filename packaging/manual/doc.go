// Package manual makes a command describe itself: its page of the manual, in
// mdoc(7), and its completion for bash, both from kong's model of the command
// line, so that they say what the parser does.
//
// It knows the model and the two languages. It must not know any command: what
// a page has beside commands and flags (files, examples, exit status) is
// written by hand in packaging/man and appended by the package's build.
//
// Exported: Flags, which a command embeds in its grammar; Page, Completion and
// Options behind it; Escape and Prose for others who write mdoc.
package manual
