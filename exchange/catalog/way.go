package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/seal"
)

// by says who takes an arrow and what was said with it.
type by struct {
	actor     string
	authority string // department of the authority, where it acts over another's entry
	note      string
	detail    any // part of the fact
}

func person(sess *identity.Session, note string) by { return by{actor: sess.Actor, note: note} }

// move takes one arrow: entry, history, fact, clocks and notices in one transaction.
func (s *Service) move(ctx context.Context, tx *db.Tx, e *Dossier, on Event, b by) error {
	to, effect, err := Next(e.State, on)
	if err != nil {
		return err
	}
	now, from := s.clock.Now(), e.State
	e.State, e.Updated = to, now
	switch effect {
	case Announce:
		err = s.announce(ctx, tx, e, now)
	case Retract:
		err = s.retract(ctx, tx, e)
	case Drop:
		err = s.drop(ctx, tx, e)
	case None:
	}
	if err != nil {
		return err
	}
	if err := s.saveEntry(ctx, tx, e); err != nil {
		return err
	}
	if err := s.step(ctx, tx, e, Act{ID: s.ids.NewID(), Time: now.UnixMicro(), Actor: b.actor, Event: on, From: from, To: to, Version: e.Version, Note: b.note}); err != nil {
		return err
	}
	if err := s.fact(ctx, tx, e, on, from, b); err != nil {
		return err
	}
	if err := s.tick(ctx, tx, e, now, on, from); err != nil {
		return err
	}
	if on == Publish {
		e.Demand, e.Extension = nil, nil // what demanded the update is in it
		if err := s.saveEntry(ctx, tx, e); err != nil {
			return err
		}
	}
	return s.tell(ctx, tx, e, on)
}

// fact records the arrow in evidence. That of a signature covers the digest of the version; that of a publication holds
// the version itself.
func (s *Service) fact(ctx context.Context, tx *db.Tx, e *Dossier, on Event, from State, b by) error {
	sum, err := digest(e.Resource)
	if err != nil {
		return err
	}
	said := map[string]any{"code": e.Code, "event": on, "from": from, "to": e.State, "version": e.Version, "digest": sum}
	if b.note != "" {
		said["note"] = b.note
	}
	if b.detail != nil {
		said["detail"] = b.detail
	}
	if b.authority != "" {
		said["authority"] = b.authority
	}
	if on == Publish {
		said["resource"] = e.Resource
	}
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	h := evidence.Header{Note: e.Code, Digest: sum}
	return s.outbox.Put(ctx, tx, evidence.Draft{
		Kind: "catalog." + string(on), ID: s.ids.NewID(), Actor: seal.Actor{Department: e.Department, Officer: b.actor}, Header: h.Encode(), Body: body,
	})
}

// announce puts the version worked on in force.
func (s *Service) announce(ctx context.Context, tx *db.Tx, e *Dossier, now time.Time) error {
	r := *e.Resource
	r.State, r.Published = Published, &now
	e.InForce = e.Version
	if _, err := tx.NewRaw("UPDATE catalog_version SET published = ? WHERE code = ? AND version = ?", now.UnixMicro(), e.Code, e.Version).Exec(ctx); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := s.show(ctx, tx, &r, Mount{ID: e.Source, Table: e.Table}); err != nil {
		return err
	}
	return errors.Join(s.indexItems(ctx, tx, &r, stageForce), s.dropItems(ctx, tx, e.Code, stageWork), s.noteChange(ctx, tx, e.Code))
}

// retract takes the version in force out of the catalogue. Where it is mounted stays: agreements go on by their own terms.
func (s *Service) retract(ctx context.Context, tx *db.Tx, e *Dossier) error {
	e.InForce = 0
	if _, err := tx.NewRaw("UPDATE catalog_resource SET state = ? WHERE code = ?", string(Revoked), e.Code).Exec(ctx); err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	return errors.Join(s.dropItems(ctx, tx, e.Code, stageForce), s.dropItems(ctx, tx, e.Code, stageWork), s.noteChange(ctx, tx, e.Code))
}

