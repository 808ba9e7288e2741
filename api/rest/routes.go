package rest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
)

type roles = []identity.Role

// SessionRequest opens a session.
type SessionRequest struct {
	Assertion string `json:"assertion" doc:"private-key JWT (RFC 7523) signed by the actor's key, audience = member id"`
}

// SessionAnswer is an open session.
type SessionAnswer struct {
	Token   string            `json:"token"`
	Session *identity.Session `json:"session"`
}

// Page is a list with the cursor of the next page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// MarshalJSON writes a page without items as an empty list, not as null.
func (p Page[T]) MarshalJSON() ([]byte, error) {
	type plain Page[T]
	if p.Items == nil {
		p.Items = []T{}
	}
	return json.Marshal(plain(p)) //nolint:wrapcheck // of a value of our own
}

// Staff adds the routes of the staff listener.
func (a *API) Staff(mux *http.ServeMux) {
	a.identityRoutes(mux)
	a.catalogRoutes(mux)
	a.searchRoutes(mux)
	a.entryRoutes(mux)
	a.registerRoutes(mux)
	a.agreementRoutes(mux)
	a.offerRoutes(mux)
	a.transferRoutes(mux)
	a.lifeRoutes(mux)
	a.objectionRoutes(mux)
	a.demandRoutes(mux)
	a.caseRoutes(mux)
	a.schemeRoutes(mux)
	a.deadlineRoutes(mux)
	a.noticeRoutes(mux)
	a.jobRoutes(mux)
	a.evidenceRoutes(mux)
	a.queryRoutes(mux)
	a.federationRoutes(mux)
	a.descriptionRoutes(mux)
}

func (a *API) identityRoutes(mux *http.ServeMux) {
	publicRoute(a, mux, "POST", "/api/v1/session", "登录", "Sign in", func(c call, in *SessionRequest) (*SessionAnswer, error) {
		token, sess, err := a.Identity.SignIn(c.ctx, in.Assertion)
		if err != nil {
			return nil, err
		}
		return &SessionAnswer{Token: token, Session: sess}, nil
	})
	route(a, mux, "GET", "/api/v1/session", "当前会话", "Who am I", nil, func(c call, _ *empty) (*identity.Session, error) { return c.sess, nil })
	route(a, mux, "DELETE", "/api/v1/session", "退出登录", "Sign out", nil, func(c call, _ *empty) (*empty, error) {
		return &empty{}, a.Identity.SignOut(c.ctx, c.r.Header.Get("Authorization")[len("Bearer "):])
	})
	route(a, mux, "GET", "/api/v1/departments", "部门列表", "List departments", nil, func(c call, _ *empty) (*Page[identity.Department], error) {
		ds, err := a.Identity.Departments(c.ctx)
		return &Page[identity.Department]{Items: ds}, err
	})
	route(a, mux, "POST", "/api/v1/departments", "新增部门", "Add a department", roles{identity.Operator}, func(c call, in *identity.Department) (*identity.Department, error) {
		return in, a.Identity.AddDepartment(c.ctx, *in)
	})
	route(a, mux, "GET", "/api/v1/actors", "人员与客户端", "List officers and machine clients", roles{identity.Operator, identity.DepartmentHead, identity.Auditor, identity.Authority}, func(c call, _ *empty) (*Page[identity.Actor], error) {
		sc := c.sess.Scope()
		if c.sess.Has(identity.Operator) {
			sc = db.Oversight(c.sess.Division, c.sess.Department, c.sess.Actor)
		}
		as, err := a.Identity.Actors(c.ctx, sc)
		return &Page[identity.Actor]{Items: as}, err
	})
	route(a, mux, "POST", "/api/v1/actors", "新增人员或客户端", "Add an officer or machine client", roles{identity.Operator}, func(c call, in *identity.Actor) (*identity.Actor, error) {
		return in, a.Identity.AddActor(c.ctx, *in)
	})
	route(a, mux, "DELETE", "/api/v1/actors/{id}", "停用人员或客户端", "Disable an actor", roles{identity.Operator}, func(c call, _ *empty) (*empty, error) {
		return &empty{}, a.Identity.Disable(c.ctx, db.Oversight(c.sess.Division, c.sess.Department, c.sess.Actor), c.r.PathValue("id"))
	})
	route(a, mux, "GET", "/api/v1/sign-ins", "登录审计", "Sign-in audit", roles{identity.Auditor, identity.Authority, identity.DepartmentHead}, func(c call, _ *empty) (*Page[identity.SignInRecord], error) {
		rs, err := a.Identity.SignIns(c.ctx, c.sess.Scope(), limitOf(c.r))
		return &Page[identity.SignInRecord]{Items: rs}, err
	})
}

func limitOf(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || n < 1 {
		return 100
	}
	return min(n, 500)
}

// SourceRequest registers a source.
type SourceRequest struct {
	ID         string      `json:"id"`
	Department string      `json:"department"`
	Spec       source.Spec `json:"spec"`
}

// TableInfo describes a table found in a source.
type TableInfo struct {
	Name    string       `json:"name"`
	Rows    int64        `json:"rows"`
	Key     []string     `json:"key,omitempty"`
	Columns []ColumnInfo `json:"columns"`
}

// ColumnInfo describes a column.
type ColumnInfo struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
}

func tablesOf(ts []source.Table) []TableInfo {
	out := make([]TableInfo, len(ts))
	for i := range ts {
		out[i] = TableInfo{Name: ts[i].Name, Rows: ts[i].Rows, Key: ts[i].Key}
		for _, c := range ts[i].Columns {
			out[i].Columns = append(out[i].Columns, ColumnInfo{Name: c.Name, Type: c.Type.String(), Nullable: c.Nullable})
		}
	}
	return out
}

func (a *API) catalogRoutes(mux *http.ServeMux) {
	route(a, mux, "POST", "/api/v1/sources", "登记数据源", "Register a source", roles{identity.Operator}, func(c call, in *SourceRequest) (*Page[TableInfo], error) {
		ts, err := a.Catalog.AddSource(c.ctx, c.sess, in.Department, in.ID, in.Spec)
		return &Page[TableInfo]{Items: tablesOf(ts)}, err
	})
	route(a, mux, "GET", "/api/v1/sources", "本部门数据源", "Sources of the department", roles{identity.DataOfficer, identity.Operator}, func(c call, _ *empty) (*Page[SourceInfo], error) {
		ms, err := a.Catalog.Sources(c.ctx, c.sess.Scope())
		out := &Page[SourceInfo]{Items: []SourceInfo{}}
		for _, m := range ms {
			out.Items = append(out.Items, SourceInfo{ID: m.ID, Kind: m.Spec.Kind})
		}
		return out, err
	})
	route(a, mux, "GET", "/api/v1/sources/{id}/tables", "数据源中的表", "Tables of a source", roles{identity.DataOfficer}, func(c call, _ *empty) (*Page[TableInfo], error) {
		ts, err := a.Catalog.Discover(c.ctx, c.sess, c.r.PathValue("id"))
		return &Page[TableInfo]{Items: tablesOf(ts)}, err
	})
	a.rawRoute(mux, operation{method: "GET", path: "/api/v1/sources/{id}/tables/{table}/sample", zh: "样例数据", en: "Sample of a table", roles: roles{identity.DataOfficer}, media: []string{"application/json"}}, a.sample)
	route(a, mux, "GET", "/api/v1/catalog/{member}", "成员目录", "A member's catalogue", nil, func(c call, _ *empty) (*Page[catalog.Resource], error) {
		rs, next, err := a.Dataspace.Browse(c.ctx, c.r.PathValue("member"), c.r.URL.Query().Get("after"))
		return &Page[catalog.Resource]{Items: rs, Next: next}, err
	})
	route(a, mux, "GET", "/api/v1/catalog/{member}/{code}", "成员目录条目", "An entry of a member's catalogue", nil, func(c call, _ *empty) (*catalog.Resource, error) {
		return a.Dataspace.Read(c.ctx, c.r.PathValue("member"), c.r.PathValue("code"))
	})
}

// SourceInfo names a source; where it lives is not shown.
type SourceInfo struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

func (a *API) sample(w http.ResponseWriter, c call) {
	b, err := a.Catalog.Sample(c.ctx, c.sess, c.r.PathValue("id"), c.r.PathValue("table"), min(limitOf(c.r), 100))
	if err != nil {
		writeErr(w, c, err)
		return
	}
	defer b.Release()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(columnar.AppendJSONRows([]byte{'['}, b, columnar.Elements), ']'))
}

// Reason is the body of acts that need one.
type Reason struct {
	Reason string `json:"reason"`
}

