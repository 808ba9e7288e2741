package rest

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// RefreshRequest asks that members' catalogues be read now.
type RefreshRequest struct {
	Member string `json:"member,omitempty" doc:"one member; absent: all"`
	Whole  bool   `json:"whole,omitempty" doc:"from the beginning, not only what changed"`
}

// searchQuery reads a query from the address.
func searchQuery(v url.Values) (search.Query, error) {
	q := search.Query{
		Text: v.Get("q"), Member: v.Get("member"), Department: v.Get("department"), Sharing: catalog.Sharing(v.Get("sharing")), Class: v.Get("class"),
		UpdateCycle: v.Get("update_cycle"), Mode: policy.Mode(v.Get("mode")), After: v.Get("after"),
	}
	for name, to := range map[string]*int{"limit": &q.Limit, "grade": &q.MaxGrade} {
		s := v.Get(name)
		if s == "" {
			continue
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return q, search.ErrFilter.With(name, "1, 2, 3 …")
		}
		*to = n
	}
	return q, nil
}

func (a *API) searchRoutes(mux *http.ServeMux) {
	route(a, mux, "GET", "/api/v1/search", "检索所有成员的目录（q、member、department、sharing、class、grade、update_cycle、mode、after、limit）", "Search all members' catalogues (q, member, department, sharing, class, grade, update_cycle, mode, after, limit)", nil, func(c call, _ *empty) (*search.Answer, error) {
		q, err := searchQuery(c.r.URL.Query())
		if err != nil {
			return nil, err
		}
		return a.Search.Search(c.ctx, q)
	})
	route(a, mux, "GET", "/api/v1/search/members", "各成员目录副本的时效", "How fresh the copy of each member's catalogue is", nil, func(c call, _ *empty) (*Page[search.Freshness], error) {
		fs, err := a.Search.Members(c.ctx)
		return &Page[search.Freshness]{Items: fs}, err
	})
	route(a, mux, "POST", "/api/v1/search/refresh", "立即重读成员目录", "Read the members' catalogues now", roles{identity.Operator}, func(c call, in *RefreshRequest) (*Page[search.Freshness], error) {
		fs, err := a.Search.Refresh(c.ctx, c.sess, in.Member, in.Whole)
		return &Page[search.Freshness]{Items: fs}, err
	})
}
