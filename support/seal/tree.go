package seal

// Tree is the Merkle tree of one batch's commitments, hashed as RFC 6962 section 2.1 under the batch's suite.
type Tree struct {
	suite  Suite
	levels [][]Hash // levels[0] are the leaf hashes; the last level is the root
}

// NewTree builds the tree over at least one commitment.
func NewTree(s Suite, commitments []Hash) *Tree {
	leaves := make([]Hash, len(commitments))
	for i := range commitments {
		leaves[i] = s.sum(tagLeaf, commitments[i][:], nil)
	}
	t := &Tree{suite: s, levels: [][]Hash{leaves}}
	for level := leaves; len(level) > 1; {
		next := make([]Hash, (len(level)+1)/2)
		for i := range next {
			if 2*i+1 < len(level) {
				next[i] = s.sum(tagNode, level[2*i][:], level[2*i+1][:])
			} else {
				next[i] = level[2*i] // an odd node rises unchanged, as RFC 6962 has it
			}
		}
		t.levels = append(t.levels, next)
		level = next
	}
	return t
}

// Root is the root hash; zero for an empty tree.
func (t *Tree) Root() Hash {
	top := t.levels[len(t.levels)-1]
	if len(top) == 0 {
		return Hash{}
	}
	return top[0]
}

// Path is the inclusion path of leaf i, from the bottom up.
func (t *Tree) Path(i int) []Hash {
	path := make([]Hash, 0, len(t.levels))
	for _, level := range t.levels[:len(t.levels)-1] {
		if sib := i ^ 1; sib < len(level) {
			path = append(path, level[sib])
		}
		i /= 2
	}
	return path
}

// RootFrom recomputes the root from a commitment, its index among n leaves, and its path.
// The second result is false if the path has the wrong length.
func (s Suite) RootFrom(commitment Hash, i, n int, path []Hash) (Hash, bool) {
	if i < 0 || i >= n {
		return Hash{}, false
	}
	h := s.sum(tagLeaf, commitment[:], nil)
	for size := n; size > 1; size = (size + 1) / 2 {
		if sib := i ^ 1; sib < size {
			if len(path) == 0 {
				return Hash{}, false
			}
			if i&1 == 1 {
				h = s.sum(tagNode, path[0][:], h[:])
			} else {
				h = s.sum(tagNode, h[:], path[0][:])
			}
			path = path[1:]
		}
		i /= 2
	}
	return h, len(path) == 0
}
