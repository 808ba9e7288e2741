package console

import (
	"context"
	"net/http"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/web/desk"
	"github.com/kuayu/kuayu/web/ui"
)

// Door signs officers in and out. identity.Service is one.
type Door interface {
	SignIn(ctx context.Context, assertion string) (string, *identity.Session, error)
	SignOut(ctx context.Context, token string) error
}

// Inbox holds what an officer should know. notice.Service is one.
type Inbox interface {
	List(ctx context.Context, sess *identity.Session, q notice.Query) (*notice.Page, error)
	MarkRead(ctx context.Context, sess *identity.Session, id string) error
}

// Clocks are the law's. deadline.Service is one.
type Clocks interface {
	Running(ctx context.Context, sc db.Scope, q deadline.OpenQuery) (*deadline.Page[deadline.Clock], error)
	Of(ctx context.Context, sc db.Scope, subject string) ([]deadline.Clock, error)
}

// Cases are applications and agreements. agreement.Service is one.
type Cases interface {
	Get(ctx context.Context, sc db.Scope, id string) (*agreement.Negotiation, error)
	List(ctx context.Context, sc db.Scope, state agreement.State, limit int) ([]agreement.Negotiation, error)
	History(ctx context.Context, sc db.Scope, id string) ([]agreement.Step, error)
	Apply(ctx context.Context, sess *identity.Session, a agreement.Application) (*agreement.Negotiation, error)
	ConsentRequest(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	Withdraw(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Answer(ctx context.Context, sess *identity.Session, id string, g agreement.Grant) (*agreement.Negotiation, error)
	ConsentAnswer(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	ReturnAnswer(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Refuse(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Revoke(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
}

// Demands puts what no catalogue has on the list of demands. demand.Service is one.
type Demands interface {
	Write(ctx context.Context, sess *identity.Session, w demand.Want, members []string) (*demand.Demand, error)
}

// Entries are this node's own entries, with their versions. catalog.Service is one.
type Entries interface {
	Versions(ctx context.Context, sc db.Scope, code string) ([]catalog.Edition, error)
}

// Deps are what the face needs.
type Deps struct {
	*desk.Desk
	Door    Door
	Inbox   Inbox
	Clocks  Clocks
	Cases   Cases
	Entries Entries
	Demands Demands
}

// Console serves the pages.
type Console struct{ Deps }

// New makes the face; it serves nothing before Routes.
func New(d Deps) *Console {
	c := &Console{d}
	d.SetTodo(c.waiting)
	return c
}

// Routes adds the pages.
func (c *Console) Routes(mux *http.ServeMux) {
	c.Open(mux, "GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, desk.PathWorkbench, http.StatusSeeOther)
	})
	c.Open(mux, "GET "+desk.PathSignIn, c.signInPage)
	c.Open(mux, "POST "+desk.PathSignIn, c.signIn)
	c.Open(mux, "POST "+desk.PathSignOut, c.signOut)
	c.Get(mux, desk.PathWorkbench, c.workbench)
	c.Post(mux, "/notices/{id}/read", c.markRead)
	c.Get(mux, desk.PathCatalog, c.search)
	c.Get(mux, desk.PathCatalog+"/{member}/{code}", c.resource)
	c.Get(mux, desk.PathCatalog+"/{member}/{code}/apply", c.applyPage)
	c.Post(mux, desk.PathCatalog+"/{member}/{code}/apply", c.apply)
	c.Get(mux, pathDemand, c.demandPage)
	c.Post(mux, pathDemand, c.writeDemand)
	c.Get(mux, desk.PathCases, c.cases)
	c.Get(mux, desk.PathCases+"/{id}", c.oneCase)
	c.Post(mux, desk.PathCases+"/{id}/{act}", c.act)
	// Whoever changes the language on the page of a refusal comes back to the address of the act.
	c.Open(mux, "GET "+desk.PathCases+"/{id}/{act}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, ui.Local(desk.CasePath(r.PathValue("id"))), http.StatusSeeOther) //nolint:gosec // ui.Local leaves nothing but a path of this server
	})
}

// maxCredential bounds the form of a sign-in, in bytes.
const maxCredential = 16 << 10

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) { c.askSignIn(w, r, "") }

func (c *Console) askSignIn(w http.ResponseWriter, r *http.Request, wrong string) {
	v := c.UI.View(r)
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusUnauthorized
	}
	field := ui.Field{
		Name: "assertion", Kind: "textarea", Label: v.Pick("登录凭据", "Credential"), Error: wrong,
		Hint: v.Pick("在本机运行 kuayu credential，用您的私钥生成一次性凭据，两分钟内有效，用过即作废。私钥不会离开您的电脑。", "Run kuayu credential on your own machine: it signs with your private key what is valid for two minutes and once. The key never leaves it."),
	}
	back := r.FormValue("back")
	c.UI.Render(w, r, status, ui.Page(v, ui.PageInfo{
		Chrome: c.Frame(v), Title: v.Pick("登录", "Sign in"),
		Lead: v.Pick("供本级政务部门的工作人员使用。", "For officers of this government's departments."),
	}, signInForm(v, []ui.Field{field}, ui.Local(back), c.Chooser())))
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxCredential)
	token, sess, err := c.Door.SignIn(r.Context(), r.PostFormValue("assertion"))
	if err != nil && errs.As(err).Kind == errs.Unauthorized {
		c.askSignIn(w, r, errs.As(err).Message(string(c.UI.View(r).Lang)))
		return
	}
	if err != nil {
		c.Fail(w, r, err)
		return
	}
	c.Enter(w, r, token, sess, r.PostFormValue("back"))
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if t := desk.Token(r); t != "" {
		if err := c.Door.SignOut(r.Context(), t); err != nil {
			c.Fail(w, r, err)
			return
		}
	}
	c.Leave(w, r)
}
