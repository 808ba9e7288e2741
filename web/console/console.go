package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/web/pdf"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Authenticator signs officers in and out. identity.Service is one.
type Authenticator interface {
	SignIn(ctx context.Context, assertion string) (string, *identity.Session, error)
	SignOut(ctx context.Context, token string) error
}

// Inbox holds what an officer should know. notice.Service is one.
type Inbox interface {
	List(ctx context.Context, sess *identity.Session, q notice.Query) (*notice.Page, error)
	MarkRead(ctx context.Context, sess *identity.Session, id string) error
}

// Todos says what waits for a session's roles. process.Engine is one.
type Todos interface {
	Todos(ctx context.Context, sess *identity.Session, f process.Filter) ([]process.Summary, error)
}

// Clocks are the law's. deadline.Service is one.
type Clocks interface {
	Running(ctx context.Context, sc db.Scope, q deadline.OpenQuery) (*deadline.Page[deadline.Deadline], error)
	Of(ctx context.Context, sc db.Scope, subject string) ([]deadline.Deadline, error)
}

// Cases are applications and agreements. agreement.Service is one.
type Cases interface {
	Get(ctx context.Context, sc db.Scope, id string) (*agreement.Negotiation, error)
	Page(ctx context.Context, sc db.Scope, q agreement.PageQuery) ([]agreement.Negotiation, string, error)
	History(ctx context.Context, sc db.Scope, id string) ([]process.Step, error)
	Earlier(ctx context.Context, sc db.Scope, n *agreement.Negotiation) (*agreement.Prior, error)
	Bytes(ctx context.Context, sc db.Scope, id string) ([]byte, error)
	SignatureOf(ctx context.Context, sc db.Scope, id string) (agreement.PeerSignature, error)
	Applicants
	Providers
}

