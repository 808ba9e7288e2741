package demo

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/tour"
	"github.com/kuayu/kuayu/web/ui"
)

// stage is what the demonstration adds to its nodes: anybody may become anybody without a key, and a tour leads through
// the whole of it. It is wired here and nowhere else: `kuayu serve` has no such route.
type stage struct {
	c     *Cluster
	plain bool // without the tour

	mu    sync.Mutex
	since time.Time // what happened before is not the visitor's doing
	done  [legs]bool
}

// The steps of the tour.
const (
	legShare = iota
	legApply
	legDecide
	legQuery
	legVerify
	legs
)

// Step is a step of the tour as programs read it.
type Step struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	URL   string `json:"url,omitempty"`
	Done  bool   `json:"done"`
}

// raise is when the visitors come in: the tour counts what happens from now on.
func (s *stage) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.done = s.c.Clock.Now(), [legs]bool{}
}

// root is the address of a node's staff listener as a browser should know it: cookies and certificates are the name's.
func root(n *node.Node) string { return "https://localhost:" + port(n.Addr("staff")) }

func (s *stage) routes(n *node.Node, mux *http.ServeMux) {
	mux.HandleFunc("POST /demo/session", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Actor string `json:"actor"`
		}
		if err := httpx.Decode(r, 4096, &in); err != nil {
			httpx.WriteError(w, r, err)
			return
		}
		token, sess, err := n.Identity.OpenFor(r.Context(), in.Actor)
		if err != nil {
			httpx.WriteError(w, r, err)
			return
		}
		httpx.WriteJSON(w, r, http.StatusOK, rest.SessionAnswer{Token: token, Session: sess})
	})
	n.Desk.SetChooser(tour.PathRoles)
	if !s.plain {
		n.Desk.SetTour(s.guide)
	}
	n.Watch.OnHeld(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done[legVerify] = true
	})
	n.Desk.Open(mux, "GET "+tour.PathRoles, func(w http.ResponseWriter, r *http.Request) {
		places, err := s.places(r.Context(), n)
		if err != nil {
			n.Desk.Fail(w, r, err)
			return
		}
		tour.Choose(w, r, n.Desk, s.guide(r, n.UI.View(r)), places, r.URL.Query().Get("back"))
	})
	n.Desk.Open(mux, "GET /demo", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, tour.PathRoles, http.StatusSeeOther)
	})
	enter := func(w http.ResponseWriter, r *http.Request, actor, to string) {
		token, sess, err := n.Identity.OpenFor(r.Context(), actor)
		if err != nil {
			n.Desk.Fail(w, r, err)
			return
		}
		n.Desk.Enter(w, r, token, sess, to)
	}
	n.Desk.Open(mux, "POST "+tour.PathRoles, func(w http.ResponseWriter, r *http.Request) {
		f, err := httpx.Form(w, r, 4096)
		if err != nil {
			httpx.WriteError(w, r, err)
			return
		}
		enter(w, r, f.Get("actor"), f.Get("back"))
	})
	// A form can't lead from one node to another (the content policy keeps forms to their own), a link can. It must come
	// from a page of the demonstration, or from the visitor.
	n.Desk.Open(mux, "GET "+tour.PathAs+"{actor}", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			n.Desk.Fail(w, r, staff.ErrForeignForm.With())
			return
		}
		enter(w, r, r.PathValue("actor"), r.URL.Query().Get("to"))
	})
	mux.HandleFunc("GET /demo/tour", func(w http.ResponseWriter, r *http.Request) {
		steps := []Step{}
		if t := s.guide(r, n.UI.View(r)); t != nil {
			for _, l := range t.Steps {
				steps = append(steps, Step{l.Title, l.Text, l.Go.Href, l.Done})
			}
		}
		httpx.WriteJSON(w, r, http.StatusOK, steps)
	})
}

// places are the nodes with the officers whose place a visitor can take; here is the one that asks.
func (s *stage) places(ctx context.Context, here *node.Node) ([]tour.Place, error) {
	var out []tour.Place
	for _, p := range s.c.places {
		n := s.c.Node(p.ID)
		departments, err := n.Identity.Departments(ctx)
		if err != nil {
			return nil, err
		}
		names := map[string]string{}
		for _, d := range departments {
			names[d.ID] = d.Name
		}
		actors, err := n.Identity.Actors(ctx, db.System("demonstration"))
		if err != nil {
			return nil, err
		}
		place := tour.Place{Name: staff.Pair{p.Name, p.NameEN}, Root: root(n)}
		if n == here {
			place.Root = ""
		}
		for i := range actors {
			if a := &actors[i]; a.Kind == "officer" && !a.Disabled {
				place.People = append(place.People, tour.Person{Actor: a.ID, Name: a.Name, Department: names[a.Department], Roles: a.Roles})
			}
		}
		if len(place.People) == 0 {
			continue
		}
		slices.SortStableFunc(place.People, func(a, b tour.Person) int { return rank(a) - rank(b) })
		out = append(out, place)
	}
	return out, nil
}

// rank orders people as a case goes through their hands.
func rank(p tour.Person) int {
	if len(p.Roles) == 0 {
		return len(identity.Roles())
	}
	return slices.Index([]identity.Role{identity.DataOfficer, identity.OfficeHead, identity.DepartmentHead, identity.Authority, identity.Auditor, identity.Operator}, p.Roles[0])
}

// guide is where the visitors are: what is done comes from the packages of all nodes, and each step leads to whoever has it
// in hand now. What can't be read is not done; a tour is no reason to fail a page.
func (s *stage) guide(r *http.Request, v *ui.View) *ui.Tour {
	if s.plain {
		return nil
	}
	s.mu.Lock()
	since, done := s.since, s.done
	s.mu.Unlock()
	w := s.look(r.Context(), since)
	for i, yes := range w.done {
		done[i] = done[i] || yes
	}
	s.mu.Lock()
	if s.since.Equal(since) {
		for i, yes := range done {
			s.done[i] = s.done[i] || yes
		}
	}
	s.mu.Unlock()
	legs := []ui.Leg{
		legShare:  {Title: v.Pick("共享一项数据", "Share a resource"), Text: v.Pick("数据专员选一张业务表编目，部门负责人签发，主管部门审核发布。", "An officer describes a table, the head of the department signs, the authority publishes.")},
		legApply:  {Title: v.Pick("申请使用", "Apply for it"), Text: v.Pick("另一省的数据专员写明依据、用途和期限，本方负责人同意后送出。", "An officer of another province says on what basis and for what; the head sends it out.")},
		legDecide: {Title: v.Pick("审批", "Decide"), Text: v.Pick("提供方逐项答复，负责人同意，协议在两端同时生效。", "The provider answers item by item, the head consents; it binds at both ends.")},
		legQuery:  {Title: v.Pick("按协议查询", "Ask under the agreement"), Text: v.Pick("双方分别核验授权，脱敏后返回，每次都有回执。", "Both ends decide, the answer is masked, and there is a receipt each time.")},
		legVerify: {Title: v.Pick("复核", "Verify"), Text: v.Pick("审计人员打开一条存证，点“复核”，逐项核对签名和路径。", "An auditor opens a fact and checks its signatures and its proof.")},
	}
	for i := range legs {
		legs[i].Done = done[i]
		if h := w.hands[i]; h.actor.ID != "" && !done[i] {
			legs[i].Go = ui.Link{Href: tour.As(root(h.node), h.actor.ID, h.path), Text: v.Pick("做这一步", "Do this step") + v.Pick("（", " (") + v.Pick(h.node.Config.Name, h.node.Config.NameEN) + v.Pick("・", ", ") + v.Pick(h.actor.Name, staff.RoleWord(v, h.actor.Roles[0])) + v.Pick("）", ")")}
		}
	}
	return &ui.Tour{Steps: legs}
}

// hand is who has a step in hand, and the page on which it is done.
type hand struct {
	node  *node.Node
	actor identity.Actor
	path  string
}

// whereabouts is what the packages say.
type whereabouts struct {
	done  [legs]bool
	hands [legs]hand
}

