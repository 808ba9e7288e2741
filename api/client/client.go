// Package client is the Go face of the REST API: what the command line, the demonstration and the benchmarks use. It
// knows no rule; it carries requests and turns problems back into errors.
package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/identity"
)

// ErrUnreachable says that the node itself did not answer.
var ErrUnreachable = errs.Define(errs.Unavailable, "client.unreachable", "连接不上节点 %v。请确认节点已启动、地址与证书正确。", "Node %v cannot be reached. Check that it runs and that address and certificate are right.")

// Client talks to one node as one actor.
type Client struct {
	Base  string // https://host:port
	Token string
	Lang  string // "zh" or "en"
	HTTP  *http.Client
}

// New returns a client that trusts the CA certificates in pool (nil: the system's).
func New(base string, pool *x509.CertPool) *Client {
	return &Client{
		Base: strings.TrimSuffix(base, "/"), Lang: "zh",
		HTTP: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, MaxIdleConnsPerHost: 256, ForceAttemptHTTP2: false,
		}},
	}
}

// SignIn opens a session with the actor's key. audience is the member's id.
func (c *Client) SignIn(ctx context.Context, key ed25519.PrivateKey, actor, audience, jti string, now time.Time) error {
	a, err := identity.Assert(key, actor, audience, jti, now)
	if err != nil {
		return err
	}
	var out struct {
		Token string `json:"token"`
		// The session itself is not needed here.
		Session json.RawMessage `json:"session"`
	}
	if err := c.Call(ctx, http.MethodPost, "/api/v1/session", map[string]string{"assertion": a}, &out); err != nil {
		return err
	}
	c.Token = out.Token
	return nil
}

// Call does one JSON request; in or out may be nil. A problem answer becomes an *errs.Error.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	res, err := c.Do(ctx, method, path, "application/json", body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 256<<20))
	if err != nil {
		return ErrUnreachable.Because(err, c.Base)
	}
	if out == nil || len(b) == 0 {
		return nil
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return ErrUnreachable.Because(err, c.Base)
	}
	return nil
}

// Do sends a request and returns a 2xx response; the caller closes its body.
func (c *Client) Do(ctx context.Context, method, path, accept string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, ErrUnreachable.Because(err, c.Base)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Language", c.Lang)
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, ErrUnreachable.Because(err, c.Base)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, ErrUnreachable.Because(err, c.Base)
	}
	var p httpx.Problem
	if json.Unmarshal(b, &p) != nil || p.Code == "" {
		return nil, ErrUnreachable.Because(fmt.Errorf("status %d", res.StatusCode), c.Base)
	}
	e := errs.FromWire(p.Kind, p.Code, p.Zh, p.En, p.Node, p.Hop)
	e.Fields = p.Fields
	return nil, e
}
