package cli

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
)

// Session is what every command gets: the flags, the streams, and a client that signs in when first used.
type Session struct {
	*Flags
	In       io.Reader
	Out, Err io.Writer
	cl       *client.Client
}

// Page is a list as the node sends it.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Stranger returns a client of an address that is not signed in. The node's own CA is trusted, nothing else, unless the
// data folder has none and none is named: then the system decides.
func (s *Session) Stranger(addr string) (*client.Client, error) {
	u, err := url.Parse(addr)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, ErrUsage.With(s.T("地址须为 https://主机:端口："+addr, "an address is https://host:port: "+addr))
	}
	var pool *x509.CertPool
	file := s.CA
	if file == "" {
		file = filepath.Join(s.Dir, "keys", "ca.pem")
	}
	pem, err := os.ReadFile(file)
	switch {
	case err == nil:
		pool = x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, ErrFile.With(file)
		}
	case s.CA != "" || !errors.Is(err, fs.ErrNotExist):
		return nil, ErrFile.Because(err, file)
	}
	cl := client.New(addr, pool)
	cl.Lang = s.Lang
	// Nodes carry names in their certificates, no addresses.
	if c, err := node.LoadConfig(s.Dir); err == nil && net.ParseIP(u.Hostname()) != nil && len(c.DNSNames) > 0 {
		if t, ok := cl.HTTP.Transport.(*http.Transport); ok {
			t.TLSClientConfig.ServerName = c.DNSNames[0]
		}
	}
	return cl, nil
}

// Staff is the address of the staff listener.
func (s *Session) Staff() (string, error) {
	if s.Node != "" {
		return s.Node, nil
	}
	c, err := node.LoadConfig(s.Dir)
	return "https://" + c.Listen.Staff, err
}

// Client returns the client, signed in.
func (s *Session) Client(ctx context.Context) (*client.Client, error) {
	if s.cl != nil {
		return s.cl, nil
	}
	addr, err := s.Staff()
	if err != nil {
		return nil, err
	}
	audience, err := s.Member()
	if err != nil {
		return nil, err
	}
	actor, key, err := s.Identity()
	if err != nil {
		return nil, err
	}
	cl, err := s.Stranger(addr)
	if err != nil {
		return nil, err
	}
	if err := cl.SignIn(ctx, key, actor, audience, ids.Random{}.NewID(), time.Now()); err != nil {
		return nil, err
	}
	s.cl = cl
	return cl, nil
}

// Member is the id of the node that is signed in to.
func (s *Session) Member() (string, error) {
	if s.Audience != "" {
		return s.Audience, nil
	}
	c, err := node.LoadConfig(s.Dir)
	if err != nil {
		return "", ErrUsage.With(s.T("请用 --audience 指明节点的成员编号", "name the node's member with --audience"))
	}
	return c.Member, nil
}

// Close ends the session: it lives as long as the command.
func (s *Session) Close(ctx context.Context) {
	if s.cl == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = s.cl.Call(ctx, http.MethodDelete, "/api/v1/session", nil, nil)
	s.cl.HTTP.CloseIdleConnections()
}

// Call asks the node, signed in.
func (s *Session) Call(ctx context.Context, method, path string, in, out any) error {
	cl, err := s.Client(ctx)
	if err != nil {
		return err
	}
	return cl.Call(ctx, method, path, in, out)
}

// Get is Call with GET.
func (s *Session) Get(ctx context.Context, path string, out any) error {
	return s.Call(ctx, http.MethodGet, path, nil, out)
}

// Post is Call with POST.
func (s *Session) Post(ctx context.Context, path string, in, out any) error {
	return s.Call(ctx, http.MethodPost, path, in, out)
}

// Identity says who acts and with which key.
func (s *Session) Identity() (string, ed25519.PrivateKey, error) {
	actor, file := s.Actor, s.Key
	if actor == "" && file != "" {
		actor = strings.TrimSuffix(filepath.Base(file), ".key")
	}
	if actor == "" {
		return "", nil, ErrUsage.With(s.T("请用 --actor 指明以谁的身份操作", "say with --actor who acts"))
	}
	if file == "" {
		file = OfficerKey(s.Dir, actor)
	}
	key, err := readKey(file)
	return actor, key, err
}

// Moment parses a date (midnight here) or a time of RFC 3339.
func (s *Session) Moment(text string) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, ErrUsage.With(s.T("日期写作 2027-01-31 或 2027-01-31T08:00:00+08:00："+text, "a date is 2027-01-31 or 2027-01-31T08:00:00+08:00: "+text))
	}
	return t, nil
}
