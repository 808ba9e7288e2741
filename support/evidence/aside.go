package evidence

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
)

// Aside is a fact that the index could not take. It stays in the log and keeps its proof; it is found by its place alone.
type Aside struct {
	Epoch  int64  `json:"epoch"`
	Batch  int64  `json:"batch"`
	Leaf   int64  `json:"leaf"`
	Reason string `json:"reason"`
	Since  int64  `json:"since"` // Unix microseconds
}

// Asides lists the facts set aside, in the order of the log, at most limit of them.
func (x *Index) Asides(ctx context.Context, limit int) ([]Aside, error) {
	out := []Aside{}
	err := x.db.Read().NewRaw("SELECT epoch, batch, leaf, reason, since FROM evidence_aside ORDER BY epoch, batch, leaf LIMIT ?", limit).Scan(ctx, &out)
	if err != nil {
		return nil, fmt.Errorf("facts set aside: %w", err)
	}
	return out, nil
}

// AsideCount counts them.
func (x *Index) AsideCount(ctx context.Context) (int, error) {
	var n int
	if err := x.db.Read().NewRaw("SELECT count(*) FROM evidence_aside").Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("facts set aside: %w", err)
	}
	return n, nil
}

// setAside notes a fact that was not indexed. The reason may quote what could not be stored.
func (x *Index) setAside(ctx context.Context, tx *db.Tx, a Aside) error {
	_, err := tx.NewRaw("INSERT INTO evidence_aside (epoch, batch, leaf, reason, since) VALUES (?, ?, ?, ?, ?) ON CONFLICT (epoch, batch, leaf) DO NOTHING",
		a.Epoch, a.Batch, a.Leaf, a.Reason, x.log.cfg.Clock.Now().UnixMicro()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("set a fact aside: %w", err)
	}
	return nil
}

// maxReason bounds a reason, in bytes.
const maxReason = 300

// reasonOf is an error in words that any database takes.
func reasonOf(err error) string {
	s := err.Error()
	var e *errs.Error
	if errors.As(err, &e) {
		s = e.Code + ": " + e.En
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "")
	}
	return s
}

// oneByOne is write where some fact of the step is refused by the database: each goes in on its own, and what is refused
// is set aside. It happens in the transaction of the step, so that nothing is counted twice.
func (x *Index) oneByOne(ctx context.Context, tx *db.Tx, es []Entry, ss []subjectRow) error {
	for i := range es {
		var mine []subjectRow
		for _, s := range ss {
			if s.entry == i {
				s.entry = 0
				mine = append(mine, s)
			}
		}
		if _, err := tx.ExecContext(ctx, "SAVEPOINT fact"); err != nil {
			return fmt.Errorf("index facts: %w", err)
		}
		one := []Entry{es[i]}
		err := insert(ctx, tx, one, mine)
		if err == nil {
			err = tally(ctx, tx, one)
		}
		if err != nil {
			if !db.Unfit(err) {
				return err
			}
			if _, rerr := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT fact"); rerr != nil {
				return errors.Join(err, rerr)
			}
			if err := x.setAside(ctx, tx, Aside{Epoch: es[i].Epoch, Batch: es[i].Batch, Leaf: es[i].Leaf, Reason: reasonOf(err)}); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "RELEASE SAVEPOINT fact"); err != nil {
			return fmt.Errorf("index facts: %w", err)
		}
	}
	return nil
}

// pauseAfter lets exchanges have the processor, if it is the projection in the background that just worked since begun, and
// came to what was sealed at newest.
func (x *Index) pauseAfter(ctx context.Context, begun, newest time.Time) {
	if x.log.busy.Load() > 4 && background(ctx) {
		now := x.log.cfg.Clock.Now()
		t := time.NewTimer(time.Duration(yielding(now.Sub(newest)) * float64(now.Sub(begun))))
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}

// shortly is how far the projection may lag before it takes more of the processor.
const shortly = 10 * time.Second

// yielding is how many times as long as it worked the projection pauses while exchanges are under way. It takes a twentieth
// of one core at most as long as it is a few seconds behind (whoever reads it brings it up to date first), and the more, up
// to half of one, the further it is: so it falls back until it keeps up, and no further.
func yielding(behind time.Duration) float64 {
	const twentieth, half = 19, 1
	return min(max(twentieth*float64(shortly)/float64(max(behind, shortly)), half), twentieth)
}
