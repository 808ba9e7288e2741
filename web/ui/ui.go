package ui

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
)

// UI serves what all pages share: assets, the switches of language and size, and the style page.
type UI struct {
	assets *assets
}

// New reads the embedded assets.
func New() *UI { return &UI{assets: readAssets()} }

// PathPrefer is where a visitor chooses language and size.
const PathPrefer = "/prefer"

// Routes adds the assets, the switches and the style page. None of them shows data.
func (u *UI) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+pathAssets+"{name}", u.assets.serve)
	mux.HandleFunc("GET "+PathPrefer, u.prefer)
	mux.HandleFunc("GET /ui", u.stylePage)
}

// Cookies that keep what a visitor chose. They say nothing about who the visitor is.
const (
	cookieLang  = "kuayu_lang"
	cookieElder = "kuayu_elder"
	cookieTour  = "kuayu_tour"
	cookieYear  = 365 * 24 * 60 * 60
)

// View makes the view of a request: Chinese unless the visitor chose English, whatever the browser was set up with. A language in the query (?lang=en, ?elder=1) holds for this page only, so that a page
// can be linked to as it looks.
func (u *UI) View(r *http.Request) *View {
	v := &View{Lang: Chinese, URL: r.URL, assets: u.assets, Zone: clock.China()}
	if c, err := r.Cookie(cookieLang); err == nil {
		v.Lang = language(c.Value)
	}
	if c, err := r.Cookie(cookieElder); err == nil {
		v.Elder = c.Value == "1"
	}
	if c, err := r.Cookie(cookieTour); err == nil {
		v.Alone = c.Value == "0"
	}
	q := r.URL.Query()
	if l := q.Get("lang"); l != "" {
		v.Lang = language(l)
	}
	if e := q.Get("elder"); e != "" {
		v.Elder = e == "1"
	}
	return v
}

// prefer keeps a choice and leads back to where it was made.
func (u *UI) prefer(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if l := q.Get("lang"); l != "" {
		keep(w, cookieLang, string(language(l)))
	}
	for key, name := range map[string]string{"elder": cookieElder, "tour": cookieTour} {
		if e := q.Get(key); e != "" {
			keep(w, name, onOff(e == "1"))
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, Local(q.Get("back")), http.StatusSeeOther) //nolint:gosec // Local leaves nothing but a path of this server
}

func keep(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: cookieYear, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// Local is an address on this server, "/" if it is none: what leads back must not send a visitor elsewhere.
func Local(back string) string {
	p, err := url.Parse(back)
	if err != nil || p.Scheme != "" || p.Host != "" || p.User != nil || !strings.HasPrefix(p.Path, "/") || strings.HasPrefix(p.Path, "//") || strings.ContainsAny(back, "\\\r\n") {
		return "/"
	}
	q := p.Query()
	q.Del("lang")
	q.Del("elder")
	return (&url.URL{Path: p.Path, RawPath: p.RawPath, RawQuery: q.Encode()}).String() // a code with slashes stays one part of the path
}

// Headers sets what every page says about itself: nothing runs, nothing is embedded, nothing comes from elsewhere.
func Headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// Render writes a page. Nothing is sent before the whole page was made, so that a failure becomes an error page and not
// half of one.
func (u *UI) Render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) {
	u.render(w, r, status, page, false)
}

// RenderLive is Render for a page with a script of this server that listens to this server.
func (u *UI) RenderLive(w http.ResponseWriter, r *http.Request, status int, page templ.Component) {
	u.render(w, r, status, page, true)
}

func (u *UI) render(w http.ResponseWriter, r *http.Request, status int, page templ.Component, live bool) {
	var b bytes.Buffer
	if err := page.Render(r.Context(), &b); err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	h := w.Header()
	Headers(h)
	if live {
		h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; script-src 'self'; connect-src 'self'")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Language", u.View(r).Lang.Tag())
	compressed(w, r, status, b.Bytes())
}

// Fail writes an error as a page: the one place where a kind of error becomes words for a person and a next step. home
// is where the page leads when there is nothing better.
func (u *UI) Fail(w http.ResponseWriter, r *http.Request, c Chrome, home Link, err error) {
	e := errs.As(err)
	if e.Kind == errs.Internal || e.Kind == errs.Unavailable {
		httpx.Logger(r.Context()).ErrorContext(r.Context(), "page failed", "code", e.Code, "error", e, "path", r.URL.Path)
	}
	v := u.View(r)
	s := v.failure(e, home)
	s.Request = httpx.RequestID(r.Context())
	u.Render(w, r, httpx.Status(e.Kind), Page(v, PageInfo{Chrome: c, Title: s.Title, Plain: true}, Failure(v, s)))
}

// failure is the state in which an error leaves a page.
func (v *View) failure(e *errs.Error, home Link) State {
	s := State{Kind: Failed, Title: v.T("state.failed"), Text: e.Message(v.Lang.short()), Code: e.Code, Next: home}
	switch e.Kind {
	case errs.Denied, errs.Unauthorized:
		s.Kind, s.Title = Forbidden, v.T("state.forbidden")
	case errs.NotFound:
		s.Kind, s.Title = Empty, v.T("state.missing")
	case errs.Unavailable, errs.TooMany, errs.Internal:
		s.Next = Link{Href: v.URL.RequestURI(), Text: v.T("state.again")}
	case errs.Invalid, errs.Conflict, errs.Precondition:
	}
	return s
}
