package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/support/standard"
)

// Designation names the one source of a data item (一数一源): where several departments collect it, this one alone provides
// it (Decree 809 art. 19). The authority decides.
type Designation struct {
	Item       string    `json:"item"`              // title of the item; punctuation and spaces do not matter
	Element    string    `json:"element,omitempty"` // code of the data element
	Department string    `json:"department"`        // USCC of the source department
	Name       string    `json:"name"`              // its name
	Reason     string    `json:"reason,omitempty"`
	By         string    `json:"by"`
	Time       time.Time `json:"time"`
}

func (d *Designation) check() error {
	var f faults
	f.Need(short(d.Item) && nameKey(d.Item) != "", "item", "请写明数据项名称", "name the item")
	f.Need(len(d.Element) <= 100, "element", "数据元代码过长", "the element's code is too long")
	_, err := standard.CheckUSCC(d.Department)
	f.Need(err == nil, "department", "数源部门的统一社会信用代码不合格", "the unified social credit code of the source department is not valid")
	f.Need(short(d.Name), "name", "请写明数源部门名称", "name the source department")
	f.Need(len(d.Reason) <= process.MaxNote, "reason", "理由过长", "the reason is too long")
	return f.Err(ErrResource)
}

// Designate names the source department of an item; naming another replaces the one before.
func (s *Service) Designate(ctx context.Context, sess *identity.Session, d Designation) (*Designation, error) {
	if err := sess.Require(identity.Authority); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	d.By, d.Time = sess.Actor, s.clock.Now()
	doc, err := json.Marshal(&d)
	if err != nil {
		return nil, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(`INSERT INTO catalog_register (item_key, element, department, doc, time) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (item_key) DO UPDATE SET element = excluded.element, department = excluded.department, doc = excluded.doc, time = excluded.time`,
			nameKey(d.Item), d.Element, d.Department, string(doc), d.Time.UnixMicro()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("designate: %w", err)
		}
		return s.decided(ctx, tx, sess, "catalog.designate", d.Item, doc)
	})
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// EndDesignation takes an item off the register.
func (s *Service) EndDesignation(ctx context.Context, sess *identity.Session, item string) error {
	if err := sess.Require(identity.Authority); err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		res, err := tx.NewRaw("DELETE FROM catalog_register WHERE item_key = ?", nameKey(item)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end designation: %w", err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			return ErrNoItem.With()
		}
		return s.decided(ctx, tx, sess, "catalog.designation_ended", item, []byte(item))
	})
}

// decided records a decision of the authority that belongs to no entry.
func (s *Service) decided(ctx context.Context, tx *db.Tx, sess *identity.Session, kind, note string, body []byte) error {
	h := evidence.Header{Note: note}
	return s.outbox.Put(ctx, tx, evidence.Draft{Kind: kind, ID: s.ids.NewID(), Actor: seal.Actor{Department: sess.Department, Officer: sess.Actor}, Header: h.Encode(), Body: body})
}

// Register lists the sources named, by item after the cursor (an item). Every officer of the node may read it: what is
// named binds all departments.
func (s *Service) Register(ctx context.Context, sess *identity.Session, after string, limit int) ([]Designation, error) {
	if sess == nil {
		return nil, identity.ErrSignIn.With()
	}
	var docs []string
	err := s.db.Read().NewRaw("SELECT doc FROM catalog_register WHERE item_key > ? ORDER BY item_key LIMIT ?", nameKey(after), min(max(limit, 1), 500)).Scan(ctx, &docs)
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	return decoded[Designation](docs)
}

func decoded[T any](docs []string) ([]T, error) {
	out := make([]T, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("read document: %w", err)
		}
	}
	return out, nil
}

// Conflict is an item that a department describes though another is its source.
type Conflict struct {
	Code       string `json:"code"`
	Department string `json:"department"`
	Item       string `json:"item"` // column
	Title      string `json:"title"`
	InForce    bool   `json:"in_force"` // published, not only described
	Source     string `json:"source"`   // USCC of the source department
	SourceName string `json:"source_name"`
}

