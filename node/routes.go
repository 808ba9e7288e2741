package node

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/pprof"
	"regexp"
	"strings"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/peer"
)

// server builds the HTTP server of a listener. Each has its own TLS and its own routes; nothing is on two by accident.
func (n *Node) server(name string, l net.Listener) (*http.Server, net.Listener) {
	mux := http.NewServeMux()
	var conf *tls.Config
	trust, missing := false, rest.NotFound
	switch name {
	case "peer":
		n.peerRoutes(mux)
		conf, trust = federation.ServerTLS(n.TLS, n.Directory), true
	case "staff":
		n.API.Staff(mux)
		n.UI.Routes(mux)
		if n.options.Routes != nil {
			n.options.Routes(n, mux)
		}
		n.Console.Routes(mux)
		n.Share.Routes(mux)
		n.Watch.Routes(mux)
		n.Screen.Routes(mux)
		missing = n.Desk.NotFound(missing)
		conf = federation.StaffTLS(n.TLS)
	case "public":
		n.publicRoutes(mux)
		conf = federation.StaffTLS(n.TLS)
	case "admin":
		n.adminRoutes(mux)
		conf = federation.StaffTLS(n.TLS)
	case "dataspace":
		n.Dataspace.ForeignRoutes(mux)
		conf = federation.StaffTLS(n.TLS)
	}
	mux.HandleFunc("/", missing)
	var h http.Handler = mux
	if name == "peer" {
		h = versioned(mux)
	}
	b := n.budget(name)
	srv := b.Server(httpx.NewServer(httpx.Wrap(h, n.Logger, trust, n.refused(name)), n.Logger))
	// HTTP/1.1 with many kept connections carries more small exchanges per core than HTTP/2 here.
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	conf.NextProtos = []string{"http/1.1"}
	if name == "peer" {
		srv.ConnState = n.countStrangers()
	}
	return srv, tls.NewListener(b.Listener(l), conf)
}

// versioned tells members which version answers.
func versioned(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()[peer.HeaderVersion] = []string{Version}
		h.ServeHTTP(w, r)
	})
}

// countStrangers counts connections that closed before they became active: whoever is no member fails in the
// handshake and leaves a number, never a log entry.
func (n *Node) countStrangers() func(net.Conn, http.ConnState) {
	return func(c net.Conn, s http.ConnState) {
		if t, ok := c.(*tls.Conn); ok && s == http.StateClosed && !t.ConnectionState().HandshakeComplete {
			n.Metrics.Strangers.Inc()
		}
	}
}

// peerRoutes are for members only.
func (n *Node) peerRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+peer.PathLine, n.Link.ServeLine)
	mux.HandleFunc("GET "+peer.PathStatement, n.Link.ServeStatement)
	mux.HandleFunc("POST "+peer.PathStatement, n.Link.ServeStatement)
	mux.HandleFunc("POST "+peer.PathPapers, n.Link.ServePapers)
	mux.HandleFunc("POST "+gateway.Path, n.Gateway.Serve)
	mux.HandleFunc("POST "+gateway.PathLease, n.Gateway.ServeLease)
	mux.HandleFunc("POST "+gateway.PathLedger, n.Gateway.ServeLedger)
	mux.HandleFunc("POST "+peer.PathMessages+"{kind}", n.Mailbox.ServeMessages)
	n.Dataspace.Routes(mux)
}

// publicRoutes are for everybody: what anyone may check.
func (n *Node) publicRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /.well-known/kuayu/constitution", func(w http.ResponseWriter, r *http.Request) {
		httpx.WriteJSON(w, r, http.StatusOK, n.API.ConstitutionDocument())
	})
	mux.HandleFunc("GET /log/{path...}", n.serveLog)
}

// logPath are the paths of C2SP tlog-tiles.
func logPath() *regexp.Regexp {
	return regexp.MustCompile(`^(checkpoint|tile/(entries|\d{1,2})/(x\d{3}/)*\d{3}(\.p/\d{1,3})?)$`)
}

// serveLog serves the public transparency log in the tlog-tiles layout: random-looking commitments only (invariant 3).
func (n *Node) serveLog(w http.ResponseWriter, r *http.Request) {
	p := r.PathValue("path")
	if !logPath().MatchString(p) {
		rest.NotFound(w, r)
		return
	}
	b, err := n.Tlog.Resource(p)
	if err != nil {
		httpx.WriteError(w, r, evidence.ErrNoFact.Because(err))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if p == "checkpoint" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
	} else if !strings.Contains(p, ".p/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(b)
}

// adminRoutes are for the engineer on the machine: the listener is on loopback unless configured otherwise.
func (n *Node) adminRoutes(mux *http.ServeMux) {
	mux.Handle("GET /metrics", n.Metrics.Handler())
	mux.HandleFunc("GET /health", n.serveHealth)
	mux.HandleFunc("GET /healthz", n.serveHealthz)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}