func (a *API) agreementRoutes(mux *http.ServeMux) {
	type neg = agreement.Negotiation
	officer, head := roles{identity.DataOfficer}, roles{identity.OfficeHead}
	route(a, mux, "POST", "/api/v1/applications", "申请使用", "Apply for data", officer, func(c call, in *agreement.Application) (*neg, error) {
		return a.Agreements.Apply(c.ctx, c.sess, *in)
	})
	route(a, mux, "GET", "/api/v1/applications", "申请与协议", "Applications and agreements", nil, func(c call, _ *empty) (*Page[neg], error) {
		ns, err := a.Agreements.List(c.ctx, c.sess.Scope(), agreement.State(c.r.URL.Query().Get("state")), limitOf(c.r))
		return &Page[neg]{Items: ns}, err
	})
	route(a, mux, "GET", "/api/v1/applications/{id}", "查看申请或协议", "One application or agreement", nil, func(c call, _ *empty) (*neg, error) {
		return a.Agreements.Get(c.ctx, c.sess.Scope(), c.r.PathValue("id"))
	})
	route(a, mux, "GET", "/api/v1/applications/{id}/history", "办理经过", "History of an application", nil, func(c call, _ *empty) (*Page[process.Step], error) {
		hs, err := a.Agreements.History(c.ctx, c.sess.Scope(), c.r.PathValue("id"))
		return &Page[process.Step]{Items: hs}, err
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/consent", "需求部门同意", "Consent that the application goes out", head, func(c call, _ *empty) (*neg, error) {
		return a.Agreements.ConsentRequest(c.ctx, c.sess, c.r.PathValue("id"))
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/return", "需求部门负责人退回申请", "Return a draft to the officer", head, func(c call, in *Reason) (*neg, error) {
		return a.Agreements.ReturnRequest(c.ctx, c.sess, c.r.PathValue("id"), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/correct", "修改被退回的申请并重新报送", "Correct a returned draft and put it up again", officer, func(c call, in *agreement.Application) (*neg, error) {
		return a.Agreements.Correct(c.ctx, c.sess, c.r.PathValue("id"), *in)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/answer", "提出答复", "Propose an answer", officer, func(c call, in *agreement.Grant) (*neg, error) {
		return a.Agreements.Answer(c.ctx, c.sess, c.r.PathValue("id"), *in)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/consent-answer", "提供方同意", "Consent to the answer", head, func(c call, _ *empty) (*neg, error) {
		return a.Agreements.ConsentAnswer(c.ctx, c.sess, c.r.PathValue("id"))
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/return-answer", "退回答复", "Return the answer", head, func(c call, in *Reason) (*neg, error) {
		return a.Agreements.ReturnAnswer(c.ctx, c.sess, c.r.PathValue("id"), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/refuse", "拒绝并说明理由", "Refuse with reasons", head, func(c call, in *Reason) (*neg, error) {
		return a.Agreements.Refuse(c.ctx, c.sess, c.r.PathValue("id"), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/applications/{id}/withdraw", "撤回申请", "Withdraw an application", roles{identity.DataOfficer, identity.OfficeHead}, func(c call, in *Reason) (*neg, error) {
		return a.Agreements.Withdraw(c.ctx, c.sess, c.r.PathValue("id"), in.Reason)
	})
	route(a, mux, "POST", "/api/v1/standing-consents", "常设同意", "Consent in advance", head, func(c call, in *agreement.Standing) (*agreement.Standing, error) {
		return a.Agreements.ConsentInAdvance(c.ctx, c.sess, *in)
	})
	a.rawRoute(mux, operation{method: "GET", path: "/api/v1/agreements/{id}/document", zh: "协议原文（逐字节）", en: "The agreement's exact bytes", media: []string{"application/json"}}, func(w http.ResponseWriter, c call) {
		b, err := a.Agreements.Bytes(c.ctx, c.sess.Scope(), c.r.PathValue("id"))
		if err != nil {
			writeErr(w, c, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b)
	})
	route(a, mux, "POST", "/api/v1/agreements/{id}/revoke", "撤销协议", "Revoke an agreement", roles{identity.OfficeHead, identity.DepartmentHead, identity.Authority}, func(c call, in *Reason) (*neg, error) {
		return a.Agreements.Revoke(c.ctx, c.sess, c.r.PathValue("id"), in.Reason)
	})
	route(a, mux, "GET", "/api/v1/agreements/{id}/lease", "租约", "Until when data held may be used", roles{identity.DataOfficer, identity.Machine}, func(c call, _ *empty) (*Lease, error) {
		until, err := a.Gateway.Lease(c.ctx, c.sess, c.r.PathValue("id"))
		return &Lease{Until: until}, err
	})
}

// Lease says until when a consumer may use what it holds without hearing from the provider.
type Lease struct {
	Until time.Time `json:"until"`
}

// SubjectRequest asks who looked at a person's data.
type SubjectRequest struct {
	Identifier string `json:"identifier"`
}

func (a *API) evidenceRoutes(mux *http.ServeMux) {
	route(a, mux, "GET", "/api/v1/facts", "存证检索", "Search evidence", nil, func(c call, _ *empty) (*Page[evidence.Entry], error) {
		q := c.r.URL.Query()
		before, _ := strconv.ParseInt(q.Get("before"), 10, 64)
		if _, err := a.Index.Project(c.ctx); err != nil {
			return nil, err
		}
		es, err := a.Index.Find(c.ctx, c.sess.Scope(), evidence.Query{Agreement: q.Get("agreement"), Kind: q.Get("kind"), Before: before, Limit: limitOf(c.r)})
		return &Page[evidence.Entry]{Items: es}, err
	})
	route(a, mux, "GET", "/api/v1/facts/{id}/receipt", "回执（可离线验证）", "Receipt of a fact, verifiable offline", nil, func(c call, _ *empty) (*evidence.Receipt, error) {
		if _, err := a.Index.Project(c.ctx); err != nil {
			return nil, err
		}
		rec, err := a.Index.Record(c.ctx, c.sess.Scope(), c.r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return a.Issuer.Receipt(c.ctx, rec, !c.sess.Has(identity.Auditor) || c.r.URL.Query().Get("body") != "0")
	})
	route(a, mux, "POST", "/api/v1/subjects", "谁看过我的数据", "Who looked at a person's data", roles{identity.Auditor, identity.Authority}, func(c call, in *SubjectRequest) (*Page[evidence.Entry], error) {
		if _, err := a.Index.Project(c.ctx); err != nil {
			return nil, err
		}
		es, err := a.Gateway.SubjectFacts(c.ctx, c.sess.Scope(), in.Identifier)
		return &Page[evidence.Entry]{Items: es}, err
	})
}

// MemberInfo is a member as this node sees it.
type MemberInfo struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	NameEN   string          `json:"name_en"`
	Division string          `json:"division"`
	Voter    bool            `json:"voter"`
	PeerURL  string          `json:"peer_url,omitempty"`
	Seen     []evidence.Seen `json:"seen,omitempty"` // of its logs
}

// Constitution is the chain with the members' statements: all that offline verification needs.
type Constitution = federation.Document

// ProposalRequest proposes a change of the constitution.
type ProposalRequest = federation.Change

// ConstitutionDocument is what anyone needs to verify this federation's receipts offline.
func (a *API) ConstitutionDocument() *Constitution { return a.Dir.Document() }

func (a *API) federationRoutes(mux *http.ServeMux) {
	route(a, mux, "GET", "/api/v1/members", "成员", "Members", nil, func(c call, _ *empty) (*Page[MemberInfo], error) {
		seen, err := a.Witness.List(c.ctx)
		out := &Page[MemberInfo]{Items: []MemberInfo{}}
		for _, m := range a.Dir.Current().Members {
			i := MemberInfo{ID: m.ID, Name: m.Name, NameEN: m.NameEN, Division: m.Division, Voter: m.Voter}
			if st, serr := a.Dir.Statement(m.ID); serr == nil {
				i.PeerURL = st.PeerURL
			}
			for _, s := range seen {
				if s.Member == m.ID {
					i.Seen = append(i.Seen, s)
				}
			}
			out.Items = append(out.Items, i)
		}
		return out, err
	})
	publicRoute(a, mux, "GET", "/api/v1/constitution", "章程链与成员声明", "Constitution chain and member statements", func(call, *empty) (*Constitution, error) { return a.ConstitutionDocument(), nil })
	route(a, mux, "GET", "/api/v1/proposals", "待表决提案", "Proposals that wait for votes", roles{identity.Operator, identity.Authority}, func(c call, _ *empty) (*Page[federation.Proposal], error) {
		ps, err := a.Federation.Proposals(c.ctx)
		return &Page[federation.Proposal]{Items: ps}, err
	})
	route(a, mux, "POST", "/api/v1/proposals", "提议章程变更", "Propose a change of the constitution", roles{identity.Authority}, func(c call, in *ProposalRequest) (*federation.Proposal, error) {
		return a.propose(c, in)
	})
	route(a, mux, "POST", "/api/v1/proposals/{hash}/approve", "赞成提案", "Approve a proposal", roles{identity.Authority}, func(c call, _ *empty) (*federation.Proposal, error) {
		return a.Federation.Approve(c.ctx, c.r.PathValue("hash"))
	})
}
