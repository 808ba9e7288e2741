package rest

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/exchange/demand"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/exchange/objection"
	"github.com/kuayu/kuayu/exchange/scheme"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/queue"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/peer"
	"github.com/kuayu/kuayu/support/process"
)

// API serves the routes of one node.
type API struct {
	Self       string
	Version    string
	Identity   *identity.Service
	Catalog    *catalog.Service
	Dataspace  *dataspace.Service
	Search     *search.Service
	Agreements *agreement.Service
	Deadlines  *deadline.Service
	Objections *objection.Service
	Demands    *demand.Service
	Cases      *process.Engine
	Schemes    *scheme.Service
	Notices    *notice.Service
	Gateway    *gateway.Gateway
	Issuer     *evidence.Issuer
	Index      *evidence.Index
	Log        *evidence.Log
	Tlog       *evidence.Tlog
	Witness    *evidence.Witness
	Federation *federation.Service
	Dir        *federation.Directory
	Link       *peer.Link
	Queue      *queue.Queue

	ops []operation

	buffers sync.Pool // of pages already written, to be used again
}

// operation is one route as the description shows it.
type operation struct {
	method, path string
	zh, en       string
	roles        []identity.Role // empty: anybody signed in
	public       bool
	in, out      reflect.Type
	media        []string // of the answer, if it is not plain JSON
}

// maxBody bounds request bodies of the staff API, in bytes.
const maxBody = 1 << 20

// empty is the request or answer of routes that have none.
type empty struct{}

// session authenticates the caller by its bearer token.
func (a *API) session(r *http.Request) (*identity.Session, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, identity.ErrSignIn.With()
	}
	return a.Identity.Authenticate(r.Context(), token)
}

// call is what a handler gets besides its input.
type call struct {
	ctx  context.Context //nolint:containedctx // lives as long as the request it belongs to
	sess *identity.Session
	r    *http.Request
}

// route adds a JSON route. roles says who may call it; the service behind it checks again what it must.
func route[In, Out any](a *API, mux *http.ServeMux, method, path, zh, en string, roles []identity.Role, f func(call, *In) (*Out, error)) {
	a.ops = append(a.ops, operation{method: method, path: path, zh: zh, en: en, roles: roles, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()})
	hasBody := reflect.TypeFor[In]() != reflect.TypeFor[empty]()
	mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		sess, err := a.session(r)
		if err == nil && len(roles) > 0 {
			err = sess.Require(roles...)
		}
		var in In
		if err == nil && hasBody {
			err = httpx.Decode(r, maxBody, &in)
		}
		var out *Out
		if err == nil {
			out, err = f(call{ctx: r.Context(), sess: sess, r: r}, &in)
		}
		if err != nil {
			httpx.WriteError(w, r, err)
			return
		}
		if reflect.TypeFor[Out]() == reflect.TypeFor[empty]() {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		httpx.WriteJSON(w, r, http.StatusOK, out)
	})
}

// publicRoute adds a route that needs no sign-in.
func publicRoute[In, Out any](a *API, mux *http.ServeMux, method, path, zh, en string, f func(call, *In) (*Out, error)) {
	a.ops = append(a.ops, operation{method: method, path: path, zh: zh, en: en, public: true, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()})
	hasBody := reflect.TypeFor[In]() != reflect.TypeFor[empty]()
	mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		var in In
		if hasBody {
			if err := httpx.Decode(r, maxBody, &in); err != nil {
				httpx.WriteError(w, r, err)
				return
			}
		}
		out, err := f(call{ctx: r.Context(), r: r}, &in)
		if err != nil {
			httpx.WriteError(w, r, err)
			return
		}
		httpx.WriteJSON(w, r, http.StatusOK, out)
	})
}

// rawRoute adds a route that writes its own answer.
func (a *API) rawRoute(mux *http.ServeMux, op operation, f func(http.ResponseWriter, call)) {
	a.ops = append(a.ops, op)
	mux.HandleFunc(op.method+" "+op.path, func(w http.ResponseWriter, r *http.Request) {
		var sess *identity.Session
		if !op.public {
			var err error
			if sess, err = a.session(r); err == nil && len(op.roles) > 0 {
				err = sess.Require(op.roles...)
			}
			if err != nil {
				httpx.WriteError(w, r, err)
				return
			}
		}
		f(w, call{ctx: r.Context(), sess: sess, r: r})
	})
}

// Permission is who may call a route: the matrix a test walks.
type Permission struct {
	Method, Path string
	Public       bool
	Roles        []identity.Role
}

// Permissions lists all routes added so far.
func (a *API) Permissions() []Permission {
	out := make([]Permission, len(a.ops))
	for i, o := range a.ops {
		out[i] = Permission{Method: o.method, Path: o.path, Public: o.public, Roles: o.roles}
	}
	return out
}

// NotFound answers everything that is no route.
func NotFound(w http.ResponseWriter, r *http.Request) { httpx.WriteError(w, r, httpx.ErrRoute.With()) }
