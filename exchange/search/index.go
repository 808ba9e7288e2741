package search

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/standard"
)

//go:embed migrations
var migrations embed.FS

// Migrate creates the package's table in the record database.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "directory", migrations, "migrations/records")
}

// MigrateIndex creates the tables of the index, which may live in a database of its own.
func MigrateIndex(ctx context.Context, d *db.DB) error {
	if d.Postgres() {
		return d.Migrate(ctx, "directory_index", migrations, "migrations/postgres")
	}
	return d.Migrate(ctx, "directory_index", migrations, "migrations/sqlite")
}

// Index is the searchable copy. Everything in it is public to the federation, so that no method takes a db.Scope.
type Index struct{ db *db.DB }

// NewIndex keeps its tables in d.
func NewIndex(d *db.DB) *Index { return &Index{db: d} }

// Delta is a step in reading a member's catalogue.
type Delta struct {
	Entries  []catalog.Resource // published, as they are now
	Gone     []string           // codes of those that are not any more
	Position string             // where to go on from, in the words of whoever is read
	Whole    bool               // this begins anew: what is not told of until the end is gone
	More     bool               // there is more to read now
	// Departments of the member, with the last step; nil: it told of none.
	Departments []Department
}

// Department is a department of a member, as that member names it: whoever applies need not have published anything.
type Department struct {
	ID   string `json:"id"` // USCC
	Name string `json:"name"`
}

// MaxDepartments is how many departments of one member are kept.
const MaxDepartments = 5000

// sound says whether a department can be kept and shown.
func (d *Department) sound() bool {
	const longest = 200 // bytes, as in the member's own register
	_, err := standard.CheckUSCC(d.ID)
	return err == nil && d.Name != "" && len(d.Name) <= longest && utf8.ValidString(d.Name) && !strings.ContainsFunc(d.Name, unicode.IsControl)
}

// position is how far a member's catalogue has been read.
type position struct {
	bun.BaseModel `bun:"table:directory_member"`
	Member        string `bun:",pk"`
	Position      string
	Scheme        int64
	Generation    int64
	Reading       int64 // 1 while a reading from the beginning has not ended
	AsOf          int64 // Unix microseconds
	Tried         int64
	Error         string
	Entries       int64
	Refused       int64
}

func (x *Index) position(ctx context.Context, tx *db.Tx, member string) (*position, error) {
	var ps []position
	if err := tx.NewSelect().Model(&ps).Where("member = ?", member).Scan(ctx); err != nil {
		return nil, fmt.Errorf("directory position: %w", err)
	}
	if len(ps) == 0 || ps[0].Scheme != scheme {
		p := &position{Member: member, Scheme: scheme}
		if len(ps) > 0 {
			p.Generation, p.Entries, p.AsOf = ps[0].Generation, ps[0].Entries, ps[0].AsOf
		}
		return p, nil
	}
	return &ps[0], nil
}

func save(ctx context.Context, tx *db.Tx, p *position) error {
	_, err := tx.NewInsert().Model(p).On("CONFLICT (member) DO UPDATE").
		Set("position = EXCLUDED.position, scheme = EXCLUDED.scheme, generation = EXCLUDED.generation, reading = EXCLUDED.reading, as_of = EXCLUDED.as_of, tried = EXCLUDED.tried, error = EXCLUDED.error, entries = EXCLUDED.entries, refused = EXCLUDED.refused").Exec(ctx)
	if err != nil {
		return fmt.Errorf("directory position: %w", err)
	}
	return nil
}

// Position is where to go on reading a member's catalogue; empty for the beginning.
func (x *Index) Position(ctx context.Context, member string) (string, error) {
	p, err := x.position(ctx, x.db.Read(), member)
	if err != nil {
		return "", err
	}
	return p.Position, nil
}

// errMoved: somebody else has read on meanwhile.
var errMoved = errors.New("read by another instance meanwhile")

// Apply takes one step of reading, from the position it was asked for, at a time.
func (x *Index) Apply(ctx context.Context, member, from string, d *Delta, now time.Time) error {
	work, err := prepare(member, d)
	if err != nil {
		return err
	}
	sweep := int64(0)
	err = x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := x.position(ctx, tx, member)
		if err != nil {
			return err
		}
		if p.Position != from {
			return errMoved
		}
		if d.Whole {
			p.Generation, p.Reading, p.Refused = p.Generation+1, 1, 0
		}
		p.Position, p.Tried, p.Error = d.Position, now.UnixMicro(), ""
		if err := x.put(ctx, tx, p, work, d.Gone); err != nil {
			return err
		}
		p.Refused += int64(len(d.Entries) - len(work))
		if !d.More {
			if p.Reading == 1 {
				sweep = p.Generation
			}
			p.Reading, p.AsOf = 0, now.UnixMicro()
			if err := name(ctx, tx, member, d.Departments); err != nil {
				return err
			}
		}
		return save(ctx, tx, p)
	})
	if err != nil || sweep == 0 {
		return err
	}
	return x.sweep(ctx, member, sweep)
}

