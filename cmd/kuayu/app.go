package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/kuayu/kuayu/api/client"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
)

// app is what every command gets: the global flags, the streams, and a client that signs in when first used.
type app struct {
	*globals
	in       io.Reader
	out, err io.Writer
	cl       *client.Client
}

// page is a list as the node sends it.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// maxFile bounds what is read from a file or standard input, in bytes.
const maxFile = 64 << 20

// stranger returns a client of an address that is not signed in. The node's own CA is trusted, nothing else, unless the
// data folder has none and none is named: then the system decides.
func (a *app) stranger(addr string) (*client.Client, error) {
	u, err := url.Parse(addr)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, ErrUsage.With(a.t("地址须为 https://主机:端口："+addr, "an address is https://host:port: "+addr))
	}
	var pool *x509.CertPool
	file := a.CA
	if file == "" {
		file = filepath.Join(a.Dir, "keys", "ca.pem")
	}
	pem, err := os.ReadFile(file)
	switch {
	case err == nil:
		pool = x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, ErrFile.With(file)
		}
	case a.CA != "" || !errors.Is(err, fs.ErrNotExist):
		return nil, ErrFile.Because(err, file)
	}
	cl := client.New(addr, pool)
	cl.Lang = a.Lang
	// Nodes carry names in their certificates, no addresses.
	if c, err := node.LoadConfig(a.Dir); err == nil && net.ParseIP(u.Hostname()) != nil && len(c.DNSNames) > 0 {
		if t, ok := cl.HTTP.Transport.(*http.Transport); ok {
			t.TLSClientConfig.ServerName = c.DNSNames[0]
		}
	}
	return cl, nil
}

// staff is the address of the staff listener.
func (a *app) staff() (string, error) {
	if a.Node != "" {
		return a.Node, nil
	}
	c, err := node.LoadConfig(a.Dir)
	return "https://" + c.Listen.Staff, err
}

// client returns the client, signed in.
func (a *app) client(ctx context.Context) (*client.Client, error) {
	if a.cl != nil {
		return a.cl, nil
	}
	addr, err := a.staff()
	if err != nil {
		return nil, err
	}
	audience, err := a.audience()
	if err != nil {
		return nil, err
	}
	actor, key, err := a.identity()
	if err != nil {
		return nil, err
	}
	cl, err := a.stranger(addr)
	if err != nil {
		return nil, err
	}
	if err := cl.SignIn(ctx, key, actor, audience, ids.Random{}.NewID(), time.Now()); err != nil {
		return nil, err
	}
	a.cl = cl
	return cl, nil
}

// close ends the session: it lives as long as the command.
func (a *app) close(ctx context.Context) {
	if a.cl == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = a.cl.Call(ctx, http.MethodDelete, "/api/v1/session", nil, nil)
	a.cl.HTTP.CloseIdleConnections()
}

func (a *app) call(ctx context.Context, method, path string, in, out any) error {
	cl, err := a.client(ctx)
	if err != nil {
		return err
	}
	return cl.Call(ctx, method, path, in, out)
}

func (a *app) get(ctx context.Context, path string, out any) error {
	return a.call(ctx, http.MethodGet, path, nil, out)
}

func (a *app) post(ctx context.Context, path string, in, out any) error {
	return a.call(ctx, http.MethodPost, path, in, out)
}

// seg makes one segment of a path of a text that may hold slashes.
func seg(s string) string { return url.PathEscape(s) }

