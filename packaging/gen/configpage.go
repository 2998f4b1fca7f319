package main

import (
	"fmt"
	"strings"
	"time"

	"homeagent/agent/config"
	"homeagent/packaging/manual"
)

// A section is a table of the configuration.
type section struct {
	name  string
	array bool // written [[name]], once for each of several
	intro string
}

// sections are all of them, in the order of the sample.
var sections = []section{
	{"diameter", false, "Who the home agent is among Diameter nodes."},
	{"diameter.listen", true, "An address at which Diameter peers are accepted."},
	{"diameter.peer", true, "A Diameter peer, such as an AAA server. Nobody else may connect."},
	{"diameter.codes", false, "The application's numbers. IANA has assigned none, so both ends have to agree on them."},
	{"home_agent", false, "What mobile nodes see of the home agent."},
	{"home_prefix", true, "A prefix that home addresses are taken from. When one leaves the configuration, the next start keeps the sessions with home addresses of it, but does not serve them until it is there again: they are dormant. homeagentctl reload tells how many there would be, homeagentctl status how many there are."},
	{"mobile_node", true, "A mobile node that needs no AAA server: it has an IKEv2 pre-shared key of its own, or security associations that are keyed by hand."},
	{"ike", false, "How strongSwan is used."},
	{"mobility", false, "How mobile nodes register and are reached."},
	{"mobility.network", true, "A network behind a mobile router (RFC 3963)."},
	{"store", false, "Where sessions are kept."},
	{"control", false, "The socket at which homeagentctl reaches the daemon."},
	{"metrics", false, "Where Prometheus reads figures."},
	{"limits", false, "Bounds on what the home agent takes on."},
	{"log", false, "What is written to the journal."},
}

const configHead = `.Dd %s
.Dt HOMEAGENT.TOML 5
.Os homeagent
.Sh NAME
.Nm homeagent.toml
.Nd configuration of the Mobile IPv6 home agent
.Sh SYNOPSIS
.Bl -item -compact
.It
.Pa /etc/homeagent/homeagent.toml
.It
.Pa /etc/homeagent/conf.d/*.toml
.El
.Sh DESCRIPTION
The configuration of
.Xr homeagentd 8
is written in TOML: sections in brackets, and below each of them options as
.Dq key = value .
A section in double brackets can be there several times.
.Pp
The files in
.Pa conf.d
are read after
.Pa homeagent.toml ,
in the order of their names.
What they set takes the place of what was set before; their sections in double
brackets are added.
.Pp
An option that is not known, a value that is out of range, and options that do
not fit together are errors, each told with file, line and what is expected:
.Pp
.Dl homeagentd --check
.Pp
The daemon reads the configuration when it starts, and again when it is asked to:
.Pp
.Dl systemctl reload homeagent
.Pp
It takes over then what the options below say that a reload does, and tells what
takes a restart instead.
The files of certificates are read again, too.
A configuration that is not right changes nothing.
.Xr homeagentctl 1
writes a first one with its command
.Cm init .
.Sh OPTIONS
`

const configTail = `.Sh FOLDERS
Unit and AppArmor profile of the package let the daemon read what is below
.Pa /etc/homeagent
and credentials that the unit hands over, in
.Pa /run/credentials/homeagent.service ,
and write below
.Pa /var/lib/homeagent
and
.Pa /run/homeagent .
A link from there leads nowhere else.
What is in another folder is best copied: files of TLS from
.Pa /etc/letsencrypt
for instance, by what renews them, with a reload after it.
.Pp
A file elsewhere can be read with a line in
.Pa /etc/apparmor.d/local/usr.sbin.homeagentd ,
which may be a new file:
.Pp
.Dl /srv/keys/** r,
.Dl apparmor_parser -r /etc/apparmor.d/usr.sbin.homeagentd
.Pp
A store elsewhere takes the line
.Ql /srv/homeagent/** rwkl,
there, and a setting of the unit, by
.Ql systemctl edit homeagent :
.Pp
.Dl [Service]
.Dl ReadWritePaths=/srv/homeagent
.Pp
The folders
.Pa /home , /root , /run/user , /tmp
and
.Pa /var/tmp
are closed altogether.
.Cm homeagentctl doctor
warns of what is outside.
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/homeagent/homeagent.toml
the configuration, readable for the group homeagent
.It Pa /etc/homeagent/conf.d/*.toml
additions to it
.It Pa /etc/homeagent/tls/
a place for the files of TLS, readable for the group homeagent
.El
.Sh SEE ALSO
.Xr homeagentctl 1 ,
.Xr strongswan.conf 5 ,
.Xr homeagentd 8
.Rs
.%B TOML: Tom's Obvious Minimal Language
.%U https://toml.io
.Re
`

// configPage is homeagent.toml(5).
func configPage(date time.Time) string {
	var p strings.Builder
	fmt.Fprintf(&p, configHead, date.Format("January 2, 2006"))
	for _, s := range sections {
		options := optionsOf(s)
		if len(options) == 0 {
			continue
		}
		fmt.Fprintf(&p, ".Ss %s\n", heading(s))
		prose(&p, s.intro)
		p.WriteString(".Bl -tag -width Ds\n")
		for _, o := range options {
			describe(&p, o, strings.TrimPrefix(o.Key, s.name+"."))
		}
		p.WriteString(".El\n")
	}
	p.WriteString(configTail)
	return p.String()
}

func heading(s section) string {
	if s.array {
		return "[[" + s.name + "]]"
	}
	return "[" + s.name + "]"
}

func optionsOf(s section) []config.Option {
	var all []config.Option
	for _, o := range config.Describe() {
		if sectionOf(o.Key) == s.name {
			all = append(all, o)
		}
	}
	return all
}

func sectionOf(key string) string { return key[:strings.LastIndex(key, ".")] }

func describe(p *strings.Builder, o config.Option, name string) {
	fmt.Fprintf(p, ".It Va %s\n", name)
	prose(p, o.Help)
	p.WriteString(manual.Escape("Takes "+o.Type) + ".\n")
	switch {
	case o.Required:
		p.WriteString("It must be set.\n")
	case o.Default != "":
		fmt.Fprintf(p, "The default is\n.Li %s .\n", manual.Escape(o.Default))
	}
	if folders := o.Folders(); folders != nil {
		p.WriteString("The daemon of the package is let in at " + strings.Join(folders, " and ") + " only; see\n.Sx FOLDERS .\n")
	}
	if o.Live() {
		p.WriteString("A reload takes a change over.\n")
	}
}

// prose writes each sentence on a line of its own.
func prose(p *strings.Builder, text string) {
	for sentence := range strings.SplitSeq(text, ". ") {
		p.WriteString(manual.Escape(strings.TrimSuffix(sentence, ".")) + ".\n")
	}
}
