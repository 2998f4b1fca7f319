package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"homeagent/agent/config"
	"homeagent/agent/mobilenode"
	"homeagent/agent/secretfile"
)

// mobileNodes looks at the mobile nodes that need no AAA server: that strongSwan can
// tell their names apart, and that their key files are there, readable, nobody else's,
// and right.
func mobileNodes(_ context.Context, p *patient) []Finding {
	var findings []Finding
	misnamed := mobilenode.Misnamed(p.cfg)
	for i := range p.cfg.MobileNodes {
		n := &p.cfg.MobileNodes[i]
		if err := misnamed[i]; err != nil {
			findings = append(findings, fail("", "%v", err).of(fmt.Sprintf("mobile_node[%d].user_name", i)).about(n.UserName))
		}
		f := p.keyFile(n)
		if f.Status != OK {
			f = f.of(fmt.Sprintf("mobile_node[%d].key_file", i))
		}
		findings = append(findings, f.about(n.UserName))
	}
	return findings
}

func (p *patient) keyFile(n *config.MobileNode) Finding {
	err := mobilenode.Examine(n, p.secret)
	// What systemd hands over is there while the daemon runs, for the daemon alone.
	handed := secretfile.Credential(n.KeyFile)
	if out := p.outOfReach(n.KeyFile); out != "" && !handed && (err == nil || denied(err)) {
		return fail(fmt.Sprintf("chgrp %s %s && chmod g+rX %[2]s", userName, out),
			"%s cannot be read by the user %s, as whom the daemon runs", out, userName)
	}
	switch {
	case handed && (denied(err) || errors.Is(err, fs.ErrNotExist)):
		return good("systemd hands over the key of %s", n.HomeAddress)
	case denied(err):
		return cannot(n.KeyFile, err)
	case err != nil:
		return fail("", "%v", err)
	case n.Manual():
		return warn("", "the security associations of %s are %s", n.HomeAddress, config.ManualDoubt)
	}
	return good("the key of %s can be used", n.HomeAddress)
}
