package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"homeagent/diameter/dictionary"
)

// codesFlag lets every command use other codes than the default ones.
type codesFlag struct {
	Code map[string]uint32 `help:"Use another code, by its name in the section diameter.codes of the home agent's configuration; may be repeated." placeholder:"NAME=NUMBER"`
}

// load returns the dictionary with the codes given.
func (f codesFlag) load() (*dictionary.Dictionary, error) {
	codes := dictionary.Default()
	fields := codeFields(&codes)
	for name, number := range f.Code {
		field, ok := fields[name]
		if !ok {
			return nil, usageError{fmt.Errorf("setting the code %q: it must be one of %s",
				name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))}
		}
		*field = number
	}
	d, err := dictionary.Load(codes)
	if err != nil {
		return nil, usageError{err}
	}
	return d, nil
}

func codeFields(c *dictionary.Codes) map[string]*uint32 {
	return map[string]*uint32{
		"application":         &c.Application,
		"vendor":              &c.Vendor,
		"amr":                 &c.AMR,
		"hmr":                 &c.HMR,
		"bootstrap_vector":    &c.BootstrapVector,
		"mobile_node_address": &c.MobileNodeAddress,
		"home_agent_address":  &c.HomeAgentAddress,
		"aaa_key":             &c.AAAKey,
		"pana_aaa_key":        &c.PANAAAAKey,
		"aaa_key_id":          &c.AAAKeyID,
		"pana_aaa_key_id":     &c.PANAAAAKeyID,
		"mac":                 &c.MAC,
		"pana_session_id":     &c.PANASessionID,
	}
}
