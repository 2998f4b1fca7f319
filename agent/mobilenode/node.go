package mobilenode

import (
	"fmt"
	"net/netip"

	"homeagent/agent/config"
	"homeagent/agent/secretfile"
	"homeagent/ike"
	"homeagent/ike/psk"
	"homeagent/xfrm"
)

// A Node is a mobile node of the configuration with its keys. Its HomeAgent is zero if
// the configuration leaves that open.
type Node struct {
	UserName               string
	HomeAddress, HomeAgent netip.Addr
	PSK                    psk.Key // zero for one that is keyed by hand
	manual                 []pair
}

// A pair is the two security associations for a protocol.
type pair struct {
	in, out xfrm.Association // from and to the mobile node
	prefix  bool             // for Mobile Prefix Solicitations and Advertisements
}

// Load reads the key files of all mobile nodes of a configuration. The error is of
// type [config.Problems] and names all that is wrong, with their names too.
func Load(cfg *config.Config) ([]Node, error) {
	var nodes []Node
	var problems config.Problems
	misnamed := Misnamed(cfg)
	for i := range cfg.MobileNodes {
		if err := misnamed[i]; err != nil {
			problems = append(problems, cfg.Problem(fmt.Sprintf("mobile_node[%d].user_name", i), "%v", err))
		}
		n, err := load(&cfg.MobileNodes[i], secretfile.Read)
		if err != nil {
			problems = append(problems, cfg.Problem(fmt.Sprintf("mobile_node[%d].key_file", i), "%v", err))
			continue
		}
		nodes = append(nodes, n)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return nodes, nil
}

// Examine tells what is wrong with the key file of a mobile node of the configuration,
// however it is read.
func Examine(c *config.MobileNode, read func(name string) ([]byte, error)) error {
	_, err := load(c, read)
	return err
}

// maxFile is more than any key file has.
const maxFile = 16 << 10

func load(c *config.MobileNode, read func(string) ([]byte, error)) (Node, error) {
	n := Node{UserName: c.UserName, HomeAddress: c.HomeAddress, HomeAgent: c.HomeAgent}
	text, err := read(c.KeyFile)
	if err != nil {
		return n, err
	}
	defer clear(text)
	if len(text) > maxFile {
		return n, fmt.Errorf("%s has more than %d octets", c.KeyFile, maxFile)
	}
	if !c.Manual() {
		n.PSK, err = preShared(text)
	} else {
		n.manual, err = pairs(c, text)
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", c.KeyFile, err)
	}
	return n, nil
}

// Associations are the security associations that the kernel must hold of a mobile
// node that is keyed by hand, with the home agent address that it registers with and
// the reqid that is its own.
func (n *Node) Associations(homeAgent netip.Addr, reqID uint32) []xfrm.Association {
	var all []xfrm.Association
	for _, p := range n.manual {
		p.in.Dst, p.out.Src = homeAgent, homeAgent
		p.in.ReqID, p.out.ReqID = reqID, reqID
		if p.prefix {
			p.in.ReqID, p.out.ReqID = ike.PrefixReqID(reqID), ike.PrefixReqID(reqID)
		}
		all = append(all, p.in, p.out)
	}
	return all
}

// DiscoversPrefixes tells whether it has security associations of its own for Mobile
// Prefix Solicitations and Advertisements.
func (n *Node) DiscoversPrefixes() bool { return len(n.manual) > 1 }

// pairs makes the security associations of a mobile node that is keyed by hand.
func pairs(c *config.MobileNode, text []byte) ([]pair, error) {
	keys, err := parseKeys(text)
	if err != nil {
		return nil, err
	}
	defer keys.wipe()
	all := []pair{{
		in:  xfrm.Association{Src: c.HomeAddress, SPI: c.SPIIn, Protocol: xfrm.MobilityHeader},
		out: xfrm.Association{Dst: c.HomeAddress, SPI: c.SPIOut, Protocol: xfrm.MobilityHeader},
	}}
	if c.PrefixSPIIn != 0 {
		all = append(all, pair{
			in:     xfrm.Association{Src: c.HomeAddress, SPI: c.PrefixSPIIn, Protocol: xfrm.ICMPv6},
			out:    xfrm.Association{Dst: c.HomeAddress, SPI: c.PrefixSPIOut, Protocol: xfrm.ICMPv6},
			prefix: true,
		})
	}
	for i := range all {
		p, before := &all[i], ""
		if p.prefix {
			before = "prefix_"
		}
		for direction, a := range map[string]*xfrm.Association{"_in": &p.in, "_out": &p.out} {
			if a.Encryption, err = keys.take(encryptions[c.Encryption], before+"encryption"+direction); err != nil {
				return nil, err
			}
			if a.Integrity, err = keys.take(integrities[c.Integrity], before+"integrity"+direction); err != nil {
				return nil, err
			}
		}
	}
	return all, keys.rest()
}
