package staff

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/ui"
)

// Sessions know who a token belongs to. identity.Service is one.
type Sessions interface {
	Authenticate(ctx context.Context, token string) (*identity.Session, error)
}

// Offices knows the departments and the people of this node. identity.Service is one.
type Offices interface {
	Departments(ctx context.Context) ([]identity.Department, error)
	DepartmentName(ctx context.Context, id string) (string, error)
	ActorName(ctx context.Context, sc db.Scope, id string) (string, error)
}

// Members are the members of the federation. federation.Directory is one.
type Members interface {
	Member(id string) (*federation.Member, error)
}

// Search finds entries of all members' catalogues in this node's copy of them. search.Service is one.
type Search interface {
	Search(ctx context.Context, q search.Query) (*search.Answer, error)
	Entry(ctx context.Context, member, code string) (*search.Entry, error)
	DepartmentName(ctx context.Context, member, id string) (string, error)
}

// CatalogReader reads an entry where it is kept: here, or at the member. dataspace.Service is one.
type CatalogReader interface {
	Read(ctx context.Context, member, code string) (*catalog.Resource, error)
}

// Deps are what the frame needs.
type Deps struct {
	UI            *ui.UI
	Name          string // of the government, in Chinese
	NameEN        string
	Self          string // this member
	Clock         clock.Clock
	Sessions      Sessions
	Offices       Offices
	Members       Members
	Search        Search
	CatalogReader CatalogReader
}

// Desk frames the pages of officers.
type Desk struct {
	Deps
	chooser string
	tour    func(*http.Request, *ui.View) *ui.Tour
	todo    func(Visit) (int, error)
	guard   *http.CrossOriginProtection
	opened  []string
}

// New makes the frame.
func New(d Deps) *Desk {
	k := &Desk{Deps: d, guard: http.NewCrossOriginProtection()}
	k.guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.Fail(w, r, ErrForeignForm.With())
	}))
	return k
}

// SetChooser says that this is the demonstration, and where a visitor chooses a role there. Call before the routes.
func (d *Desk) SetChooser(path string) { d.chooser = path }

// Chooser is where a visitor of the demonstration chooses a role; "" anywhere else.
func (d *Desk) Chooser() string { return d.chooser }

// SetTour puts a tour beside every page of an officer. The demonstration alone has one. Call before the routes.
func (d *Desk) SetTour(t func(*http.Request, *ui.View) *ui.Tour) { d.tour = t }

// SetTodo says how many things wait for a visitor; the navigation shows it on every page. Call before the routes.
func (d *Desk) SetTodo(count func(Visit) (int, error)) { d.todo = count }

// cookie holds the session token. The prefix makes browsers refuse it unless it is Secure, for this host alone, and for
// every path.
const cookie = "__Host-kuayu_session"

// Visit is a request of somebody who is signed in.
type Visit struct {
	*http.Request
	Sess *identity.Session
	V    *ui.View
}

// Token is the session token of a request, "" if it has none.
func Token(r *http.Request) string {
	k, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	return k.Value
}

// Handler makes a page, or does an act, for somebody who is signed in.
type Handler func(w http.ResponseWriter, q Visit) error

// Open adds a page or an act for everybody. Writes from other sites are refused by what browsers say of themselves
// (Sec-Fetch-Site, Origin).
func (d *Desk) Open(mux *http.ServeMux, pattern string, h http.HandlerFunc) {
	d.opened = append(d.opened, pattern)
	mux.Handle(pattern, d.guard.Handler(h))
}

// Opened are the patterns of all pages and acts, in their order. A test demands that each page is looked at.
func (d *Desk) Opened() []string { return d.opened }

// Get adds a page for officers. Whoever is not signed in is led to the sign-in and back.
func (d *Desk) Get(mux *http.ServeMux, path string, h Handler) {
	d.Open(mux, "GET "+path, d.signedIn(h))
}

// Post adds an act of officers.
func (d *Desk) Post(mux *http.ServeMux, path string, h Handler) {
	d.Open(mux, "POST "+path, d.signedIn(h))
}

