package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/directory"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/web/ui"
)

// Sessions signs officers in and out. identity.Service is one.
type Sessions interface {
	SignIn(ctx context.Context, assertion string) (string, *identity.Session, error)
	Authenticate(ctx context.Context, token string) (*identity.Session, error)
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

// Offices knows the departments and the people of this node. identity.Service is one.
type Offices interface {
	Departments(ctx context.Context) ([]identity.Department, error)
	Actors(ctx context.Context, sc db.Scope) ([]identity.Actor, error)
}

// Members are the members of the federation. federation.Directory is one.
type Members interface {
	Member(id string) (*federation.Member, error)
}

// Search finds entries of all members' catalogues in this node's copy of them. directory.Service is one.
type Search interface {
	Search(ctx context.Context, q directory.Query) (*directory.Answer, error)
	Entry(ctx context.Context, member, code string) (*directory.Entry, error)
}

// Shelf reads an entry where it is kept: here, or at the member. dataspace.Service is one.
type Shelf interface {
	Read(ctx context.Context, member, code string) (*catalog.Resource, error)
}

// Entries are this node's own entries, with their versions. catalog.Service is one.
type Entries interface {
	Versions(ctx context.Context, sc db.Scope, code string) ([]catalog.Edition, error)
}

// Deps are what the face needs.
type Deps struct {
	UI       *ui.UI
	Name     string // of the government, in Chinese
	NameEN   string
	Self     string // this member
	Clock    clock.Clock
	Sessions Sessions
	Inbox    Inbox
	Clocks   Clocks
	Cases    Cases
	Offices  Offices
	Members  Members
	Search   Search
	Shelf    Shelf
	Entries  Entries
	Demands  Demands
}

// Console serves the pages.
type Console struct {
	Deps
	chooser string
}

// New makes the face; it serves nothing before Routes.
func New(d Deps) *Console { return &Console{Deps: d} }

// SetChooser says that this is the demonstration, and where a visitor chooses a role there. Call before Routes.
func (c *Console) SetChooser(path string) { c.chooser = path }

// Addresses.
const (
	pathWorkbench = "/workbench"
	pathSignIn    = "/sign-in"
	pathSignOut   = "/sign-out"
	pathCases     = "/applications"
)

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// cookie holds the session token. The prefix makes browsers refuse it unless it is Secure, for this host alone, and for
// every path.
const cookie = "__Host-kuayu_session"

// Routes adds the pages. Writes from other sites are refused by what browsers say of themselves (Sec-Fetch-Site, Origin).
func (c *Console) Routes(mux *http.ServeMux) {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, ErrForeignForm.With())
	}))
	add := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, guard.Handler(h)) }
	add("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, pathWorkbench, http.StatusSeeOther) })
	add("GET "+pathSignIn, c.signInPage)
	add("POST "+pathSignIn, c.signIn)
	add("POST "+pathSignOut, c.signOut)
	add("GET "+pathWorkbench, c.signedIn(c.workbench))
	add("GET "+pathCases, c.signedIn(c.cases))
	add("GET "+pathCases+"/{id}", c.signedIn(c.oneCase))
	add("GET "+pathCatalog, c.signedIn(c.search))
	add("GET "+pathCatalog+"/{member}/{code}", c.signedIn(c.resource))
	add("GET "+pathCatalog+"/{member}/{code}/apply", c.signedIn(c.applyPage))
	add("POST "+pathCatalog+"/{member}/{code}/apply", c.signedIn(c.apply))
	add("GET "+pathDemand, c.signedIn(c.demandPage))
	add("POST "+pathDemand, c.signedIn(c.writeDemand))
	add("POST "+pathCases+"/{id}/{act}", c.signedIn(c.act))
	// Whoever changes the language on the page of a refusal comes back to the address of the act.
	add("GET "+pathCases+"/{id}/{act}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, ui.Local(pathCases+"/"+url.PathEscape(r.PathValue("id"))), http.StatusSeeOther)
	})
	add("POST /notices/{id}/read", c.signedIn(c.markRead))
}

// visit is a request of somebody who is signed in.
type visit struct {
	*http.Request
	sess *identity.Session
	v    *ui.View
}

func (c *Console) token(r *http.Request) string {
	k, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	return k.Value
}