// name keeps what a member calls its departments, in place of what it said before.
func name(ctx context.Context, tx *db.Tx, member string, ds []Department) error {
	if ds == nil {
		return nil
	}
	var had []Department
	if err := tx.NewRaw("SELECT id, name FROM directory_department WHERE member = ?", member).Scan(ctx, &had); err != nil {
		return fmt.Errorf("name departments: %w", err)
	}
	was := make(map[string]string, len(had))
	for _, d := range had {
		was[d.ID] = d.Name
	}
	for i := range ds[:min(len(ds), MaxDepartments)] {
		d := &ds[i]
		if !d.sound() {
			continue
		}
		if was[d.ID] != d.Name {
			if _, err := tx.NewRaw("INSERT INTO directory_department (member, id, name) VALUES (?, ?, ?) ON CONFLICT (member, id) DO UPDATE SET name = excluded.name", member, d.ID, d.Name).Exec(ctx); err != nil {
				return fmt.Errorf("name departments: %w", err)
			}
		}
		delete(was, d.ID)
	}
	for id := range was {
		if _, err := tx.NewRaw("DELETE FROM directory_department WHERE member = ? AND id = ?", member, id).Exec(ctx); err != nil {
			return fmt.Errorf("name departments: %w", err)
		}
	}
	return nil
}

// DepartmentName is what a member calls one of its departments; "" if it told of no such department.
func (x *Index) DepartmentName(ctx context.Context, member, id string) (string, error) {
	var name string
	err := x.db.Read().NewRaw("SELECT name FROM directory_department WHERE member = ? AND id = ?", member, id).Scan(ctx, &name)
	if errors.Is(db.One(err), db.ErrNotFound) {
		return "", nil
	}
	return name, err
}

// Departments are those a member told of, by code; at most limit.
func (x *Index) Departments(ctx context.Context, member string, limit int) ([]Department, error) {
	out := []Department{}
	err := x.db.Read().NewRaw("SELECT id, name FROM directory_department WHERE member = ? ORDER BY id LIMIT ?", member, limit).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("departments: %w", err)
	}
	return out, nil
}

// Failed notes that a member could not be asked.
func (x *Index) Failed(ctx context.Context, member, code string, now time.Time) error {
	return x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := x.position(ctx, tx, member)
		if err != nil {
			return err
		}
		p.Tried, p.Error = now.UnixMicro(), code
		return save(ctx, tx, p)
	})
}

// Forget makes the next reading of a member begin anew; what is here stays until that has ended.
func (x *Index) Forget(ctx context.Context, member string) error {
	return x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := x.position(ctx, tx, member)
		if err != nil {
			return err
		}
		p.Position = ""
		return save(ctx, tx, p)
	})
}

// written is an entry on its way into the index.
type written struct {
	doc    int64
	had    int64 // where it was; 0: nowhere
	bucket int64
	digest int64
	entry  *Entry
	json   string
	tokens string
}

// prepare does outside the transaction what needs no database.
func prepare(member string, d *Delta) ([]*written, error) {
	out := make([]*written, 0, len(d.Entries))
	seen := make(map[string]bool, len(d.Entries))
	for i := range d.Entries {
		e, ok := EntryOf(&d.Entries[i])
		if !ok || seen[e.Code] {
			continue
		}
		seen[e.Code] = true
		b, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		w := &written{entry: e, json: string(b), bucket: rank(e), tokens: tokens(member, e)}
		h := fnv.New64a()
		_, _ = h.Write([]byte{scheme})
		_, _ = h.Write(b)
		w.digest = int64(h.Sum64() >> 1) // 63 bits
		out = append(out, w)
	}
	return out, nil
}