func (d *Desk) signedIn(h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sess, err := d.Sessions.Authenticate(r.Context(), Token(r))
		if err != nil && errs.As(err).Kind == errs.Unauthorized && r.Method == http.MethodGet {
			door := PathSignIn
			if d.chooser != "" {
				door = d.chooser
			}
			http.Redirect(w, r, door+"?"+url.Values{"back": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
			return
		}
		if err == nil {
			err = h(w, Visit{r, sess, d.UI.View(r)})
		}
		if err != nil {
			d.Fail(w, r, err)
		}
	}
}

// Fail shows an error as a page that leads on. Whoever is signed in keeps the navigation.
func (d *Desk) Fail(w http.ResponseWriter, r *http.Request, err error) {
	v := d.UI.View(r)
	home := ui.Link{Href: PathWorkbench, Text: v.Pick("返回工作台", "Back to the workbench")}
	if about := subjectOf(r); about != "" && errs.As(err).Kind != errs.NotFound {
		home = ui.Link{Href: about, Text: v.Pick("返回该事项", "Back to it")}
	}
	frame := d.Frame(v)
	if sess, e := d.Sessions.Authenticate(r.Context(), Token(r)); e == nil {
		frame = d.framed(Visit{r, sess, v}, "")
	}
	d.UI.Fail(w, r, frame, home, err)
}

// subjectOf is the page of what an act was meant for: acts have addresses of three parts, the last of which names them.
func subjectOf(r *http.Request) string {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	const ofAnAct = 4 // an empty one before the first slash
	if r.Method != http.MethodPost || len(parts) != ofAnAct || r.PathValue("act") == "" {
		return ""
	}
	return strings.Join(parts[:ofAnAct-1], "/")
}

// NotFound answers what no route answers: a person with a page, a program by next.
func (d *Desk) NotFound(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html") {
			d.Fail(w, r, ErrNoPage.With())
			return
		}
		next(w, r)
	}
}

// Show writes a page in the frame of an officer; here is the address of its place in the navigation.
func (d *Desk) Show(w http.ResponseWriter, q Visit, status int, here string, info ui.PageInfo, body templ.Component) {
	info.Chrome = d.framed(q, here)
	d.UI.Render(w, q.Request, status, ui.Page(q.V, info, body))
}

// Enter lets a browser in with a session and leads it on. The demonstration's role chooser uses it, too.
func (d *Desk) Enter(w http.ResponseWriter, r *http.Request, token string, sess *identity.Session, back string) {
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: token, Path: "/", Expires: time.UnixMilli(sess.Expires), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	if back = ui.Local(back); back == "/" {
		back = PathWorkbench
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// Leave takes the session out of a browser and leads it to the sign-in.
func (d *Desk) Leave(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, PathSignIn, http.StatusSeeOther)
}

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// Form reads a form of at most 64 KiB.
func Form(w http.ResponseWriter, q Visit) (url.Values, error) { return LongForm(w, q, maxForm) }

// LongForm reads a form that carries a list, of at most so many bytes.
func LongForm(w http.ResponseWriter, q Visit, most int64) (url.Values, error) {
	f, err := httpx.Form(w, q.Request, most)
	if errors.Is(err, httpx.ErrTooLarge) || errors.Is(err, httpx.ErrBody) {
		return nil, ErrForm.Because(err)
	}
	return f, err
}

// Done leads from an act to a page; what is the act's word there.
func Done(w http.ResponseWriter, q Visit, path, what string) error {
	http.Redirect(w, q.Request, ui.Local(path+"?done="+url.QueryEscape(what)), http.StatusSeeOther)
	return nil
}

// The errors of pages.
var (
	// ErrForeignForm is a write that another site caused.
	ErrForeignForm = errs.Define(errs.Denied, "desk.foreign_form", "该操作不是从本站页面发起的，已拒绝。请回到本站页面重新操作。", "This act did not come from a page of this site and was refused. Do it again from here.")
	// ErrForm is a form that cannot be read.
	ErrForm = errs.Define(errs.Invalid, "desk.form", "表单无法读取或内容过长，请返回后重新填写。", "The form cannot be read or is too long. Go back and fill it in again.")
	// ErrMoved is an act that came too late.
	ErrMoved = errs.Define(errs.Conflict, "desk.moved", "该事项的状态已变化，或已由他人办理，不能再执行此操作。请返回查看最新状态。", "It has moved on, or somebody else has done it: this can't be done any more. Go back and see where it stands.")
	// ErrNoAct is an act that is none.
	ErrNoAct = errs.Define(errs.NotFound, "desk.no_act", "没有这项操作。", "There is no such act.")
	// ErrNoPage is an address that is none.
	ErrNoPage = errs.Define(errs.NotFound, "desk.no_page", "没有这个页面。请检查地址，或从工作台进入。", "There is no such page. Check the address, or start from the workbench.")
)