// Applicants do what the applicant's end does.
type Applicants interface {
	Apply(ctx context.Context, sess *identity.Session, a agreement.Application) (*agreement.Negotiation, error)
	ConsentRequest(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	ReturnRequest(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Correct(ctx context.Context, sess *identity.Session, id string, a agreement.Application) (*agreement.Negotiation, error)
	Withdraw(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	GiveSupplement(ctx context.Context, sess *identity.Session, id string, p agreement.Supply) (*agreement.Negotiation, error)
	ConsentSupplement(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	AcceptOffer(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	Resubmit(ctx context.Context, sess *identity.Session, id string, a agreement.Application) (*agreement.Negotiation, error)
	DraftChange(ctx context.Context, sess *identity.Session, id string, c agreement.ChangeRequest) (*agreement.Negotiation, error)
	RequestChange(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	ReportRectified(ctx context.Context, sess *identity.Session, id, report string) (*agreement.Negotiation, error)
	ConfirmDisposal(ctx context.Context, sess *identity.Session, id string, c agreement.Certificate) (*agreement.Negotiation, error)
}

// Providers do what the provider's end does, and the authority over it.
type Providers interface {
	AskSupplement(ctx context.Context, sess *identity.Session, id string, missing []agreement.Missing) (*agreement.Negotiation, error)
	AskExtension(ctx context.Context, sess *identity.Session, id string, days int, reason string) (*agreement.Negotiation, error)
	ConsentExtension(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	RefuseExtension(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Answer(ctx context.Context, sess *identity.Session, id string, g agreement.Grant) (*agreement.Negotiation, error)
	CounterOffer(ctx context.Context, sess *identity.Session, id string, g agreement.Grant) (*agreement.Negotiation, error)
	ConsentAnswer(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	ReturnAnswer(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Refuse(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	ProposeChange(ctx context.Context, sess *identity.Session, id string, g agreement.Grant) (*agreement.Negotiation, error)
	GrantChange(ctx context.Context, sess *identity.Session, id string) (*agreement.Negotiation, error)
	DeclineChange(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Suspend(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	OrderRectify(ctx context.Context, sess *identity.Session, id string, o agreement.RectifyOrder) (*agreement.Negotiation, error)
	Resume(ctx context.Context, sess *identity.Session, id, finding string) (*agreement.Negotiation, error)
	Revoke(ctx context.Context, sess *identity.Session, id, reason string) (*agreement.Negotiation, error)
	Dispose(ctx context.Context, sess *identity.Session, id string, o agreement.DisposalOrder) (*agreement.Negotiation, error)
}

// Queries ask under an agreement, and tell how much was asked. gateway.Gateway is one.
type Queries interface {
	Ask(ctx context.Context, sess *identity.Session, id string, q gateway.Query) (*gateway.Result, error)
	Used(ctx context.Context, sc db.Scope, agreement string, since time.Time, limit int) ([]evidence.Use, error)
}

// Facts are this node's evidence. evidence.Index is one.
type Facts interface {
	Find(ctx context.Context, sc db.Scope, q evidence.Query) ([]evidence.Entry, error)
	Record(ctx context.Context, sc db.Scope, id string) (*evidence.Record, error)
	Usage(ctx context.Context, agreement, kind string, since int64) (calls, rows int64, err error)
}

// Seals verifies sealed facts against the directory. evidence.Issuer is one.
type Seals interface {
	Spoken(s *seal.Sealed) (*evidence.Spoken, error)
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
	*staff.Desk
	Authenticator Authenticator
	Inbox         Inbox
	Clocks        Clocks
	Todos         Todos
	Cases         Cases
	Entries       Entries
	Demands       Demands
	Queries       Queries
	Facts         Facts
	Seals         Seals
	// Subject says in words what something is about that is not the console's own; "" if it can't. share.Share has one.
	Subject func(q staff.Visit, nm *staff.Names, kind, id string) string
	Font    string // file of the font that documents are printed in; "": the usual folders
}

// Console serves the pages.
type Console struct {
	Deps

	font *pdf.Font
}

// New makes the face; it serves nothing before Routes.
func New(d Deps) *Console {
	c := &Console{Deps: d, font: &pdf.Font{Path: d.Font}}
	d.SetTodo(c.waiting)
	return c
}

// Routes adds the pages.
func (c *Console) Routes(mux *http.ServeMux) {
	c.Open(mux, "GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, staff.PathWorkbench, http.StatusSeeOther)
	})
	c.Open(mux, "GET "+staff.PathSignIn, c.signInPage)
	c.Open(mux, "POST "+staff.PathSignIn, c.signIn)
	c.Open(mux, "POST "+staff.PathSignOut, c.signOut)
	c.Get(mux, staff.PathWorkbench, c.workbench)
	c.Post(mux, "/notices/{id}/read", c.markRead)
	c.Get(mux, staff.PathCatalog, c.search)
	c.Get(mux, staff.PathCatalog+"/{member}/{code}", c.resource)
	c.Get(mux, staff.PathCatalog+"/{member}/{code}/apply", c.applyPage)
	c.Post(mux, staff.PathCatalog+"/{member}/{code}/apply", c.apply)
	c.Get(mux, pathDemand, c.demandPage)
	c.Post(mux, pathDemand, c.writeDemand)
	c.Get(mux, staff.PathCases, c.cases)
	c.Get(mux, staff.PathCases+"/{id}", c.oneCase)
	c.Get(mux, staff.PathCases+"/{id}/print.pdf", c.printDecision)
	c.Get(mux, staff.PathCases+"/{id}/{act}", c.askingPage)
	c.Post(mux, staff.PathCases+"/{id}/{act}", c.act)
	c.Get(mux, pathAgreements+"/{id}", c.oneAgreement)
	c.Get(mux, pathAgreements+"/{id}/print.pdf", c.printAgreement)
	c.Post(mux, pathAgreements+"/{id}/{act}", c.agreementAct)
	c.Open(mux, "GET "+pathAgreements+"/{id}/{act}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, ui.Local(agreementPath(r.PathValue("id"))), http.StatusSeeOther) //nolint:gosec // ui.Local leaves nothing but a path of this server
	})
}

// maxCredential bounds the form of a sign-in, in bytes.
const maxCredential = 16 << 10

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) { c.askSignIn(w, r, nil) }

func (c *Console) askSignIn(w http.ResponseWriter, r *http.Request, refused *errs.Error) {
	v := c.UI.View(r)
	status, wrong := http.StatusOK, ""
	if refused != nil {
		status, wrong = httpx.Status(refused.Kind), refused.Message(string(v.Lang))
		httpx.RetryAfter(w.Header(), refused)
	}
	field := ui.Field{
		Name: "assertion", Kind: "textarea", Label: v.Pick("登录凭据", "Credential"), Error: wrong,
		Hint: v.Pick("在本机运行 kuayu credential，用您的私钥生成一次性凭据，两分钟内有效，用过即作废。私钥不会离开您的电脑。", "Run kuayu credential on your own machine: it signs with your private key what is valid for two minutes and once. The key never leaves it."),
	}
	back := r.URL.Query().Get("back")
	if back == "" {
		back = r.PostForm.Get("back") // of a sign-in that failed
	}
	c.UI.Render(w, r, status, ui.Page(v, ui.PageInfo{
		Chrome: c.Frame(v), Title: v.Pick("登录", "Sign in"),
		Lead: v.Pick("供本级政务部门的工作人员使用。", "For officers of this government's departments."),
	}, signInForm(v, []ui.Field{field}, ui.Local(back), c.Chooser())))
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	f, err := httpx.Form(w, r, maxCredential)
	if err != nil {
		c.Fail(w, r, err)
		return
	}
	token, sess, err := c.Authenticator.SignIn(r.Context(), strings.TrimSpace(f.Get("assertion")))
	if e := errs.As(err); err != nil && (e.Kind == errs.Unauthorized || e.Kind == errs.TooMany) {
		c.askSignIn(w, r, e)
		return
	}
	if err != nil {
		c.Fail(w, r, err)
		return
	}
	c.Enter(w, r, token, sess, f.Get("back"))
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if t := staff.Token(r); t != "" {
		if err := c.Authenticator.SignOut(r.Context(), t); err != nil {
			c.Fail(w, r, err)
			return
		}
	}
	c.Leave(w, r)
}