// with adds the parameters that are not empty: name, value, name, value …
func with(path string, kv ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			q.Set(kv[i], kv[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// audience is the member id of the node that is signed in to.
func (a *app) audience() (string, error) {
	if a.Audience != "" {
		return a.Audience, nil
	}
	c, err := node.LoadConfig(a.Dir)
	if err != nil {
		return "", ErrUsage.With(a.t("请用 --audience 指明节点的成员编号", "name the node's member with --audience"))
	}
	return c.Member, nil
}

// identity says who acts and with which key.
func (a *app) identity() (string, ed25519.PrivateKey, error) {
	actor, file := a.Actor, a.Key
	if actor == "" && file != "" {
		actor = strings.TrimSuffix(filepath.Base(file), ".key")
	}
	if actor == "" {
		return "", nil, ErrUsage.With(a.t("请用 --actor 指明以谁的身份操作", "say with --actor who acts"))
	}
	if file == "" {
		file = a.officerKey(actor)
	}
	key, err := readKey(file)
	return actor, key, err
}

func (a *app) officerKey(actor string) string {
	return filepath.Join(a.Dir, "officers", actor+".key")
}

func readKey(file string) (ed25519.PrivateKey, error) {
	st, err := os.Stat(file)
	if err != nil {
		return nil, ErrKeyFile.Because(err, file, "it is not there", "文件不存在")
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, ErrKeyFile.With(file, "others may read it; chmod 600 it", "其他用户可读，请 chmod 600")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, ErrKeyFile.Because(err, file, "it cannot be read", "无法读取")
	}
	seed, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, ErrKeyFile.With(file, "it is no Ed25519 seed in base64url", "不是 base64url 的 Ed25519 种子")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// newKey writes a new key to a file that must not exist, and returns the public key as the API wants it.
func newKey(file string) (string, error) {
	if _, err := os.Lstat(file); err == nil {
		return "", ErrKeyFile.With(file, "it exists; nothing was overwritten", "文件已存在，未覆盖")
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("officer key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", ErrFile.Because(err, file)
	}
	text := base64.RawURLEncoding.EncodeToString(priv.Seed()) + "\n"
	return base64.RawURLEncoding.EncodeToString(pub), save(file, []byte(text))
}

// save writes a file durably, mode 0600.
func save(file string, b []byte) error {
	if err := disk.WriteFile(file, b); err != nil {
		return ErrFile.Because(err, file)
	}
	return nil
}

// read reads a file, or standard input for "-".
func (a *app) read(file string) ([]byte, error) {
	r := a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, ErrFile.Because(err, file)
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil || len(b) > maxFile {
		return nil, ErrFile.Because(err, file)
	}
	return b, nil
}

// readJSON reads a JSON file strictly: an unknown member is a mistake, not an extension.
func (a *app) readJSON(file string, v any) error {
	b, err := a.read(file)
	if err != nil {
		return err
	}
	if err := httpx.Unmarshal(bytes.TrimSpace(b), v); err != nil {
		e := errs.As(err)
		return ErrJSON.Because(e.Cause, file, e.En, e.Zh)
	}
	return nil
}

// deliver writes bytes to a file, or to standard output if none is named.
func (a *app) deliver(file string, b []byte) error {
	if file != "" && file != "-" {
		return save(file, b)
	}
	_, err := a.out.Write(b)
	return err
}

// lockFolder makes sure that no node runs in a folder, until the function returned is called.
func lockFolder(dir string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, ErrFile.Because(err, filepath.Join(dir, "lock"))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, node.ErrInUse.Because(err)
	}
	return func() { _ = f.Close() }, nil
}

// open wires the node in a folder after asking for what an operator can mend: the lock, the database, the ports. A quiet
// node logs nothing, for commands that only need its rooms.
func open(ctx context.Context, dir string, quiet bool) (*node.Node, error) {
	c, err := node.LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	unlock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	unlock()
	b, err := db.Open(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.Close(), portsFree(&c)); err != nil {
		return nil, err
	}
	var o node.Options
	if quiet {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return node.Open(ctx, dir, o)
}

// fetch reads a document that proves itself (the constitution) from an address whose certificate nobody has vouched for yet.
func fetch(ctx context.Context, addr string) ([]byte, error) {
	t := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}} //nolint:gosec // the document is checked by its signatures and the hash of its first version
	defer t.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, addr, nil)
	if err != nil {
		return nil, client.ErrUnreachable.Because(err, addr)
	}
	res, err := (&http.Client{Transport: t, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return nil, client.ErrUnreachable.Because(err, addr)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxFile))
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, client.ErrUnreachable.Because(errors.Join(err, fmt.Errorf("status %d", res.StatusCode)), addr)
	}
	return b, nil
}

// moment parses a date (midnight here) or a time of RFC 3339.
func (a *app) moment(s string) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, ErrUsage.With(a.t("日期写作 2027-01-31 或 2027-01-31T08:00:00+08:00："+s, "a date is 2027-01-31 or 2027-01-31T08:00:00+08:00: "+s))
	}
	return t, nil
}
