package identity

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/standard"
)

// TestStaffPages: lists go on where the page before ended, show each role what it looks after, and nobody but an operator
// changes anything.
func TestStaffPages(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "records.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := db.Open(t.Context(), dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			if err := Migrate(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			s := NewService(d, clock.NewManual(time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)), ids.Random{}, "310000", "shanghai")
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			var offices [2]string
			for i := range offices {
				org, err := standard.MakeOrganisationCode(fmt.Sprintf("MY%06d", i+1))
				must(err)
				code, err := standard.MakeUSCC("11310000" + org.String())
				must(err)
				offices[i] = code.String()
				must(s.AddDepartment(t.Context(), Department{ID: offices[i], Name: fmt.Sprint("部门", i)}))
			}
			sess := func(office int, roles ...Role) *Session {
				return &Session{Actor: "somebody", Department: offices[office], Division: "310000", Roles: roles}
			}
			operator := sess(0, Operator)
			for i := range 25 {
				roles := []Role{DataOfficer}
				if i%5 == 0 {
					roles = append(roles, OfficeHead)
				}
				must(s.Enter(t.Context(), operator, Actor{ID: fmt.Sprintf("a%02d", i), Name: fmt.Sprint("人员", i), Kind: "officer", Department: offices[i%2], Roles: roles}))
				_, _, err := s.OpenFor(t.Context(), fmt.Sprintf("a%02d", i))
				must(err)
			}
			count := func(sess *Session, q ActorQuery) int {
				n := 0
				for q.Limit = 4; ; {
					p, err := s.ActorPage(t.Context(), sess, q)
					must(err)
					n += len(p.Items)
					if q.After = p.Next; q.After == "" {
						return n
					}
				}
			}
			for want, got := range map[string]int{
				"25 all": count(operator, ActorQuery{}), "25 auditor": count(sess(0, Auditor), ActorQuery{}), "13 own": count(sess(0, DepartmentHead), ActorQuery{}),
				"12 of the other": count(operator, ActorQuery{Department: offices[1]}), "0 not his": count(sess(0, DepartmentHead), ActorQuery{Department: offices[1]}),
				"5 heads": count(operator, ActorQuery{Role: OfficeHead}), "0 no role of that name": count(operator, ActorQuery{Role: "head"}), "6 by name": count(operator, ActorQuery{Text: "人员2"}),
				"1 one": count(operator, ActorQuery{ID: "a07"}), "0 wildcard": count(operator, ActorQuery{Text: "%x%"}),
			} {
				var n int
				if _, err := fmt.Sscan(want, &n); err != nil || n != got {
					t.Errorf("%s: %d", want, got)
				}
			}
			signIns := func(sess *Session, q SignInQuery) int {
				n := 0
				for q.Limit = 4; ; {
					p, err := s.SignInPage(t.Context(), sess, q)
					must(err)
					n += len(p.Items)
					if q.After = p.Next; q.After == "" {
						return n
					}
				}
			}
			if a, b, c := signIns(operator, SignInQuery{}), signIns(sess(1, DepartmentHead), SignInQuery{}), signIns(operator, SignInQuery{Refused: true}); a != 25 || b != 12 || c != 0 {
				t.Errorf("sign-ins: %d %d %d", a, b, c)
			}
			if _, err := s.SignInPage(t.Context(), operator, SignInQuery{After: "x"}); !errors.Is(err, ErrCursor) {
				t.Errorf("a bad cursor: %v", err)
			}
			for _, r := range []Role{DataOfficer, OfficeHead, DepartmentHead, Authority, Auditor, Machine} {
				who := sess(0, r)
				for what, f := range map[string]func(context.Context) error{
					"enter":      func(ctx context.Context) error { return s.Enter(ctx, who, Actor{}) },
					"department": func(ctx context.Context) error { return s.EnterDepartment(ctx, who, Department{}) },
					"key":        func(ctx context.Context) error { return s.SetKey(ctx, who, "a00", "") },
					"disable":    func(ctx context.Context) error { return s.SetDisabled(ctx, who, "a00", true) },
				} {
					if err := f(t.Context()); !errors.Is(err, ErrRole) {
						t.Errorf("%s by %s: %v", what, r, err)
					}
				}
			}
			for _, r := range []Role{DataOfficer, OfficeHead, Machine} {
				if _, err := s.ActorPage(t.Context(), sess(0, r), ActorQuery{}); !errors.Is(err, ErrRole) {
					t.Errorf("the list by %s: %v", r, err)
				}
			}
			token, _, err := s.OpenFor(t.Context(), "a01")
			must(err)
			must(s.SetDisabled(t.Context(), operator, "a01", true))
			if _, err := s.Authenticate(t.Context(), token); !errors.Is(err, ErrSignIn) {
				t.Errorf("disabled and still in: %v", err)
			}
			must(s.SetDisabled(t.Context(), operator, "a01", false))
			_, _, err = s.OpenFor(t.Context(), "a01")
			must(err)
			if err := s.SetDisabled(t.Context(), operator, operator.Actor, true); !errors.Is(err, ErrSelf) {
				t.Errorf("oneself: %v", err)
			}
			if err := s.SetKey(t.Context(), operator, "nobody", ""); !errors.Is(err, db.ErrNotFound) {
				t.Errorf("nobody's key: %v", err)
			}
		})
	}
}
