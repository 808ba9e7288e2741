package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/internal/text"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of this package.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "identity", migrations, "migrations")
}

// How long a sign-in lasts.
const (
	officerSession = 8 * time.Hour
	machineSession = 10 * time.Minute
	maxAssertion   = 5 * time.Minute
)

// Service is the service of this package.
type Service struct {
	db       *db.DB
	clock    clock.Clock
	ids      ids.Source
	division string
	audience string // what an assertion must be addressed to: the member's id
	observer func(context.Context, *db.Tx) error

	// Throttled, if not nil, hears of each attempt that was one too many. Set it before serving.
	Throttled       func()
	tries, failures *throttle

	mu    sync.RWMutex
	cache map[string]*Session // by token hash
}

// NewService wires the service for one member.
func NewService(d *db.DB, c clock.Clock, src ids.Source, division, audience string) *Service {
	return &Service{db: d, clock: c, ids: src, division: division, audience: audience, cache: map[string]*Session{}, tries: newThrottle(tryBurst, tryEvery), failures: newThrottle(failBurst, failEvery)}
}

// Audience is what sign-in assertions must name.
func (s *Service) Audience() string { return s.audience }

// SetObserver names who hears, in the transaction that does it, that there is a department more. Call before serving.
func (s *Service) SetObserver(f func(context.Context, *db.Tx) error) { s.observer = f }

// AddDepartment stores a new department.
func (s *Service) AddDepartment(ctx context.Context, d Department) error {
	if d.Division == "" {
		d.Division = s.division
	}
	if err := d.Check(); err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("INSERT INTO identity_department (id, name, division) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", d.ID, d.Name, d.Division).Exec(ctx)
		if err := inserted(res, err, d.ID); err != nil || s.observer == nil {
			return err
		}
		return s.observer(ctx, tx)
	})
}

func inserted(res sql.Result, err error, id string) error {
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return ErrExists.With(id)
	}
	return nil
}

// Departments lists the departments of the node: names are public among officers.
func (s *Service) Departments(ctx context.Context) ([]Department, error) {
	out := []Department{}
	err := s.db.Read().NewRaw("SELECT id, name, division FROM identity_department ORDER BY id").Scan(ctx, &out)
	return out, err
}

// DepartmentName is the name of a department of the node; "" if there is none.
func (s *Service) DepartmentName(ctx context.Context, id string) (string, error) {
	var name string
	err := s.db.Read().NewRaw("SELECT name FROM identity_department WHERE id = ?", id).Scan(ctx, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, err
}

// AddActor stores a new officer or machine client of an existing department.
func (s *Service) AddActor(ctx context.Context, a Actor) error {
	if err := a.Check(); err != nil {
		return err
	}
	roles := make([]string, len(a.Roles))
	for i, r := range a.Roles {
		roles[i] = string(r)
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var n int
		if err := tx.NewRaw("SELECT count(*) FROM identity_department WHERE id = ?", a.Department).Scan(ctx, &n); err != nil {
			return fmt.Errorf("add actor: %w", err)
		}
		if n == 0 {
			return ErrDepartment.With("there is no such department", "没有这个部门")
		}
		res, err := tx.NewRaw("INSERT INTO identity_actor (id, department, name, kind, roles, public_key, disabled) VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING",
			a.ID, a.Department, a.Name, a.Kind, strings.Join(roles, ","), a.PublicKey).Exec(ctx)
		return inserted(res, err, a.ID)
	})
}

type actorRow struct {
	ID, Department, Name, Kind, Roles, PublicKey string
	Disabled                                     int
}

func (r *actorRow) actor() Actor {
	a := Actor{ID: r.ID, Department: r.Department, Name: r.Name, Kind: r.Kind, PublicKey: r.PublicKey, Disabled: r.Disabled != 0}
	for _, n := range strings.Split(r.Roles, ",") {
		a.Roles = append(a.Roles, Role(n))
	}
	return a
}

// Actors lists the actors of the scope.
func (s *Service) Actors(ctx context.Context, sc db.Scope) ([]Actor, error) {
	cond, args := sc.Where("department")
	var rows []actorRow
	if err := s.db.Read().NewRaw("SELECT id, department, name, kind, roles, public_key, disabled FROM identity_actor WHERE "+cond+" ORDER BY id", args...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("actors: %w", err)
	}
	out := make([]Actor, len(rows))
	for i := range rows {
		out[i] = rows[i].actor()
	}
	return out, nil
}

// ActorName is the name of an actor of the scope; "" if there is none.
func (s *Service) ActorName(ctx context.Context, sc db.Scope, id string) (string, error) {
	cond, args := sc.Where("department")
	var name string
	err := s.db.Read().NewRaw("SELECT name FROM identity_actor WHERE id = ? AND "+cond, append([]any{id}, args...)...).Scan(ctx, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, err
}

// Disable ends an actor's access at once, open sessions included.
func (s *Service) Disable(ctx context.Context, sc db.Scope, id string) error {
	return s.set(ctx, sc, id, "disabled = ?", 1)
}

func parseKey(text string) (ed25519.PublicKey, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, errors.New("not an Ed25519 public key in base64url")
	}
	return b, nil
}

