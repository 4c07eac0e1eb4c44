package amend

import (
	"strconv"

	"go.yaml.in/yaml/v4"
)

// descend follows the keys as far as there is something, and gives the keys that are left.
func descend(n *yaml.Node, keys []string) (at *yaml.Node, rest []string) {
	for len(keys) > 0 {
		next := step(n, keys[0])
		if next == nil {
			break
		}
		n, keys = next, keys[1:]
	}
	return n, keys
}

func step(n *yaml.Node, key string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// keyOf is the key whose value n is; nil for the root and the items of lists.
func keyOf(in, n *yaml.Node) *yaml.Node {
	for i, child := range in.Content {
		if child == n && in.Kind == yaml.MappingNode {
			return in.Content[i-1]
		}
		if key := keyOf(child, n); key != nil {
			return key
		}
	}
	return nil
}

// bounds notes for every node the last line that it can have: the one before the next node begins. Lines count from 1.
func bounds(n *yaml.Node, end int, ends map[*yaml.Node]int) {
	ends[n] = end
	for i, child := range n.Content {
		limit := end
		if i+1 < len(n.Content) {
			limit = n.Content[i+1].Line - 1
		}
		if n.Kind == yaml.MappingNode && i%2 == 1 || n.Kind == yaml.SequenceNode {
			bounds(child, max(limit, child.Line), ends)
		}
	}
}

// isFlow reports whether a collection is written with brackets.
func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }
