package catalog

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/protect"
)

// Discover lists the tables of a source of the session's department.
func (s *Service) Discover(ctx context.Context, sess *identity.Session, id string) ([]source.Table, error) {
	src, err := s.openOwn(ctx, sess, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	return src.Discover(ctx)
}

// Sample returns up to n rows of a table of the department's own source, unmasked: it is the department's own data.
// The caller releases the batch.
func (s *Service) Sample(ctx context.Context, sess *identity.Session, id, table string, n int) (arrow.RecordBatch, error) {
	src, err := s.openOwn(ctx, sess, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	return src.Sample(ctx, table, n)
}

func (s *Service) openOwn(ctx context.Context, sess *identity.Session, id string) (source.Source, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	m, err := s.Source(ctx, db.In(sess.Division, sess.Department, sess.Actor), id)
	if err != nil {
		return nil, err
	}
	return source.Open(ctx, m.Spec)
}

// Preview is what a table holds, as those who may use it would see it.
type Preview struct {
	Items []Item // as asked for, or as they may be: Guess
	Rows  [][]string
}

// Preview samples a table of the department's own source with the masks of the items; nil items are guessed. ErrSource if
// the table or a column is not there; protect refuses a mask that does not fit a column.
func (s *Service) Preview(ctx context.Context, sess *identity.Session, id, table string, items []Item, n int) (*Preview, error) {
	src, err := s.openOwn(ctx, sess, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	tables, err := src.Discover(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(tables, func(t source.Table) bool { return t.Name == table })
	if at < 0 {
		return nil, ErrSource.With("no table "+table, "没有表 "+table)
	}
	rows, err := src.Sample(ctx, table, n)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	if items == nil {
		items = Guess(&tables[at], rows)
	}
	masks := map[string]policy.Mask{}
	for i := range items {
		if len(rows.Schema().FieldIndices(items[i].Name)) == 0 {
			return nil, ErrSource.With("the table has no column "+items[i].Name, "表中没有列 "+items[i].Name)
		}
		masks[items[i].Name] = items[i].Mask
	}
	key := make([]byte, protect.MinKey)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	masker, err := protect.Compile(rows.Schema(), masks, key)
	if err != nil {
		return nil, err
	}
	masked, err := masker.Apply(memory.DefaultAllocator, rows)
	if err != nil {
		return nil, err
	}
	defer masked.Release()
	out := &Preview{Items: items, Rows: make([][]string, masked.NumRows())}
	for r := range out.Rows {
		out.Rows[r] = make([]string, len(items))
		for i := range items {
			if col := masked.Column(masked.Schema().FieldIndices(items[i].Name)[0]); !col.IsNull(r) {
				out.Rows[r][i] = col.ValueStr(r)
			}
		}
	}
	return out, nil
}

// Registered lists the sources of all departments for who registers them, by identifier after the cursor. Where they are
// and what opens them is left out.
func (s *Service) Registered(ctx context.Context, sess *identity.Session, after string, limit int) ([]MountedSource, error) {
	if err := sess.Require(identity.Operator); err != nil {
		return nil, err
	}
	var rows []struct{ ID, Department, Spec string }
	err := s.db.Read().NewRaw("SELECT id, department, spec FROM catalog_source WHERE id > ? ORDER BY id LIMIT ?", after, min(max(limit, 1), 500)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	out := make([]MountedSource, len(rows))
	for i, r := range rows {
		var spec source.Spec
		if err := json.Unmarshal([]byte(r.Spec), &spec); err != nil {
			return nil, fmt.Errorf("sources: %w", err)
		}
		out[i] = MountedSource{ID: r.ID, Department: r.Department, Spec: source.Spec{Kind: spec.Kind}}
	}
	return out, nil
}
