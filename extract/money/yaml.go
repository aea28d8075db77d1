package money

import (
	"fmt"
	"strings"
)

// The lexicon is YAML of a plain sort: maps by indentation, and in them flow lists
// and flow maps on one line. A full YAML reader takes ten times as long over it,
// at every start of the program, so it is read here; a test holds the two equal.

// node is a scalar (text), a list, or a map that keeps its order.
type node struct {
	text string
	list []node
	keys []string
	vals []node
}

func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k == key {
			return &n.vals[i]
		}
	}
	return &node{}
}

func (n *node) strings() []string {
	out := make([]string, 0, len(n.list))
	for _, v := range n.list {
		out = append(out, v.text)
	}
	return out
}

// each calls f for the entries of a map.
func (n *node) each(f func(key string, value *node)) {
	for i := range n.keys {
		f(n.keys[i], &n.vals[i])
	}
}

// parseYAML reads the plain sort of YAML described above.
func parseYAML(text string) (*node, error) {
	type level struct {
		indent int
		n      *node
	}
	root := &node{}
	stack := []level{{-1, root}}
	line := 0
	for len(text) > 0 {
		var row string
		row, text, _ = strings.Cut(text, "\n")
		line++
		body := strings.TrimLeft(row, " ")
		if body == "" || body[0] == '#' {
			continue
		}
		indent := len(row) - len(body)
		for len(stack) > 1 && stack[len(stack)-1].indent >= indent {
			stack = stack[:len(stack)-1]
		}
		top := stack[len(stack)-1].n
		p := &flow{s: body}
		if item, ok := strings.CutPrefix(body, "- "); ok {
			p.s = item
			v, err := p.value()
			if err != nil || p.rest() != "" {
				return nil, fmt.Errorf("line %d: bad list item", line)
			}
			top.list = append(top.list, v)
			continue
		}
		key, err := p.scalar(":")
		if err != nil || !p.eat(':') {
			return nil, fmt.Errorf("line %d: no key", line)
		}
		top.keys = append(top.keys, key)
		top.vals = append(top.vals, node{})
		v := &top.vals[len(top.vals)-1]
		if p.rest() == "" {
			stack = append(stack, level{indent, v})
			continue
		}
		if *v, err = p.value(); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if r := p.rest(); r != "" && r[0] != '#' {
			return nil, fmt.Errorf("line %d: %q is left over", line, r)
		}
	}
	return root, nil
}

// flow reads one line.
type flow struct {
	s string
	i int
}

func (p *flow) rest() string {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
	return p.s[p.i:]
}

func (p *flow) eat(c byte) bool {
	if r := p.rest(); r == "" || r[0] != c {
		return false
	}
	p.i++
	return true
}

func (p *flow) value() (node, error) {
	var n node
	switch {
	case p.eat('['):
		n.list = make([]node, 0, strings.Count(p.s[p.i:], ",")+1)
		for !p.eat(']') {
			v, err := p.value()
			if err != nil {
				return n, err
			}
			n.list = append(n.list, v)
			if !p.eat(',') && !strings.HasPrefix(p.rest(), "]") {
				return n, fmt.Errorf("list is not closed")
			}
		}
		return n, nil
	case p.eat('{'):
		for !p.eat('}') {
			key, err := p.scalar(":")
			if err != nil || !p.eat(':') {
				return n, fmt.Errorf("map has no key")
			}
			v, err := p.value()
			if err != nil {
				return n, err
			}
			n.keys, n.vals = append(n.keys, key), append(n.vals, v)
			if !p.eat(',') && !strings.HasPrefix(p.rest(), "}") {
				return n, fmt.Errorf("map is not closed")
			}
		}
		return n, nil
	}
	var err error
	n.text, err = p.scalar(",]}")
	return n, err
}

// scalar reads a quoted or plain word up to one of the stops.
func (p *flow) scalar(stops string) (string, error) {
	r := p.rest()
	if r == "" {
		return "", fmt.Errorf("nothing there")
	}
	if q := r[0]; q == '"' || q == '\'' {
		end := strings.IndexByte(r[1:], q)
		if end < 0 {
			return "", fmt.Errorf("quote is not closed")
		}
		p.i += end + 2
		return r[1 : 1+end], nil
	}
	end := strings.IndexAny(r, stops)
	if end < 0 {
		end = len(r)
	}
	p.i += end
	return strings.TrimRight(r[:end], " "), nil
}
