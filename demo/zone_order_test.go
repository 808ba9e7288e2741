package demo

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
)

// TestZoneHistory: three members propose, consent, refuse and leave at random over a wire that loses, repeats and delays.
// In the end all that are still parties have one version and one hash, and no agreement of a member that left is active.
func TestZoneHistory(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w := &weather{rand: rand.New(rand.NewPCG(seed, 2)), count: map[string]int{}}
	f := newFixture(t, Settings{Wire: func(next http.RoundTripper) http.RoundTripper { return &badWire{next, w} }})
	h := &history{fixture: f, w: w, rand: r}
	f.authorityAt("jiangsu", "js", "320000")
	members := []string{"jiangsu", "shanghai", "zhejiang"}
	var x scheme.Scheme
	f.call(f.as("shanghai", "authority"), http.MethodPost, "/api/v1/schemes", f.scheme(scheme.Zone, members...), &x)
	path := "/api/v1/schemes/" + x.ID
	f.await(func() bool {
		return f.schemeAt("jiangsu", "authority", x.ID).ID != "" && f.schemeAt("zhejiang", "authority", x.ID).ID != ""
	})
	f.call(f.as("jiangsu", "authority"), http.MethodPost, path+"/consent", nil, nil)
	f.call(f.as("zhejiang", "authority"), http.MethodPost, path+"/consent", nil, nil)
	f.await(func() bool {
		return !slices.ContainsFunc(members, func(m string) bool { return f.schemeAt(m, "authority", x.ID).State != scheme.InForce })
	})
	f.call(f.as("zhejiang", "head-zj"), http.MethodPost, path+"/join", nil, nil)
	for m, short := range map[string]string{"shanghai": "sh", "jiangsu": "js"} {
		e := f.enrol(m, short, x.ID)
		f.awaitState(m, short, e.Applied[0].Application, agreement.Active)
	}
	w.mu.Lock()
	w.bad = true
	w.mu.Unlock()
	for i := range 60 {
		m := members[r.IntN(3)]
		what, body := "/consent", any(nil)
		switch r.IntN(8) {
		case 0, 1:
			what, body = "", f.schemeAt(m, "authority", x.ID).Text
		case 2:
			what, body = "/decline", rest.Reason{Reason: "清单未核实"}
		case 3:
			if m != "zhejiang" && i > 50 {
				what, body = "/leave", rest.Reason{Reason: "职能调整"}
			}
		}
		to := path + what
		if what == "" {
			to = "/api/v1/schemes"
		}
		err := f.as(m, "authority").Call(f.ctx, http.MethodPost, to, body, nil)
		if err != nil && errs.As(err).Kind == errs.Internal {
			t.Fatalf("%s by %s: %v", what, m, err)
		}
	}
	w.mu.Lock()
	w.bad = false
	w.mu.Unlock()
	var parties []string
	f.await(func() bool {
		h.settled()
		z := f.schemeAt("zhejiang", "authority", x.ID)
		parties = z.Current().Parties
		for _, m := range parties {
			if y := f.schemeAt(m, "authority", x.ID); y.State != scheme.InForce || y.Hash != z.Hash || !slices.Equal(y.Current().Parties, parties) {
				return false
			}
		}
		return true
	})
	ns, err := f.c.Node("zhejiang").Agreements.List(f.ctx, db.System("test"), agreement.Active, 500)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ns {
		if !slices.Contains(parties, ns[i].Consumer.Member) {
			t.Errorf("%s left and its agreement %s is active", ns[i].Consumer.Member, ns[i].ID)
		}
	}
	t.Logf("parties %v, %d agreements, %v", parties, len(ns), w.count)
}