const conflictSQL = `SELECT i.code, i.department, i.name AS item, i.title, i.stage, g.department AS source, g.doc FROM catalog_item i
	JOIN catalog_register g ON (g.item_key = i.title_key OR (g.element <> '' AND g.element = i.element)) AND g.department <> i.department WHERE `

func (s *Service) conflicts(ctx context.Context, tx *db.Tx, cond string, args []any, limit int) ([]Conflict, error) {
	var rows []struct{ Code, Department, Item, Title, Stage, Source, Doc string }
	err := tx.NewRaw(conflictSQL+cond+" ORDER BY i.code, i.name, i.stage LIMIT ?", append(args, limit)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("conflicts: %w", err)
	}
	out := make([]Conflict, len(rows))
	for i, r := range rows {
		var d Designation
		if err := json.Unmarshal([]byte(r.Doc), &d); err != nil {
			return nil, fmt.Errorf("conflicts: %w", err)
		}
		out[i] = Conflict{Code: r.Code, Department: r.Department, Item: r.Item, Title: r.Title, InForce: r.Stage == stageForce, Source: r.Source, SourceName: d.Name}
	}
	return out, nil
}

// Conflicts lists the scope's items whose source is another department, by entry after the cursor (a code).
func (s *Service) Conflicts(ctx context.Context, sc db.Scope, after string, limit int) ([]Conflict, error) {
	cond, args := sc.Where("i.department")
	return s.conflicts(ctx, s.db.Read(), "i.code > ? AND "+cond, append([]any{after}, args...), min(max(limit, 1), 500))
}

// sourceAdvice warns of items of a draft whose source is another department. Whether that breaks art. 19 is for people.
func (s *Service) sourceAdvice(ctx context.Context, tx *db.Tx, r *Resource) ([]Advice, error) {
	cs, err := s.conflicts(ctx, tx, "i.code = ? AND i.stage = ?", []any{r.Code, stageWork}, 100)
	if err != nil {
		return nil, err
	}
	var out []Advice
	for _, c := range cs {
		out = append(out, Advice{
			Code: "source_department", Item: c.Item, Zh: "“" + c.Title + "”的数源部门是" + c.SourceName + "，应由其统一提供（809 号令第十九条）",
			En: "the source department of “" + c.Title + "” is " + c.SourceName + ", which alone should provide it (Decree 809 art. 19)",
		})
	}
	return out, nil
}

// Breach is what a person finds about an entry that no clock can see.
type Breach struct {
	Code deadline.Code `json:"code"` // P2, P3, A1
	Note string        `json:"note"`
}

// RecordBreach puts a violation on record that the authority found: conditions added on one's own (P2), not working with
// the source department (P3), no source department named (A1). Nothing does so by itself (Decree 809 art. 39, 41).
func (s *Service) RecordBreach(ctx context.Context, sess *identity.Session, code string, b Breach) (*Dossier, error) {
	if err := sess.Require(identity.Authority); err != nil {
		return nil, err
	}
	sc := db.Oversight(sess.Division, sess.Department, sess.Actor)
	var e *Dossier
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if e, err = s.entry(ctx, tx, sc, code); err != nil {
			return err
		}
		v := deadline.Violation{Code: b.Code, Subject: subject(code), Department: e.Department, By: deadline.Provider, Note: b.Note, Offender: deadline.Party{Member: s.self, Department: e.Department}}
		var f faults
		switch b.Code {
		case deadline.P2, deadline.P3:
		case deadline.A1:
			v.By, v.Offender.Department = deadline.Authority, ""
		default:
			f.Need(false, "code", "须为 P2、P3 或 A1", "must be P2, P3 or A1")
		}
		f.Need(process.Text(b.Note), "note", "请写明事实", "say what was found")
		if err := f.Err(ErrResource); err != nil {
			return err
		}
		if err := s.clocks.Raise(ctx, tx, sc, v); err != nil {
			return err
		}
		return s.fill(ctx, tx, e)
	})
	return e, err
}
