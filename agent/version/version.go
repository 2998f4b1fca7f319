// Package version says which version of the home agent this is.
package version

// Version is set when a package is built (-ldflags -X).
var Version = "development"
