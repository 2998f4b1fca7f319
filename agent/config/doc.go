// Package config reads the home agent's configuration: TOML files into one
// checked [Config], or errors that say file, line, key and what is expected.
//
// It knows every option there is, its default and what it means ([Describe],
// from which the manual is made). It must not know what the options do: no
// socket is opened and nothing but the configuration files is read, unless [Diameter.LoadTLS] is asked for.
//
// Exported: [Load], [Config] and the types of its sections, [Describe], [Sample]
// and [Fill]; [Problem], which names a place in a file, also of what a part finds
// wrong later ([Config.Problem], [Config.Locate]).
package config
