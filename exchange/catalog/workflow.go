package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
)

type act = process.Act

// hooks bind entries to the node.
func (s *Service) hooks() process.Hooks[Dossier] {
	return process.Hooks[Dossier]{
		Index: func(e *Dossier) process.Index {
			if e.Resource == nil {
				return process.Index{}
			}
			return process.Index{Subject: nameKey(e.Resource.Name), Title: e.Resource.Name}
		},
		Parties: func(e *Dossier) deadline.Parties {
			return deadline.Parties{Provider: deadline.Party{Member: s.self, Department: e.Department}, Authority: deadline.Party{Member: s.self}}
		},
		Region: func(e *Dossier) string { return e.Division },
		Params: func(e *Dossier, _ Event) notice.Params {
			return notice.Params{Resource: e.Code, Member: e.Resource.Provider}
		},
		Header: func(e *Dossier) evidence.Header { return evidence.Header{Note: e.Code, Digest: e.digest()} },
		// The fact of a signature covers the digest of the version; that of a publication holds the version itself.
		Fact: func(e *Dossier, a *act, said map[string]any) {
			said["code"], said["version"], said["digest"] = e.Code, e.Version, e.digest()
			if a.Event == Publish {
				said["resource"] = e.Resource
			}
		},
		Before: map[Event]process.Hook[Dossier]{
			Submit: s.submittable, Assess: s.assessed, Publish: s.publishable, Discard: func(ctx context.Context, tx *db.Tx, e *Dossier, _ *act) error { return s.drop(ctx, tx, e) },
			FileWithdrawal: func(ctx context.Context, tx *db.Tx, e *Dossier, _ *act) error { return s.retract(ctx, tx, e) },
		},
		After: map[Event]process.Hook[Dossier]{Describe: s.described, Assess: s.keepAssessment},
	}
}

// digest is what a signature covers; empty if there is no version.
func (e *Dossier) digest() string {
	sum, err := digest(e.Resource)
	if err != nil {
		return ""
	}
	return sum
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

// publishable holds what is published to the law once more, and puts it in force.
func (s *Service) publishable(ctx context.Context, tx *db.Tx, e *Dossier, a *act) error {
	if err := e.Resource.Check(); err != nil {
		return err
	}
	return s.announce(ctx, tx, e, a.At)
}

// submittable: nothing is missing; ErrGate lists what is. The entry says what should still be weighed.
func (s *Service) submittable(ctx context.Context, tx *db.Tx, e *Dossier, _ *act) error {
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
	e.Advice, err = s.advice(ctx, tx, e.Resource)
	return err
}

// assessed gives an assessment its names.
func (s *Service) assessed(_ context.Context, _ *db.Tx, e *Dossier, a *act) error {
	if x, ok := a.Args.(*Assessment); ok {
		x.ID, x.Version, x.By, x.Time = s.ids.NewID(), e.Version, a.Actor.Officer, a.At
	}
	return nil
}

func (s *Service) keepAssessment(ctx context.Context, tx *db.Tx, e *Dossier, a *act) error {
	x, ok := a.Args.(*Assessment)
	if !ok {
		return nil
	}
	doc, err := json.Marshal(x)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO catalog_assessment (id, code, department, version, doc, time) VALUES (?, ?, ?, ?, ?, ?)", x.ID, e.Code, e.Department, x.Version, string(doc), a.At.UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("assessment: %w", err)
	}
	return nil
}

// put causes an event in an entry.
func (s *Service) put(ctx context.Context, sess *identity.Session, code string, on Event, note string, args any) (*Dossier, error) {
	e, err := s.kind.Act(ctx, sess, code, "", on, process.Given{Note: note, Args: args})
	if err != nil {
		return nil, err
	}
	return e, s.fill(ctx, s.db.Read(), e)
}

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
	r.State, r.Published, r.Department = Draft, nil, sess.Department
	e, err := s.entry(ctx, tx, db.System("describe"), r.Code)
	switch {
	case errors.Is(err, ErrNoSuch):
		e = &Dossier{Case: process.Case{ID: r.Code, Department: sess.Department}, Code: r.Code}
	case err != nil:
		return nil, err
	case e.Department != sess.Department:
		return nil, ErrTaken.With(r.Code)
	}
	e.Version++
	r.Version = e.Version
	e.Resource, e.Source, e.Table, e.Division = &r, m.ID, m.Table, sess.Division
	e.SubmittedBy, e.SignedBy, e.ReviewedBy, e.Advice = "", "", "", nil
	return e, s.kind.Take(ctx, tx, e, &act{Event: Describe, Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}})
}

