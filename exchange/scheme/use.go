package scheme

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/policy"
)

// Join is the head of a providing department's office giving the standing consent for its department's entries of the list
// (Decree 809 art. 20). It is for the parties of the scheme, whoever they are at the time.
func (s *Service) Join(ctx context.Context, sess *identity.Session, id string) (*Scheme, error) {
	return s.act(ctx, sess, id, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, x *Scheme) error {
		return s.join(ctx, tx, x, sess)
	})
}

func (s *Service) join(ctx context.Context, tx *db.Tx, x *Scheme, sess *identity.Session) error {
	if x.State != InForce {
		return ErrState.With("the scheme is not in force", "方案未生效")
	}
	done := false
	list := x.Current().Entries
	for i := range list {
		e := &list[i]
		if e.Member != s.d.Self || e.Department != sess.Department || slices.ContainsFunc(x.Joined, func(j Joined) bool { return j.Entry == e.mark() }) {
			continue
		}
		r, err := s.d.Catalog.GetTx(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), e.Resource)
		if errors.Is(err, catalog.ErrNoSuch) || (err == nil && !offers(r, e, sess.Department)) {
			return ErrEntry.With(e.Resource)
		}
		if err != nil {
			return err
		}
		j := Joined{Entry: e.mark(), Department: sess.Department, Head: sess.Actor}
		if err := s.stand(ctx, tx, x, e, &j); err != nil {
			return err
		}
		x.Joined = append(x.Joined, j)
		done = true
	}
	if !done {
		return ErrNothing.With()
	}
	if err := s.save(ctx, tx, x); err != nil {
		return err
	}
	return s.fact(ctx, tx, "scheme.joined", sess, x.ID, x.Joined)
}

func offers(r *catalog.Resource, e *Entry, department string) bool {
	if r.Department != department || r.State != catalog.Published || r.Sharing == catalog.NotShared {
		return false
	}
	for _, f := range e.Fields {
		if r.Item(f) == nil {
			return false
		}
	}
	for _, m := range e.Modes {
		if !slices.Contains(r.Modes, m) {
			return false
		}
	}
	return true
}

// stand gives the standing consent for an entry to those who may use it now.
func (s *Service) stand(ctx context.Context, tx *db.Tx, x *Scheme, e *Entry, j *Joined) error {
	t := x.Current()
	st := agreement.Standing{Resource: e.Resource, Fields: e.Fields, Modes: e.Modes, Members: t.Parties, Parties: t.Users, MaxDays: t.MaxDays, ValidUntil: t.ValidUntil}
	if t.Kind == ManyToPoint {
		st.Parties = []policy.Party{t.Owner}
	}
	return s.d.Agreements.StandUnder(ctx, tx, agreement.Mandate{Under: under(x.ID), Department: j.Department, Officer: j.Head, Head: j.Head}, st)
}

// Enrol states, once for all applications under a scheme, why the session's department uses what is listed (Decree 809
// art. 20). The head of its office consents before anything is applied for.
func (s *Service) Enrol(ctx context.Context, sess *identity.Session, id string, basis policy.Basis, scenario string) (*Enrolment, error) {
	if strings.TrimSpace(scenario) == "" || len(scenario) > maxText || (basis.Kind != "consent" && (basis.Kind != "duty" || strings.TrimSpace(basis.Citation) == "")) {
		return nil, ErrStatements.With()
	}
	e := &Enrolment{Scheme: id, Department: sess.Department, Basis: basis, Scenario: scenario, Officer: sess.Actor, Created: s.d.Clock.Now()}
	_, err := s.act(ctx, sess, id, []identity.Role{identity.DataOfficer}, func(ctx context.Context, tx *db.Tx, x *Scheme) error {
		if x.State != InForce {
			return ErrState.With("the scheme is not in force", "方案未生效")
		}
		if !x.Current().mayUse(policy.Party{Member: s.d.Self, Department: sess.Department}) {
			return ErrNothing.With()
		}
		had, err := s.enrolments(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), id)
		if err != nil {
			return err
		}
		if len(had) > 0 && had[0].Head != "" {
			return ErrEnrolled.With()
		}
		if err := s.saveEnrolment(ctx, tx, e); err != nil {
			return err
		}
		return s.tell(ctx, tx, x, notice.SchemeEnrol, sess.Department, s.d.Self, "", identity.OfficeHead)
	})
	return e, err
}

// ConsentEnrolment is the head of the using department's office: the node applies for every entry of the list from now on.
func (s *Service) ConsentEnrolment(ctx context.Context, sess *identity.Session, id string) (*Enrolment, error) {
	var e *Enrolment
	_, err := s.act(ctx, sess, id, []identity.Role{identity.OfficeHead}, func(ctx context.Context, tx *db.Tx, x *Scheme) error {
		es, err := s.enrolments(ctx, tx, db.In(sess.Division, sess.Department, sess.Actor), id)
		switch {
		case err != nil:
			return err
		case len(es) == 0 || x.State != InForce:
			return ErrNothing.With()
		case es[0].Head != "":
			return ErrEnrolled.With()
		case es[0].Officer == sess.Actor:
			return agreement.ErrTwoPeople.With()
		}
		e = &es[0]
		e.Head = sess.Actor
		if err := s.fact(ctx, tx, "scheme.enrolled", sess, id, e); err != nil {
			return err
		}
		if err := s.saveEnrolment(ctx, tx, e); err != nil {
			return err
		}
		return s.apply(ctx, tx, x, e)
	})
	return e, err
}

// until is the day to which an application made now asks; ok is false when the scheme's own end has passed. An application
// that could not be made would keep a version or a departure from taking effect at this node alone.
func (t *Text) until(now time.Time) (until time.Time, ok bool) {
	until = now.AddDate(0, 0, t.MaxDays)
	for _, end := range []time.Time{t.ValidUntil, now.AddDate(10, 0, 0)} { // ten years: agreement.Application
		if end.Before(until) {
			until = end
		}
	}
	return until, until.After(now)
}

// apply sends the applications that an enrolment still lacks.
func (s *Service) apply(ctx context.Context, tx *db.Tx, x *Scheme, e *Enrolment) error {
	t := x.Current()
	if e.Head == "" || !t.mayUse(policy.Party{Member: s.d.Self, Department: e.Department}) {
		return nil
	}
	until, ok := t.until(s.d.Clock.Now())
	if !ok {
		return nil
	}
	sent := false
	for i := range t.Entries {
		l := &t.Entries[i]
		if l.Member == s.d.Self || slices.ContainsFunc(e.Applied, func(a Applied) bool { return a.Entry == l.mark() && !a.Over }) {
			continue
		}
		n, err := s.d.Agreements.ApplyUnder(ctx, tx, agreement.Mandate{Under: under(x.ID), Department: e.Department, Officer: e.Officer, Head: e.Head}, agreement.Application{
			Provider: l.Member, Resource: l.Resource, Basis: e.Basis, Purposes: t.Purposes, Scenario: e.Scenario, Scope: t.Scope, Modes: l.Modes, Fields: l.Fields,
			ValidUntil: until, Declared: true,
		})
		if err != nil {
			return err
		}
		e.Applied = append(e.Applied, Applied{Entry: l.mark(), Application: n.ID})
		sent = true
	}
	if !sent {
		return nil
	}
	return s.saveEnrolment(ctx, tx, e)
}
