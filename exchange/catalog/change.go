package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

// Change is what became of one entry as others may see it. Only the last change of an entry is told.
type Change struct {
	Seq      int64     // grows with every change, in the order of commits
	Code     string    // of the entry
	At       time.Time // when it changed
	Resource *Resource // as it is now; nil when it is no longer published
}

// Observer hears, in the transaction that does it, that what others may see of the catalogue changes.
type Observer interface {
	CatalogChanged(ctx context.Context, tx *db.Tx) error
}

// SetObserver names who hears of changes. Call before serving.
func (s *Service) SetObserver(w Observer) { s.observer = w }

// noteChange records that what others may see of an entry changes in this transaction. Writers are serialised on either
// database until they have committed, so the number after the last one is free and no smaller one appears later.
func (s *Service) noteChange(ctx context.Context, tx *db.Tx, code string) error {
	_, err := tx.NewRaw("INSERT INTO catalog_change (seq, code, time) SELECT COALESCE(max(seq), 0) + 1, ?, ? FROM catalog_change",
		code, s.clock.Now().UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note change: %w", err)
	}
	if s.observer == nil {
		return nil
	}
	return s.observer.CatalogChanged(ctx, tx)
}

// maxChanges bounds one answer of Changes.
const maxChanges = 1000

// Changes returns what changed after a number, oldest first: for each entry its state of now, or that it is gone. next is
// the number to go on from; it equals after when nothing is left.
func (s *Service) Changes(ctx context.Context, after int64, limit int) ([]Change, int64, error) {
	var rows []struct {
		Seq  int64
		Code string
		Time int64
		Doc  sql.NullString
	}
	err := s.db.Read().NewRaw(`SELECT c.seq, c.code, c.time, r.doc FROM catalog_change c
		LEFT JOIN catalog_resource r ON r.code = c.code AND r.state = 'published'
		WHERE c.seq > ? AND NOT EXISTS (SELECT 1 FROM catalog_change n WHERE n.code = c.code AND n.seq > c.seq)
		ORDER BY c.seq LIMIT ?`, after, min(max(limit, 1), maxChanges)).Scan(ctx, &rows)
	if err != nil {
		return nil, after, fmt.Errorf("changes: %w", err)
	}
	out := make([]Change, len(rows))
	for i, r := range rows {
		out[i] = Change{Seq: r.Seq, Code: r.Code, At: time.UnixMicro(r.Time).UTC()}
		if r.Doc.Valid {
			out[i].Resource = &Resource{}
			if err := json.Unmarshal([]byte(r.Doc.String), out[i].Resource); err != nil {
				return nil, after, fmt.Errorf("changes: %w", err)
			}
		}
		after = r.Seq
	}
	return out, after, nil
}

// ChangedAt returns when the change of a number was made; false if this catalogue never had it: a node restored from a
// backup counts on from an older number, and makes the changes that follow at other times.
func (s *Service) ChangedAt(ctx context.Context, seq int64) (time.Time, bool, error) {
	var at int64
	err := s.db.Read().NewRaw("SELECT time FROM catalog_change WHERE seq = ?", seq).Scan(ctx, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("changes: %w", err)
	}
	return time.UnixMicro(at).UTC(), true, nil
}
