package identity

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/internal/db"
)

// Who looks after the people of a node, and who looks at what they do: the rules of Service.AddActor and its neighbours,
// which trust their caller, for whoever is signed in.

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // empty: no more
}

const (
	fewLines  = 50
	mostLines = 500
)

func lines(n int) int {
	if n < 1 {
		return fewLines
	}
	return min(n, mostLines)
}

// staffScope is what the session may see of people: all of the node for operators and overseers, its own for the head of a
// department.
func (s *Session) staffScope() (db.Scope, error) {
	if err := s.Require(Operator, Auditor, Authority, DepartmentHead); err != nil {
		return db.Scope{}, err
	}
	if s.Has(Operator) {
		return db.Oversight(s.Division, s.Department, s.Actor), nil
	}
	return s.Scope(), nil
}

// ActorQuery narrows a list of actors; empty members do not.
type ActorQuery struct {
	ID         string // this one alone
	Department string
	Role       Role
	Text       string // in the identifier or the name
	After      string // Page.Next of the page before
	Limit      int    // at most 500; 0 means 50
}

// ActorPage lists the officers and machine clients that the session looks after, by identifier.
func (s *Service) ActorPage(ctx context.Context, sess *Session, q ActorQuery) (*Page[Actor], error) {
	sc, err := sess.staffScope()
	if err != nil {
		return nil, err
	}
	cond, args := sc.Where("department")
	and := func(c string, a ...any) { cond, args = cond+" AND "+c, append(args, a...) }
	if q.ID != "" {
		and("id = ?", q.ID)
	}
	if q.Department != "" {
		and("department = ?", q.Department)
	}
	if q.Role != "" {
		and("(',' || roles || ',') LIKE ?", "%,"+string(q.Role)+",%")
	}
	if q.Text != "" {
		text := "%" + strings.NewReplacer("%", "", "_", "").Replace(q.Text) + "%"
		and("(id LIKE ? OR name LIKE ?)", text, text)
	}
	if q.After != "" {
		and("id > ?", q.After)
	}
	n := lines(q.Limit)
	var rows []actorRow
	err = s.db.Read().NewRaw("SELECT id, department, name, kind, roles, public_key, disabled FROM identity_actor WHERE "+cond+" ORDER BY id LIMIT ?", append(args, n+1)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("actors: %w", err)
	}
	p := &Page[Actor]{Items: []Actor{}}
	for i := range rows {
		if i == n {
			p.Next = rows[n-1].ID
			break
		}
		p.Items = append(p.Items, rows[i].actor())
	}
	return p, nil
}

// Enter adds an officer or a machine client, for operators.
func (s *Service) Enter(ctx context.Context, sess *Session, a Actor) error {
	if err := sess.Require(Operator); err != nil {
		return err
	}
	return s.AddActor(ctx, a)
}

// EnterDepartment adds a department, for operators.
func (s *Service) EnterDepartment(ctx context.Context, sess *Session, d Department) error {
	if err := sess.Require(Operator); err != nil {
		return err
	}
	return s.AddDepartment(ctx, d)
}

// SetKey replaces the public key of an actor, or takes it away: with none nobody signs in by it. Open sessions end.
func (s *Service) SetKey(ctx context.Context, sess *Session, id, key string) error {
	if key != "" {
		if _, err := parseKey(key); err != nil {
			return ErrActor.Because(err, "public key", "公钥")
		}
	}
	return s.change(ctx, sess, id, "public_key = ?", key)
}

// SetDisabled ends an actor's access at once, open sessions included, or gives it back.
func (s *Service) SetDisabled(ctx context.Context, sess *Session, id string, disabled bool) error {
	if disabled && sess != nil && id == sess.Actor {
		return ErrSelf.With()
	}
	n := 0
	if disabled {
		n = 1
	}
	return s.change(ctx, sess, id, "disabled = ?", n)
}

// change sets one column of an actor of any department and ends its sessions.
func (s *Service) change(ctx context.Context, sess *Session, id, set string, value any) error {
	if err := sess.Require(Operator); err != nil {
		return err
	}
	return s.set(ctx, db.System("staff"), id, set, value)
}

// set sets one column of an actor of the scope and ends its sessions.
func (s *Service) set(ctx context.Context, sc db.Scope, id, set string, value any) error {
	cond, args := sc.Where("department")
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("UPDATE identity_actor SET "+set+" WHERE id = ? AND "+cond, append([]any{value, id}, args...)...).Exec(ctx)
		if err != nil {
			return fmt.Errorf("change actor: %w", err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return db.ErrNotFound.With()
		}
		_, err = tx.NewRaw("DELETE FROM identity_session WHERE actor = ?", id).Exec(ctx)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.cache = map[string]*Session{}
	s.mu.Unlock()
	return nil
}

// SignInQuery narrows a list of attempts to sign in; empty members do not.
type SignInQuery struct {
	Actor   string
	Refused bool   // only those that were refused
	After   string // Page.Next of the page before
	Limit   int    // at most 500; 0 means 50
}

// SignInPage lists attempts to sign in, latest first: all of the node for operators and overseers, its own for the head of a
// department.
func (s *Service) SignInPage(ctx context.Context, sess *Session, q SignInQuery) (*Page[SignInRecord], error) {
	sc, err := sess.staffScope()
	if err != nil {
		return nil, err
	}
	cond, args := sc.Where("department")
	and := func(c string, a ...any) { cond, args = cond+" AND "+c, append(args, a...) }
	if q.Actor != "" {
		and("actor = ?", q.Actor)
	}
	if q.Refused {
		and("outcome <> 'ok'")
	}
	if q.After != "" {
		at, id, found := strings.Cut(q.After, ".")
		t, err := strconv.ParseInt(at, 10, 64)
		if err != nil || !found {
			return nil, ErrCursor.Because(err)
		}
		and("(time < ? OR (time = ? AND id < ?))", t, t, id)
	}
	n := lines(q.Limit)
	var rows []SignInRecord
	err = s.db.Read().NewRaw("SELECT id, time, actor, department, outcome FROM identity_signin WHERE "+cond+" ORDER BY time DESC, id DESC LIMIT ?", append(args, n+1)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("sign-ins: %w", err)
	}
	p := &Page[SignInRecord]{Items: rows}
	if len(rows) > n {
		p.Items = rows[:n]
		p.Next = strconv.FormatInt(rows[n-1].Time, 10) + "." + rows[n-1].ID
	}
	return p, nil
}