// Assert signs a sign-in assertion with the actor's key: what a client sends to SignIn.
func Assert(key ed25519.PrivateKey, actor, audience, jti string, now time.Time) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, nil)
	if err != nil {
		return "", fmt.Errorf("assertion: %w", err)
	}
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: actor, Subject: actor, Audience: jwt.Audience{audience}, ID: jti,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(2 * time.Minute)),
	}).Serialize()
}

// SignIn checks a signed assertion and opens a session. Attempts are recorded, failed ones too, with the department of
// whom they name, so that its head sees them. ErrThrottled says after how long to try again: too many failed, or came from
// one address.
func (s *Service) SignIn(ctx context.Context, assertion string) (string, *Session, error) {
	from, now := httpx.Address(ctx), s.clock.Now()
	if from != "" {
		if wait := s.tries.take(from, now); wait > 0 {
			return "", nil, s.throttled(wait)
		}
	}
	a, err := s.check(ctx, assertion)
	if err == nil {
		return s.open(ctx, a)
	}
	if errs.As(err).Kind != errs.Unauthorized {
		return "", nil, err // nothing was decided
	}
	name, department := "", ""
	if a != nil {
		name, department = a.ID, a.Department
	}
	for _, key := range []string{"from " + from, "actor " + name} {
		if wait := s.failures.take(key, now); wait > 0 {
			return "", nil, s.throttled(wait)
		}
	}
	s.audit(ctx, name, department, "refused")
	return "", nil, err
}

func (s *Service) throttled(wait time.Duration) error {
	if s.Throttled != nil {
		s.Throttled()
	}
	return ErrThrottled.With().RetryAfter(wait)
}

// Trim drops attempts older than keep, and of the refused ones all but the latest: whoever knocks often fills nothing.
func (s *Service) Trim(ctx context.Context, keep time.Duration) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("DELETE FROM identity_signin WHERE time < ?", s.clock.Now().Add(-keep).UnixMicro()).Exec(ctx); err != nil {
			return fmt.Errorf("trim sign-ins: %w", err)
		}
		_, err := tx.NewRaw(`DELETE FROM identity_signin WHERE outcome = 'refused' AND time < COALESCE((SELECT time FROM identity_signin
			WHERE outcome = 'refused' ORDER BY time DESC LIMIT 1 OFFSET ?), 0)`, maxRefused).Exec(ctx)
		if err != nil {
			return fmt.Errorf("trim sign-ins: %w", err)
		}
		return nil
	})
}

// maxRefused is how many refused attempts are kept.
const maxRefused = 20_000

// OpenFor opens a session without a key. It is the demonstration's role chooser: nothing but the demo program calls it,
// and a test checks that.
func (s *Service) OpenFor(ctx context.Context, actor string) (string, *Session, error) {
	a, err := s.find(ctx, actor)
	if err != nil {
		return "", nil, err
	}
	return s.open(ctx, a)
}

func (s *Service) find(ctx context.Context, id string) (*Actor, error) {
	var r actorRow
	err := s.db.Read().NewRaw("SELECT id, department, name, kind, roles, public_key, disabled FROM identity_actor WHERE id = ?", id).Scan(ctx, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrAssertion.With()
	}
	if err != nil {
		return nil, fmt.Errorf("find actor: %w", err)
	}
	a := r.actor()
	if a.Disabled {
		return &a, ErrAssertion.With()
	}
	return &a, nil
}

func (s *Service) check(ctx context.Context, assertion string) (*Actor, error) {
	if len(assertion) > 8<<10 {
		return nil, ErrAssertion.With()
	}
	tok, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, ErrAssertion.Because(err)
	}
	var named struct {
		Subject text.Line `json:"sub"`
		Issuer  text.Line `json:"iss"`
		ID      text.Line `json:"jti"`
	}
	if err := tok.UnsafeClaimsWithoutVerification(&named); err != nil {
		return nil, ErrAssertion.Because(err)
	}
	for _, h := range tok.Headers {
		if _, err := text.Parse(text.Name{En: "The key id", Zh: "密钥编号"}, h.KeyID, text.MaxLine); err != nil {
			return nil, ErrAssertion.Because(err)
		}
	}
	a, err := s.find(ctx, named.Subject.String())
	if err != nil {
		return a, err
	}
	key, err := parseKey(a.PublicKey)
	if err != nil {
		return a, ErrAssertion.Because(err)
	}
	var claims jwt.Claims
	if err := tok.Claims(key, &claims); err != nil {
		return a, ErrAssertion.Because(err)
	}
	now := s.clock.Now()
	err = claims.ValidateWithLeeway(jwt.Expected{Issuer: a.ID, Subject: a.ID, AnyAudience: jwt.Audience{s.audience}, Time: now}, 30*time.Second)
	if err != nil {
		return a, ErrAssertion.Because(err)
	}
	if claims.ID == "" || claims.Expiry == nil || claims.Expiry.Time().After(now.Add(maxAssertion)) {
		return a, ErrAssertion.With()
	}
	return a, s.useOnce(ctx, a.ID+"/"+named.ID.String(), claims.Expiry.Time().Add(time.Minute))
}