// drop forgets the draft: what is left is the version in force, or nothing to be seen.
func (s *Service) drop(ctx context.Context, tx *db.Tx, e *Dossier) error {
	if err := s.dropItems(ctx, tx, e.Code, stageWork); err != nil {
		return err
	}
	if e.InForce == 0 {
		if _, err := tx.NewRaw("DELETE FROM catalog_resource WHERE code = ?", e.Code).Exec(ctx); err != nil {
			return fmt.Errorf("discard: %w", err)
		}
		return nil
	}
	r, m, err := get(ctx, tx, db.System("discard"), e.Code, true)
	if err != nil {
		return err
	}
	r.State, r.Published = Draft, nil
	e.Resource, e.Source, e.Table = r, m.ID, m.Table
	return nil
}

// act loads an entry of the session's department, or for the authority of any, in a transaction and runs f.
func (s *Service) act(ctx context.Context, sess *identity.Session, code string, roles []identity.Role, f func(context.Context, *db.Tx, *Dossier, by) error) (*Dossier, error) {
	if err := sess.Require(roles...); err != nil {
		return nil, err
	}
	sc := own(sess)
	for _, r := range roles {
		if r == identity.Authority && sess.Has(identity.Authority) {
			sc = db.Oversight(sess.Division, sess.Department, sess.Actor)
		}
	}
	var e *Dossier
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if e, err = s.entry(ctx, tx, sc, code); err != nil {
			return err
		}
		e.division = sess.Division
		b := person(sess, "")
		if sess.Department != e.Department {
			b.authority = sess.Department
		}
		if err := f(ctx, tx, e, b); err != nil {
			return err
		}
		return s.fill(ctx, tx, e)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func officers() []identity.Role  { return []identity.Role{identity.DataOfficer} }
func chiefs() []identity.Role    { return []identity.Role{identity.DepartmentHead} }
func authority() []identity.Role { return []identity.Role{identity.Authority} }

// Save describes an entry: a draft of a new one, or the next version of one of the same department, and where it is
// mounted. Each call makes a version that never changes; assessments are of one version.
func (s *Service) Save(ctx context.Context, sess *identity.Session, r Resource, sourceID, table string) (*Dossier, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	r.Department = sess.Department
	if err := r.Check(); err != nil {
		return nil, err
	}
	if sourceID != "" {
		if err := s.checkMount(ctx, own(sess), &r, sourceID, table); err != nil {
			return nil, err
		}
	}
	var e *Dossier
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if e, err = s.describe(ctx, tx, sess, r, Mount{ID: sourceID, Table: table}); err != nil {
			return err
		}
		return s.fill(ctx, tx, e)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// describe is Save inside a transaction, of a resource that was checked.
func (s *Service) describe(ctx context.Context, tx *db.Tx, sess *identity.Session, r Resource, m Mount) (*Dossier, error) {
	now := s.clock.Now()
	r.State, r.Published, r.Department = Draft, nil, sess.Department
	e, err := s.entry(ctx, tx, db.System("describe"), r.Code)
	switch {
	case errors.Is(err, ErrNoSuch):
		e = &Dossier{Code: r.Code, Department: sess.Department, Created: now}
	case err != nil:
		return nil, err
	case e.Department != sess.Department:
		return nil, ErrTaken.With(r.Code)
	}
	e.Version++
	r.Version = e.Version
	e.Resource, e.Source, e.Table, e.division = &r, m.ID, m.Table, sess.Division
	e.SubmittedBy, e.SignedBy, e.ReviewedBy, e.Advice = "", "", "", nil
	doc, err := json.Marshal(&r)
	if err != nil {
		return nil, err
	}
	if err := s.move(ctx, tx, e, Describe, person(sess, "")); err != nil {
		return nil, err
	}
	if _, err := tx.NewRaw("INSERT INTO catalog_version (code, version, doc, time, actor, published) VALUES (?, ?, ?, ?, ?, 0)", r.Code, r.Version, string(doc), now.UnixMicro(), sess.Actor).Exec(ctx); err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	if e.InForce == 0 {
		if err := s.show(ctx, tx, &r, m); err != nil {
			return nil, err
		}
	}
	return e, s.indexItems(ctx, tx, &r, stageWork)
}

// Assess puts an assessment of the draft on record (Decree 809 art. 13).
func (s *Service) Assess(ctx context.Context, sess *identity.Session, code string, a Assessment) (*Dossier, error) {
	return s.act(ctx, sess, code, officers(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		now := s.clock.Now()
		if err := a.check(now); err != nil {
			return err
		}
		a.ID, a.Version, a.By, a.Time = s.ids.NewID(), e.Version, sess.Actor, now
		doc, err := json.Marshal(&a)
		if err != nil {
			return err
		}
		b.detail = &a
		if err := s.move(ctx, tx, e, Assess, b); err != nil {
			return err
		}
		_, err = tx.NewRaw("INSERT INTO catalog_assessment (id, code, department, version, doc, time) VALUES (?, ?, ?, ?, ?, ?)", a.ID, e.Code, e.Department, a.Version, string(doc), now.UnixMicro()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("assessment: %w", err)
		}
		return nil
	})
}

// Submit hands the draft to the head of the department, once nothing is missing: ErrGate lists what is. The entry
// returned says what should still be weighed.
func (s *Service) Submit(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.act(ctx, sess, code, officers(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		if _, _, err := Next(e.State, Submit); err != nil {
			return err
		}
		as, err := s.assessments(ctx, tx, e.Code, e.Version)
		if err != nil {
			return err
		}
		f, err := s.missing(ctx, tx, e.Resource, as)
		if err != nil {
			return err
		}
		if len(f) > 0 {
			return ErrGate.With().WithFields(f...)
		}
		if e.Advice, err = s.advice(ctx, tx, e.Resource); err != nil {
			return err
		}
		e.SubmittedBy, e.SignedBy, e.ReviewedBy, e.Reason = sess.Actor, "", "", ""
		return s.move(ctx, tx, e, Submit, b)
	})
}

// advice is everything a submission is told without being refused.
func (s *Service) advice(ctx context.Context, tx *db.Tx, r *Resource) ([]Advice, error) {
	out, err := s.sourceAdvice(ctx, tx, r)
	return append(append(out, r.codeAdvice()...), r.thin()...), err
}

// Sign is the approval of the head of the department, a higher one than that of the head of the sharing office: the
// version goes to the authority (Decree 809 art. 13, 16). The signature is the sealed fact, over the version's digest.
func (s *Service) Sign(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.act(ctx, sess, code, chiefs(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		if e.SubmittedBy == sess.Actor {
			return ErrTwoPeople.With()
		}
		e.SignedBy = sess.Actor
		return s.move(ctx, tx, e, Sign, b)
	})
}

// because is an act that needs reasons.
func (s *Service) because(ctx context.Context, sess *identity.Session, code string, roles []identity.Role, on Event, reason string) (*Dossier, error) {
	if !text(reason) {
		if err := sess.Require(roles...); err != nil {
			return nil, err
		}
		return nil, ErrReason.With()
	}
	return s.act(ctx, sess, code, roles, func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		e.Reason, b.note = reason, reason
		return s.move(ctx, tx, e, on, b)
	})
}

// Return is the head of the department not signing, with reasons.
func (s *Service) Return(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.because(ctx, sess, code, chiefs(), Return, reason)
}

// Publish is the authority's approval: the version is in force and announced to all departments (Decree 809 art. 16).
func (s *Service) Publish(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.act(ctx, sess, code, authority(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		if sess.Actor == e.SubmittedBy || sess.Actor == e.SignedBy {
			return ErrTwoPeople.With()
		}
		if err := e.Resource.Check(); err != nil {
			return err
		}
		e.ReviewedBy, e.Owner, e.Approver, e.Reason = sess.Actor, e.SubmittedBy, e.SignedBy, ""
		return s.move(ctx, tx, e, Publish, b)
	})
}

// Reject is the authority not approving, with reasons: the version is a draft again.
func (s *Service) Reject(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.because(ctx, sess, code, authority(), Reject, reason)
}

// Discard drops a draft: an entry that never was in force is gone, one that is keeps the version in force.
func (s *Service) Discard(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.act(ctx, sess, code, officers(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		return s.move(ctx, tx, e, Discard, b)
	})
}

// Withdraw asks for an entry to be taken out of the catalogue; it stays in force until the authority has it on file.
func (s *Service) Withdraw(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.because(ctx, sess, code, chiefs(), AskWithdrawal, reason)
}

// FileWithdrawal takes the entry out of the catalogue. Agreements made under it go on by their own terms.
func (s *Service) FileWithdrawal(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.act(ctx, sess, code, authority(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		return s.move(ctx, tx, e, FileWithdrawal, b)
	})
}

// RefuseWithdrawal keeps the entry in the catalogue, with reasons.
func (s *Service) RefuseWithdrawal(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.because(ctx, sess, code, authority(), RefuseWithdrawal, reason)
}

// NoteChange records that a law, a decision of the State Council or a duty changed and the entry is to be updated: 10
// working days from the change on (Decree 809 art. 17). An officer of the department or the authority may.
func (s *Service) NoteChange(ctx context.Context, sess *identity.Session, code string, d Demand) (*Dossier, error) {
	return s.act(ctx, sess, code, []identity.Role{identity.DataOfficer, identity.DepartmentHead, identity.Authority}, func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		if err := d.check(s.clock.Now()); err != nil {
			return err
		}
		d.By = sess.Actor
		if e.Demand == nil || d.Since.Before(e.Demand.Since) {
			e.Demand = &d
		}
		b.note, b.detail = d.What, &d
		return s.move(ctx, tx, e, NoteChange, b)
	})
}