// described keeps the version, and shows it where none is in force.
func (s *Service) described(ctx context.Context, tx *db.Tx, e *Dossier, a *act) error {
	doc, err := json.Marshal(e.Resource)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("INSERT INTO catalog_version (code, version, department, doc, time, actor, published) VALUES (?, ?, ?, ?, ?, ?, 0)", e.Code, e.Version, e.Department, string(doc), a.At.UnixMicro(), a.Actor.Officer).Exec(ctx); err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if e.InForce == 0 {
		if err := s.show(ctx, tx, e.Resource, Mount{ID: e.Source, Table: e.Table}); err != nil {
			return err
		}
	}
	return s.indexItems(ctx, tx, e.Resource, stageWork)
}

// advice is everything a submission is told without being refused.
func (s *Service) advice(ctx context.Context, tx *db.Tx, r *Resource) ([]Advice, error) {
	out, err := s.sourceAdvice(ctx, tx, r)
	return append(append(out, r.codeAdvice()...), r.thin()...), err
}

// Assess puts an assessment of the draft on record (Decree 809 art. 13).
func (s *Service) Assess(ctx context.Context, sess *identity.Session, code string, a Assessment) (*Dossier, error) {
	return s.put(ctx, sess, code, Assess, "", &a)
}

// Submit hands the draft to the head of the department, once nothing is missing: ErrGate lists what is. The entry
// returned says what should still be weighed.
func (s *Service) Submit(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.put(ctx, sess, code, Submit, "", nil)
}

// Sign is the approval of the head of the department, a higher one than that of the head of the sharing office: the
// version goes to the authority (Decree 809 art. 13, 16). The signature is the sealed fact, over the version's digest.
func (s *Service) Sign(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.put(ctx, sess, code, Sign, "", nil)
}

// Return is the head of the department not signing, with reasons.
func (s *Service) Return(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.put(ctx, sess, code, Return, reason, nil)
}

// Publish is the authority's approval: the version is in force and announced to all departments (Decree 809 art. 16).
func (s *Service) Publish(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.put(ctx, sess, code, Publish, "", nil)
}

// Reject is the authority not approving, with reasons: the version is a draft again.
func (s *Service) Reject(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.put(ctx, sess, code, Reject, reason, nil)
}

// Discard drops a draft: an entry that never was in force is gone, one that is keeps the version in force.
func (s *Service) Discard(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.put(ctx, sess, code, Discard, "", nil)
}

// Withdraw asks for an entry to be taken out of the catalogue; it stays in force until the authority has it on file.
func (s *Service) Withdraw(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.put(ctx, sess, code, AskWithdrawal, reason, nil)
}

// FileWithdrawal takes the entry out of the catalogue. Agreements made under it go on by their own terms.
func (s *Service) FileWithdrawal(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.put(ctx, sess, code, FileWithdrawal, "", nil)
}

// RefuseWithdrawal keeps the entry in the catalogue, with reasons.
func (s *Service) RefuseWithdrawal(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.put(ctx, sess, code, RefuseWithdrawal, reason, nil)
}

// NoteChange records that a law, a decision of the State Council or a duty changed and the entry is to be updated: 10
// working days from the change on (Decree 809 art. 17). An officer of the department or the authority may.
func (s *Service) NoteChange(ctx context.Context, sess *identity.Session, code string, d Demand) (*Dossier, error) {
	return s.put(ctx, sess, code, NoteChange, "", &d)
}

// AskExtension asks the authority for at most 5 more working days for an update (Decree 809 art. 17).
func (s *Service) AskExtension(ctx context.Context, sess *identity.Session, code string, days int, reason string) (*Dossier, error) {
	return s.put(ctx, sess, code, AskExtension, "", &ExtensionRequest{Days: days, Reason: reason})
}

// ConsentExtension is the authority's consent, once (Decree 809 art. 17).
func (s *Service) ConsentExtension(ctx context.Context, sess *identity.Session, code string) (*Dossier, error) {
	return s.put(ctx, sess, code, Extend, "", nil)
}

// RefuseExtension is the authority not consenting; the update stays due when it was.
func (s *Service) RefuseExtension(ctx context.Context, sess *identity.Session, code, reason string) (*Dossier, error) {
	return s.put(ctx, sess, code, RefuseExtension, reason, nil)
}

// subject is what clocks and notices call an entry.
func subject(code string) string { return "catalog/" + code }