func (s *Service) useOnce(ctx context.Context, jti string, until time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("DELETE FROM identity_assertion WHERE expires < ?", s.clock.Now().UnixMilli()).Exec(ctx); err != nil {
			return fmt.Errorf("assertion: %w", err)
		}
		res, err := tx.NewRaw("INSERT INTO identity_assertion (jti, expires) VALUES (?, ?) ON CONFLICT (jti) DO NOTHING", jti, until.UnixMilli()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("assertion: %w", err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return ErrAssertion.With()
		}
		return nil
	})
}

func (s *Service) open(ctx context.Context, a *Actor) (string, *Session, error) {
	life := officerSession
	if a.Kind == "machine" {
		life = machineSession
	}
	var dept []Department
	if err := s.db.Read().NewRaw("SELECT id, name, division FROM identity_department WHERE id = ?", a.Department).Scan(ctx, &dept); err != nil || len(dept) != 1 {
		return "", nil, ErrAssertion.Because(err)
	}
	sess := &Session{Actor: a.ID, Name: a.Name, Department: a.Department, Division: dept[0].Division, Roles: a.Roles, Expires: s.clock.Now().Add(life).UnixMilli()}
	token := ids.Token(32)
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("DELETE FROM identity_session WHERE expires < ?", s.clock.Now().UnixMilli()).Exec(ctx); err != nil {
			return fmt.Errorf("session: %w", err)
		}
		_, err := tx.NewRaw("INSERT INTO identity_session (hash, actor, expires) VALUES (?, ?, ?)", hashToken(token), a.ID, sess.Expires).Exec(ctx)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	s.keep(hashToken(token), sess)
	s.audit(ctx, a.ID, a.Department, "ok")
	return token, sess, nil
}

func (s *Service) keep(hash string, sess *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cache) > 50_000 {
		s.cache = map[string]*Session{}
	}
	s.cache[hash] = sess
}

func hashToken(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// Authenticate returns the session of a token; ErrSignIn if there is none.
func (s *Service) Authenticate(ctx context.Context, token string) (*Session, error) {
	if token == "" || len(token) > 128 {
		return nil, ErrSignIn.With()
	}
	h := hashToken(token)
	now := s.clock.Now().UnixMilli()
	s.mu.RLock()
	sess := s.cache[h]
	s.mu.RUnlock()
	if sess != nil {
		if sess.Expires <= now {
			return nil, ErrSignIn.With()
		}
		return sess, nil
	}
	var rows []struct {
		Actor   string
		Expires int64
	}
	if err := s.db.Read().NewRaw("SELECT actor, expires FROM identity_session WHERE hash = ? AND expires > ?", h, now).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	if len(rows) == 0 {
		return nil, ErrSignIn.With()
	}
	a, err := s.find(ctx, rows[0].Actor)
	if err != nil {
		return nil, ErrSignIn.Because(err)
	}
	var division string
	if err := s.db.Read().NewRaw("SELECT division FROM identity_department WHERE id = ?", a.Department).Scan(ctx, &division); err != nil {
		return nil, ErrSignIn.Because(err)
	}
	sess = &Session{Actor: a.ID, Name: a.Name, Department: a.Department, Division: division, Roles: a.Roles, Expires: rows[0].Expires}
	s.keep(h, sess)
	return sess, nil
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, token string) error {
	h := hashToken(token)
	s.mu.Lock()
	delete(s.cache, h)
	s.mu.Unlock()
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("DELETE FROM identity_session WHERE hash = ?", h).Exec(ctx)
		return err
	})
}

// SignInRecord is one attempt to sign in.
type SignInRecord struct {
	ID         string `json:"id"`
	Time       int64  `json:"time"` // Unix microseconds
	Actor      string `json:"actor"`
	Department string `json:"department"`
	Outcome    string `json:"outcome"`
}

func (s *Service) audit(ctx context.Context, actor, department, outcome string) {
	_ = s.db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("INSERT INTO identity_signin (id, time, actor, department, outcome) VALUES (?, ?, ?, ?, ?)",
			s.ids.NewID(), s.clock.Now().UnixMicro(), actor, department, outcome).Exec(ctx)
		return err
	})
}

// SignIns lists the latest attempts of the scope, newest first.
func (s *Service) SignIns(ctx context.Context, sc db.Scope, limit int) ([]SignInRecord, error) {
	cond, args := sc.Where("department")
	out := []SignInRecord{}
	err := s.db.Read().NewRaw("SELECT * FROM identity_signin WHERE "+cond+" ORDER BY time DESC LIMIT ?", append(args, min(max(limit, 1), 500))...).Scan(ctx, &out)
	return out, err
}