// AskExtension asks the authority for at most 5 more working days for an update (Decree 809 art. 17).
func (s *Service) AskExtension(ctx context.Context, sess *identity.Session, code string, days int, reason string) (*Dossier, error) {
	return s.act(ctx, sess, code, officers(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		x := &MoreTime{Days: days, Reason: reason, AskedBy: sess.Actor, Asked: s.clock.Now()}
		if err := x.check(); err != nil {
			return err
		}
		if e.Demand == nil || (e.Extension != nil && e.Extension.ConsentedBy != "") {
			return ErrNoAsk.With() // nothing is due, or it was extended once
		}
		e.Extension = x
		b.note, b.detail = reason, x
		return s.move(ctx, tx, e, AskExtension, b)
	})
}

// waiting is the extension that waits for the authority, which must be somebody else than who asked.
func (e *Dossier) waiting(sess *identity.Session) (*MoreTime, error) {
	x := e.Extension
	switch {
	case x == nil || x.ConsentedBy != "" || x.Declined != "":
		return nil, ErrNoAsk.With()
	case x.AskedBy == sess.Actor:
		return nil, ErrTwoPeople.With()
	}
	return x, nil
}

// ConsentExtension is the authority's consent, once (Decree 809 art. 17).
func (s *Service) ConsentExtension(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.act(ctx, sess, code, authority(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		x, err := e.waiting(sess)
		if err != nil {
			return err
		}
		x.ConsentedBy = sess.Actor
		b.note, b.detail = x.Reason, x
		return s.move(ctx, tx, e, Extend, b)
	})
}

// RefuseExtension is the authority not consenting; the update stays due when it was.
func (s *Service) RefuseExtension(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	if !text(reason) {
		if err := sess.Require(identity.Authority); err != nil {
			return nil, err
		}
		return nil, ErrReason.With()
	}
	return s.act(ctx, sess, code, authority(), func(ctx context.Context, tx *db.Tx, e *Dossier, b by) error {
		x, err := e.waiting(sess)
		if err != nil {
			return err
		}
		x.Declined, b.note = reason, reason
		return s.move(ctx, tx, e, RefuseExtension, b)
	})
}
