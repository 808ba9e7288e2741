package catalog

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

// Edition is one version of an entry: what was described once never changes (Decree 809 art. 17).
type Edition struct {
	Number    int        `json:"number"`
	Described time.Time  `json:"described"`
	By        string     `json:"by,omitempty"` // the officer; not told to others
	Published *time.Time `json:"published,omitempty"`
	Digest    string     `json:"digest"` // hex SHA-256: what the head of the department signed
}

// visible is what of an entry's versions a scope may see: of its own department all, of others those that were published.
func visible(sc db.Scope) (string, []any) {
	cond, args := sc.Where("v.department")
	return "(v.published > 0 OR " + cond + ")", args
}

// Versions lists the versions of an entry, the latest first.
func (s *Service) Versions(ctx context.Context, sc db.Scope, code string) ([]Edition, error) {
	cond, args := visible(sc)
	var rows []struct {
		Version                int
		Time, Published        int64
		Actor, Doc, Department string
	}
	err := s.db.Read().NewRaw("SELECT v.version, v.time, v.published, v.actor, v.doc, v.department FROM catalog_version v WHERE v.code = ? AND "+cond+" ORDER BY v.version DESC LIMIT 500",
		append([]any{code}, args...)...).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("versions: %w", err)
	}
	if len(rows) == 0 {
		return nil, ErrNoSuch.With()
	}
	out := make([]Edition, len(rows))
	for i, r := range rows {
		var x Resource
		if err := json.Unmarshal([]byte(r.Doc), &x); err != nil {
			return nil, fmt.Errorf("versions: %w", err)
		}
		sum, err := digest(&x)
		if err != nil {
			return nil, err
		}
		out[i] = Edition{Number: r.Version, Described: time.UnixMicro(r.Time).UTC(), Digest: sum}
		if sc.Owns(r.Department) {
			out[i].By = r.Actor
		}
		if r.Published > 0 {
			t := time.UnixMicro(r.Published).UTC()
			out[i].Published = &t
		}
	}
	return out, nil
}

// Version reads one version of an entry; ErrNoVersion.
func (s *Service) Version(ctx context.Context, sc db.Scope, code string, number int) (*Resource, error) {
	cond, args := visible(sc)
	var row struct {
		Doc       string
		Published int64
	}
	err := s.db.Read().NewRaw("SELECT v.doc, v.published FROM catalog_version v WHERE v.code = ? AND v.version = ? AND "+cond,
		append([]any{code, number}, args...)...).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNoVersion.With()
	}
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	r := &Resource{}
	if err := json.Unmarshal([]byte(row.Doc), r); err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	r.State = Draft
	if row.Published > 0 {
		t := time.UnixMicro(row.Published).UTC()
		r.State, r.Published = Published, &t
	}
	return r, nil
}

// Difference is one field that two versions have differently. Item is empty for fields of the entry itself; Field is empty
// where one of them has the item and the other has not. From and To are JSON, absent where nothing was stated.
type Difference struct {
	Item  string          `json:"item,omitempty"`
	Field string          `json:"field,omitempty"`
	From  json.RawMessage `json:"from,omitempty"`
	To    json.RawMessage `json:"to,omitempty"`
}

// Diff compares two versions that the scope may see: field by field, items by their names.
func (s *Service) Diff(ctx context.Context, sc db.Scope, code string, from, to int) ([]Difference, error) {
	a, err := s.Version(ctx, sc, code, from)
	if err != nil {
		return nil, err
	}
	b, err := s.Version(ctx, sc, code, to)
	if err != nil {
		return nil, err
	}
	return Compare(a, b)
}

// Compare lists what two resources have differently: pure. The way of the entry (version, state, date) is left out.
func Compare(a, b *Resource) ([]Difference, error) {
	x, y := *a, *b
	for _, r := range []*Resource{&x, &y} {
		r.Items, r.Version, r.State, r.Published = nil, 0, "", nil
	}
	out, err := differences("", &x, &y)
	if err != nil {
		return nil, err
	}
	for i := range a.Items {
		name := a.Items[i].Name
		other := b.Item(name)
		if other == nil {
			from, err := json.Marshal(&a.Items[i])
			if err != nil {
				return nil, err
			}
			out = append(out, Difference{Item: name, From: from})
			continue
		}
		ds, err := differences(name, &a.Items[i], other)
		if err != nil {
			return nil, err
		}
		out = append(out, ds...)
	}
	for i := range b.Items {
		if a.Item(b.Items[i].Name) == nil {
			to, err := json.Marshal(&b.Items[i])
			if err != nil {
				return nil, err
			}
			out = append(out, Difference{Item: b.Items[i].Name, To: to})
		}
	}
	return out, nil
}

// differences compares the members of two values by their JSON names, in order of the names.
func differences(item string, a, b any) ([]Difference, error) {
	x, err := members(a)
	if err != nil {
		return nil, err
	}
	y, err := members(b)
	if err != nil {
		return nil, err
	}
	var names []string
	for n := range x {
		names = append(names, n)
	}
	for n := range y {
		if _, ok := x[n]; !ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var out []Difference
	for _, n := range names {
		if !bytes.Equal(x[n], y[n]) {
			out = append(out, Difference{Item: item, Field: n, From: x[n], To: y[n]})
		}
	}
	return out, nil
}

func members(v any) (map[string]json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var m map[string]json.RawMessage
	return m, json.Unmarshal(b, &m)
}