// look reads the packages of all nodes.
func (s *stage) look(ctx context.Context, since time.Time) whereabouts {
	var w whereabouts
	sys := db.System("demonstration")
	give := func(leg int, n *node.Node, department string, role identity.Role, path string) {
		actors, err := n.Identity.Actors(ctx, sys)
		if err != nil {
			return
		}
		for i := range actors {
			if a := actors[i]; a.Kind == "officer" && !a.Disabled && slices.Contains(a.Roles, role) && (department == "" || a.Department == department) {
				w.hands[leg] = hand{n, a, path}
				return
			}
		}
	}
	provider, consumer := s.c.Node("zhejiang"), s.c.Node("shanghai")
	give(legShare, provider, "", identity.DataOfficer, "/share")
	give(legDecide, provider, "", identity.DataOfficer, staff.PathWorkbench)
	give(legQuery, consumer, "", identity.DataOfficer, staff.PathCases)
	give(legVerify, provider, "", identity.Auditor, staff.PathEvidence+"?area=query")
	offered := "" // the address of what is applied for
	var newest time.Time
	for _, p := range s.c.places {
		n := s.c.Node(p.ID)
		entries, err := n.Catalog.Dossiers(ctx, sys, "", "", 500)
		if err != nil {
			continue
		}
		for i := range entries {
			e := &entries[i]
			mine := !e.Created.Before(since)
			if e.InForce > 0 && !mine && offered == "" {
				offered = staff.EntryPath(p.ID, e.Code) + "/apply"
				if consumer.Config.Member == p.ID {
					consumer = provider
				}
			}
			if !mine || e.Created.Before(newest) {
				continue
			}
			newest = e.Created
			path := staff.PathResources + "/" + escape(e.Code)
			switch role := map[catalog.State]identity.Role{catalog.Draft: identity.DataOfficer, catalog.Submitted: identity.DepartmentHead, catalog.Signed: identity.Authority}[e.State]; {
			case e.InForce > 0:
				w.done[legShare] = true
				offered = staff.EntryPath(p.ID, e.Code) + "/apply"
				if consumer = s.c.Node("shanghai"); p.ID == "shanghai" {
					consumer = provider
				}
			case role == identity.Authority:
				give(legShare, n, "", role, path)
			case role != "":
				give(legShare, n, e.Department, role, path)
			}
		}
	}
	if offered != "" {
		give(legApply, consumer, "", identity.DataOfficer, offered)
	}
	for _, p := range s.c.places {
		s.lookAtCases(ctx, since, s.c.Node(p.ID), &w, give)
	}
	for _, p := range s.c.places {
		n := s.c.Node(p.ID)
		facts, err := n.Index.Find(ctx, sys, evidence.Query{Kind: "query.close", Outcome: "ok", Since: since.UnixMicro(), Limit: 1})
		if err == nil && len(facts) > 0 {
			w.done[legQuery] = true
			give(legVerify, n, "", identity.Auditor, staff.FactPath(facts[0].ID))
		}
	}
	return w
}

// lookAtCases is look for the applications and agreements of one node, the latest of which is the visitor's.
func (s *stage) lookAtCases(ctx context.Context, since time.Time, n *node.Node, w *whereabouts, give func(int, *node.Node, string, identity.Role, string)) {
	cases, err := n.Agreements.List(ctx, db.System("demonstration"), "", 50)
	if err != nil {
		return
	}
	slices.Reverse(cases) // the latest decides who has the step in hand
	for i := range cases {
		x := &cases[i]
		if x.Created.Before(since) {
			continue
		}
		path := staff.CasePath(x.ID)
		switch {
		case x.Side == agreement.Consumer && x.State == agreement.ReqOfficeApproval:
			give(legApply, n, x.Consumer.Department, identity.OfficeHead, path)
		case x.Side == agreement.Consumer && x.State == agreement.Active:
			w.done[legApply], w.done[legDecide] = true, true
			give(legQuery, n, x.Consumer.Department, identity.DataOfficer, path)
		case x.Side == agreement.Consumer && x.State != agreement.Draft && x.State != agreement.Withdrawn:
			w.done[legApply] = true
		case x.Side == agreement.Provider && x.State == agreement.ProvOfficeApproval:
			give(legDecide, n, x.Provider.Department, identity.OfficeHead, path)
		case x.Side == agreement.Provider && x.State == agreement.Reviewing:
			give(legDecide, n, x.Provider.Department, identity.DataOfficer, path)
		}
	}
}
