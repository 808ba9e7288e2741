package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	_ "net/http/pprof" //nolint:gosec // only served when asked for by the environment
	"net/url"
	"os"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
)

func sortFloats(f []float64) { sort.Float64s(f) }

func servePprof(addr string) {
	srv := &http.Server{Addr: addr, ReadHeaderTimeout: time.Minute}
	_ = srv.ListenAndServe()
}

const bareGC = 800 // per cent of what lives

// ServeBare is the baseline: two reverse proxies of the standard library, mutual TLS 1.3 between them with the same
// certificates Kuayu uses, connection pools as large, HTTP/1.1, and a handler behind them that has the answer in memory.
//
// It collects garbage more seldom than the nodes do: of its few live megabytes their setting would make a handicap.
func ServeBare(_ context.Context, payload int) error {
	debug.SetGCPercent(bareGC)
	dir, err := os.MkdirTemp("", "kuayu-bare-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	keys, err := federation.GenerateKeys(dir+"/keys", "bare", seal.Ed25519SHA256, time.Now())
	if err != nil {
		return err
	}
	id, err := federation.NewIdentity(keys, "bare", "1", []string{"localhost"}, time.Now())
	if err != nil {
		return err
	}
	answers := make([][]byte, 1024)
	for i := range answers {
		answers[i] = recordJSON(i, payload)
	}
	origin, err := listen(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/record/"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answers[i%len(answers)])
	}))
	if err != nil {
		return err
	}
	pool := federation.StaffTLS(id).Clone()
	pool.ClientAuth = tls.RequireAndVerifyClientCert
	pool.ClientCAs = certPool(keys)
	second, err := listen(pool, proxy("http://"+origin, nil))
	if err != nil {
		return err
	}
	out := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: certPool(keys), ServerName: "localhost", Certificates: []tls.Certificate{*id.Certificate()}}
	first, err := listen(federation.StaffTLS(id), proxy("https://"+second, out))
	if err != nil {
		return err
	}
	return serveArm(arm{URL: "https://" + first, CA: keys.BundlePEM(), Records: records})
}

func listen(conf *tls.Config, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // bound once
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	srv := httpx.NewServer(h, slog.New(slog.DiscardHandler))
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	if conf != nil {
		conf.NextProtos = []string{"http/1.1"}
		l = tls.NewListener(l, conf)
	}
	go func() { _ = srv.Serve(l) }()
	return addr, nil
}

func proxy(to string, conf *tls.Config) http.Handler {
	u, err := url.Parse(to)
	if err != nil {
		return http.NotFoundHandler()
	}
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport: &http.Transport{TLSClientConfig: conf, MaxIdleConnsPerHost: 128, MaxIdleConns: 0, DisableCompression: true},
	}
}

func certPool(k *federation.Keys) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(k.CA)
	return p
}