// place finds where entries are and where they will be: an entry whose rank has not changed stays where it is.
func (x *Index) place(ctx context.Context, tx *db.Tx, member string, generation int64, work []*written) ([]*written, error) {
	find, err := tx.Prepare(ctx, "SELECT doc, digest FROM directory_entry WHERE member = ? AND code = ?")
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	defer func() { _ = find.Close() }()
	keep, err := tx.Prepare(ctx, "UPDATE directory_entry SET generation = ? WHERE doc = ?")
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	defer func() { _ = keep.Close() }()
	changed := work[:0:0]
	fresh := map[int64]int64{}
	for _, w := range work {
		var digest int64
		err := find.QueryRowContext(ctx, member, w.entry.Code).Scan(&w.had, &digest)
		switch {
		case err != nil && !errors.Is(db.One(err), db.ErrNotFound):
			return nil, fmt.Errorf("directory: %w", err)
		case err == nil && digest == w.digest:
			if _, err := keep.ExecContext(ctx, generation, w.had); err != nil {
				return nil, fmt.Errorf("directory: %w", err)
			}
			continue
		case err == nil && w.had/bucketDocs == w.bucket:
			w.doc = w.had
		default:
			fresh[w.bucket]++
		}
		changed = append(changed, w)
	}
	free := map[int64]int64{}
	for b, n := range fresh {
		var used int64
		err := tx.NewRaw(`INSERT INTO directory_slot (bucket, used) VALUES (?, ?)
			ON CONFLICT (bucket) DO UPDATE SET used = directory_slot.used + excluded.used RETURNING used`, b, n).Scan(ctx, &used)
		if err != nil {
			return nil, fmt.Errorf("directory: %w", err)
		}
		free[b] = (b+1)*bucketDocs - used + n // one above the highest free place
	}
	for _, w := range changed {
		if w.doc == 0 {
			free[w.bucket]--
			w.doc = free[w.bucket]
		}
	}
	// The full-text index takes documents in the order of their numbers best: it writes a piece of its own otherwise.
	sort.Slice(changed, func(i, j int) bool { return changed[i].doc < changed[j].doc })
	return changed, nil
}

// put writes entries and removes others.
func (x *Index) put(ctx context.Context, tx *db.Tx, p *position, work []*written, gone []string) error {
	changed, err := x.place(ctx, tx, p.Member, p.Generation, work)
	if err != nil {
		return err
	}
	var leave []int64
	for _, code := range gone {
		var docs []int64
		if err := tx.NewRaw("SELECT doc FROM directory_entry WHERE member = ? AND code = ?", p.Member, code).Scan(ctx, &docs); err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		leave = append(leave, docs...)
	}
	p.Entries -= int64(len(leave))
	for _, w := range changed {
		if w.had != 0 {
			leave = append(leave, w.had)
		} else {
			p.Entries++
		}
	}
	if err := x.remove(ctx, tx, leave); err != nil {
		return err
	}
	return x.insert(ctx, tx, p, changed)
}

func (x *Index) insert(ctx context.Context, tx *db.Tx, p *position, work []*written) error {
	if len(work) == 0 {
		return nil
	}
	columns, values := "doc, member, department, class, code, generation, digest", "?, ?, ?, ?, ?, ?, ?"
	if x.db.Postgres() {
		columns, values = columns+", tokens", values+", array_to_tsvector(string_to_array(?, ' '))"
	}
	entry, err := tx.Prepare(ctx, "INSERT INTO directory_entry ("+columns+") VALUES ("+values+")")
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	defer func() { _ = entry.Close() }()
	for _, w := range work {
		e := w.entry
		args := []any{w.doc, p.Member, e.Department, e.Class, e.Code, p.Generation, w.digest}
		if x.db.Postgres() {
			args = append(args, w.tokens)
		}
		if _, err := entry.ExecContext(ctx, args...); err != nil {
			return fmt.Errorf("directory: write entry: %w", err)
		}
	}
	text, err := tx.Prepare(ctx, "INSERT INTO directory_text (doc, text) VALUES (?, ?)")
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	defer func() { _ = text.Close() }()
	for _, w := range work {
		if _, err := text.ExecContext(ctx, w.doc, w.json); err != nil {
			return fmt.Errorf("directory: write text: %w", err)
		}
	}
	if x.db.Postgres() {
		return nil
	}
	token, err := tx.Prepare(ctx, "INSERT INTO directory_token (rowid, tokens) VALUES (?, ?)")
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	defer func() { _ = token.Close() }()
	for _, w := range work {
		if _, err := token.ExecContext(ctx, w.doc, w.tokens); err != nil {
			return fmt.Errorf("directory: write tokens: %w", err)
		}
	}
	return nil
}