// signedIn lets nobody through who is not; whoever is not is led to the sign-in and back.
func (c *Console) signedIn(h func(http.ResponseWriter, visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sess, err := c.Sessions.Authenticate(r.Context(), c.token(r))
		if err != nil && errs.As(err).Kind == errs.Unauthorized && r.Method == http.MethodGet {
			http.Redirect(w, r, pathSignIn+"?"+url.Values{"back": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
			return
		}
		if err == nil {
			err = h(w, visit{r, sess, c.UI.View(r)})
		}
		if err != nil {
			c.fail(w, r, err)
		}
	}
}

func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	v := c.UI.View(r)
	home := ui.Link{Href: pathWorkbench, Text: v.Pick("返回工作台", "Back to the workbench")}
	if id := r.PathValue("id"); r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, pathCases+"/") && errs.As(err).Kind != errs.NotFound {
		home = ui.Link{Href: pathCases + "/" + url.PathEscape(id), Text: v.Pick("返回该申请", "Back to it")}
	}
	c.UI.Fail(w, r, c.frame(v), home, err)
}

// Enter lets a browser in with a session and leads it on. The demonstration's role chooser uses it, too.
func (c *Console) Enter(w http.ResponseWriter, r *http.Request, token string, sess *identity.Session, back string) {
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: token, Path: "/", Expires: time.UnixMilli(sess.Expires), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	if back = ui.Local(back); back == "/" {
		back = pathWorkbench
	}
	http.Redirect(w, r, back, http.StatusSeeOther) //nolint:gosec // ui.Local leaves nothing but a path of this server
}

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
		Chrome: c.frame(v), Title: v.Pick("登录", "Sign in"),
		Lead: v.Pick("供本级政务部门的工作人员使用。", "For officers of this government's departments."),
	}, signInForm(v, []ui.Field{field}, ui.Local(back), c.chooser)))
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	token, sess, err := c.Sessions.SignIn(r.Context(), r.PostFormValue("assertion"))
	if err != nil && errs.As(err).Kind == errs.Unauthorized {
		c.askSignIn(w, r, errs.As(err).Message(string(c.UI.View(r).Lang)))
		return
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.Enter(w, r, token, sess, r.PostFormValue("back"))
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if t := c.token(r); t != "" {
		if err := c.Sessions.SignOut(r.Context(), t); err != nil {
			c.fail(w, r, err)
			return
		}
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, pathSignIn, http.StatusSeeOther)
}

// frame is what stands around a page for somebody who is not signed in.
func (c *Console) frame(v *ui.View) ui.Chrome {
	name := v.Pick(c.Name, c.NameEN)
	return ui.Chrome{Name: v.Pick("跨域数据共享", "Kuayu"), Home: "/", Place: name, Help: "/docs", Demo: c.chooser != "", Footer: ui.Footer{Host: name}}
}

// framed is the frame for an officer, with what waits in the navigation.
func (c *Console) framed(q visit, todo int, here string) ui.Chrome {
	f := c.frame(q.v)
	f.Role, f.SignOut = rolesOf(q.v, q.sess), pathSignOut
	if here != pathCatalog {
		f.Search = &ui.Search{Action: pathCatalog, Label: q.v.Pick("检索目录", "Search the catalogue")}
	}
	f.Nav = []ui.NavItem{
		{Href: pathWorkbench, Text: q.v.Pick("工作台", "Workbench"), Icon: "layout-dashboard", Todo: todo, Current: here == pathWorkbench},
		{Href: pathCatalog, Text: q.v.Pick("目录检索", "Catalogue"), Icon: "database", Current: here == pathCatalog},
		{Href: pathCases, Text: q.v.Pick("申请与协议", "Applications"), Icon: "file-check", Current: here == pathCases},
	}
	return f
}

// Choice is somebody whose place a visitor of the demonstration can take.
type Choice struct {
	Actor, Name, Department string
	Roles                   []identity.Role
}

// Choose is the demonstration's page of roles; each button posts the actor to the chooser's address.
func (c *Console) Choose(w http.ResponseWriter, r *http.Request, choices []Choice) {
	v := c.UI.View(r)
	c.UI.Render(w, r, http.StatusOK, ui.Page(v, ui.PageInfo{
		Chrome: c.frame(v), Title: v.Pick("选择身份", "Choose a role"),
		Lead: v.Pick("演示环境不设密码，点选身份即可进入。", "No passwords in the demonstration: choose who you are."),
	}, chooserPage(v, c.chooser, choices)))
}

func rolesOf(v *ui.View, s *identity.Session) string {
	out := s.Name
	for _, r := range s.Roles {
		if word := roleWord(v, r); word != s.Name {
			out += v.Pick("・", ", ") + word
		}
	}
	return out
}

// ErrForeignForm is a write that another site caused.
var ErrForeignForm = errs.Define(errs.Denied, "console.foreign_form", "该操作不是从本站页面发起的，已拒绝。请回到本站页面重新操作。", "This act did not come from a page of this site and was refused. Do it again from here.")

// ErrForm is a form that cannot be read.
var ErrForm = errs.Define(errs.Invalid, "console.form", "表单无法读取或内容过长，请返回后重新填写。", "The form cannot be read or is too long. Go back and fill it in again.")
