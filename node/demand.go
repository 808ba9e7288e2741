package node

import (
	"context"
	"errors"

	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/search"
)

// finder lets demands be matched by the search over all members' catalogues.
type finder struct{ search *search.Service }

// Find implements demand.Finder. A text that cannot be searched for finds nothing: it is a demand's word, not a query.
func (f finder) Find(ctx context.Context, member, text string, limit int) ([]demand.Found, error) {
	a, err := f.search.Search(ctx, search.Query{Text: text, Member: member, Limit: limit})
	if errors.Is(err, search.ErrQuery) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make([]demand.Found, len(a.Items))
	for i := range a.Items {
		h := &a.Items[i]
		out[i] = demand.Found{Member: h.Member, Department: h.Department, Provider: h.Provider, Code: h.Code, Name: h.Name}
	}
	return out, nil
}

// memberIDs are the members of the federation by the constitution in force.
func (n *Node) memberIDs() []string {
	c := n.Directory.Current()
	if c == nil {
		return nil
	}
	out := make([]string, len(c.Members))
	for i := range c.Members {
		out[i] = c.Members[i].ID
	}
	return out
}