// remove takes documents out.
func (x *Index) remove(ctx context.Context, tx *db.Tx, docs []int64) error {
	if len(docs) == 0 {
		return nil
	}
	tables := []string{"DELETE FROM directory_entry WHERE doc = ?", "DELETE FROM directory_text WHERE doc = ?"}
	if !x.db.Postgres() {
		tables = append(tables, "DELETE FROM directory_token WHERE rowid = ?")
	}
	sort.Slice(docs, func(i, j int) bool { return docs[i] < docs[j] })
	for _, q := range tables {
		st, err := tx.Prepare(ctx, q)
		if err != nil {
			return fmt.Errorf("directory: %w", err)
		}
		for _, d := range docs {
			if _, err := st.ExecContext(ctx, d); err != nil {
				_ = st.Close()
				return fmt.Errorf("directory: remove: %w", err)
			}
		}
		if err := st.Close(); err != nil {
			return fmt.Errorf("directory: %w", err)
		}
	}
	return nil
}

// sweepStep is how many entries are looked at per transaction.
const sweepStep = 2000

// sweep removes what a whole reading did not tell of; with generation 0, all of a member.
func (x *Index) sweep(ctx context.Context, member string, generation int64) error {
	after := ""
	for {
		n := 0
		err := x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			var rows []struct {
				Doc, Generation int64
				Code            string
			}
			if err := tx.NewRaw("SELECT doc, generation, code FROM directory_entry WHERE member = ? AND code > ? ORDER BY code LIMIT ?", member, after, sweepStep).Scan(ctx, &rows); err != nil {
				return fmt.Errorf("directory: %w", err)
			}
			n = len(rows)
			var docs []int64
			for _, r := range rows {
				after = r.Code
				if r.Generation != generation {
					docs = append(docs, r.Doc)
				}
			}
			if err := x.remove(ctx, tx, docs); err != nil {
				return err
			}
			_, err := tx.NewRaw("UPDATE directory_member SET entries = entries - ? WHERE member = ?", len(docs), member).Exec(ctx)
			return err
		})
		if err != nil || n < sweepStep {
			return err
		}
	}
}

// Drop removes everything of a member that is none any more.
func (x *Index) Drop(ctx context.Context, member string) error {
	if err := x.sweep(ctx, member, -1); err != nil {
		return err
	}
	return x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, table := range []string{"directory_department", "directory_member"} {
			if _, err := tx.NewRaw("DELETE FROM ? WHERE member = ?", bun.Ident(table), member).Exec(ctx); err != nil {
				return fmt.Errorf("drop %s: %w", member, err)
			}
		}
		return nil
	})
}

// Members tells how true the copy is, by member. Nobody asked a member for longer than timeout: stale.
func (x *Index) Members(ctx context.Context, now time.Time, timeout time.Duration) ([]Freshness, error) {
	var ps []position
	if err := x.db.Read().NewSelect().Model(&ps).OrderExpr("member").Scan(ctx); err != nil {
		return nil, fmt.Errorf("directory members: %w", err)
	}
	out := make([]Freshness, len(ps))
	for i := range ps {
		p := &ps[i]
		f := Freshness{Member: p.Member, Entries: int(p.Entries), Error: p.Error, Reading: p.Reading == 1, Refused: int(p.Refused)}
		if p.AsOf > 0 {
			t := time.UnixMicro(p.AsOf).UTC()
			f.AsOf = &t
		}
		f.Stale = p.Error != "" || f.AsOf == nil || now.Sub(*f.AsOf) > timeout
		out[i] = f
	}
	return out, nil
}

// Settle joins the pieces the full-text index was written in, in short steps; after much was read, searches are faster.
func (x *Index) Settle(ctx context.Context) error {
	if x.db.Postgres() {
		return x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.NewRaw("ANALYZE directory_entry, directory_text").Exec(ctx)
			return err
		})
	}
	const pages = 2000
	for first := true; ; first = false {
		sign := ""
		if first {
			sign = "-" // all pieces, not only those that are many of one size
		}
		var before, after int64
		err := x.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			const changes = "SELECT total_changes()"
			if err := tx.NewRaw(changes).Scan(ctx, &before); err != nil {
				return err
			}
			if _, err := tx.NewRaw(fmt.Sprintf("INSERT INTO directory_token (directory_token, rank) VALUES ('merge', %s%d)", sign, pages)).Exec(ctx); err != nil {
				return err
			}
			return tx.NewRaw(changes).Scan(ctx, &after)
		})
		if err != nil {
			return fmt.Errorf("directory: settle: %w", err)
		}
		if after-before < 2 { // SQLite's way of saying that nothing was left to join
			return nil
		}
	}
}
