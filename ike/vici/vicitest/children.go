package vicitest

import (
	"cmp"
	"fmt"
	"slices"
)

// A Child is a CHILD_SA of an IKE_SA.
type Child struct {
	ID                uint32
	Name              string
	LocalTS, RemoteTS []string
	State             string // "" for INSTALLED
}

// AddChild plays a CREATE_CHILD_SA exchange over an IKE_SA and returns the
// CHILD_SA's ID.
func (c *Charon) AddChild(id uint32, child Child) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastChild++
	child.ID = c.lastChild + 1 // 1 is the one for signalling
	sa := c.sas[id]
	sa.Children = append(slices.Clone(sa.Children), child)
	c.raise("child-updown", Message{Value("up", "yes"), sa.with(child.section())})
	return child.ID
}

// RekeyChild replaces a CHILD_SA and returns the new one's ID.
func (c *Charon) RekeyChild(id, old uint32) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastChild++
	sa := c.sas[id]
	sa.Children = slices.Clone(sa.Children)
	child := &sa.Children[sa.child(old)]
	before := child.fields()
	child.ID = c.lastChild + 1
	c.raise("child-rekey", Message{sa.with(Section(child.Name, Section("old", before...), Section("new", child.fields()...)))})
	return child.ID
}

// DropChild ends a CHILD_SA while its IKE_SA goes on; told says whether an event
// tells.
func (c *Charon) DropChild(id, child uint32, told bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sa := c.sas[id]
	i := sa.child(child)
	gone := sa.Children[i]
	sa.Children = slices.Delete(slices.Clone(sa.Children), i, i+1)
	if told {
		c.raise("child-updown", Message{sa.with(gone.section())})
	}
}

func (sa *SA) child(id uint32) int {
	return slices.IndexFunc(sa.Children, func(c Child) bool { return c.ID == id })
}

func (c Child) section() Field { return Section(fmt.Sprintf("%s-%d", c.Name, c.ID), c.fields()...) }

func (c Child) fields() []Field {
	fields := []Field{
		Value("name", c.Name), Value("uniqueid", fmt.Sprint(c.ID)), Value("state", cmp.Or(c.State, "INSTALLED")), Value("reqid", "1001"),
	}
	if len(c.LocalTS) > 0 {
		fields = append(fields, List("local-ts", c.LocalTS), List("remote-ts", c.RemoteTS))
	}
	return fields
}
