package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/errs"
)

// each runs a test on both databases.
func each(t *testing.T, f func(*testing.T, *DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, opened(t, filepath.Join(t.TempDir(), "records.db"))) })
	t.Run("postgres", func(t *testing.T) { f(t, opened(t, dbtest.Postgres(t))) })
}

func opened(t *testing.T, dsn string) *DB {
	t.Helper()
	d, err := Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	write(t, d, func(ctx context.Context, tx *Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE item (name TEXT PRIMARY KEY, n BIGINT NOT NULL)")
		return err
	})
	return d
}

func write(t *testing.T, d *DB, f func(context.Context, *Tx) error) {
	t.Helper()
	if err := d.Write(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func put(name string) func(context.Context, *Tx) error {
	return func(ctx context.Context, tx *Tx) error {
		_, err := tx.NewRaw("INSERT INTO item (name, n) VALUES (?, 1)", name).Exec(ctx)
		return err
	}
}

func (d *DB) has(t *testing.T, name string) bool {
	t.Helper()
	var n int
	if err := d.Read().NewRaw("SELECT count(*) FROM item WHERE name = ?", name).Scan(t.Context(), &n); err != nil {
		t.Error(err)
	}
	return n == 1
}

var errWanted = errors.New("wanted")

// TestParallelWriters: of many jobs written at once, those that fail or panic leave nothing, all others everything, and
// exactly the durable ones run their OnCommit, when their row can be read by others.
func TestParallelWriters(t *testing.T) {
	each(t, func(t *testing.T, d *DB) {
		const writers, jobs = 24, 20
		var called [writers][jobs]atomic.Bool
		kind := func(w, j int) int { return (w*7 + j) % 5 } // 0: fails, 1: panics, others succeed
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for j := range jobs {
					name := fmt.Sprintf("%d-%d", w, j)
					err := d.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
						if err := put(name)(ctx, tx); err != nil {
							return err
						}
						tx.OnCommit(func() {
							called[w][j].Store(true)
							if !d.has(t, name) {
								t.Errorf("%s: OnCommit ran before the row was there", name)
							}
						})
						switch kind(w, j) {
						case 0:
							return errWanted
						case 1:
							panic("wanted")
						}
						return nil
					})
					switch kind(w, j) {
					case 0:
						if !errors.Is(err, errWanted) {
							t.Errorf("%s: %v", name, err)
						}
					case 1:
						if !errors.Is(err, errs.ErrInternal) {
							t.Errorf("%s panicked: %v", name, err)
						}
					default:
						if err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
				}
			})
		}
		wg.Wait()
		for w := range writers {
			for j := range jobs {
				want := kind(w, j) > 1
				if got := d.has(t, fmt.Sprintf("%d-%d", w, j)); got != want || called[w][j].Load() != want {
					t.Errorf("job %d-%d of kind %d: row %v, OnCommit %v", w, j, kind(w, j), got, called[w][j].Load())
				}
			}
		}
	})
}

// group makes the given jobs share one commit: a first job holds the writer until they have gathered.
func group(t *testing.T, d *DB, jobs ...func(context.Context, *Tx) error) []error {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Write(t.Context(), func(context.Context, *Tx) error { close(held); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-held
	out := make([]error, len(jobs))
	for i, f := range jobs {
		wg.Go(func() { out[i] = d.Write(t.Context(), f) })
		for { // one after the other, so that their order is known
			d.mu.Lock()
			n := len(d.queue)
			d.mu.Unlock()
			if n == i+1 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	close(release)
	wg.Wait()
	return out
}

// TestGroupCommit: jobs of one commit. Nobody is told before the commit that serves all of them, and the middle one
// fails alone.
func TestGroupCommit(t *testing.T) {
	each(t, func(t *testing.T, d *DB) {
		var first, second, third atomic.Bool
		errs := group(t, d,
			func(ctx context.Context, tx *Tx) error {
				tx.OnCommit(func() { first.Store(true) })
				return put("first")(ctx, tx)
			},
			func(ctx context.Context, tx *Tx) error {
				tx.OnCommit(func() { second.Store(true) })
				if first.Load() || d.has(t, "first") {
					t.Error("the first job of the group shows before the group is committed")
				}
				var n int
				if err := tx.NewRaw("SELECT count(*) FROM item WHERE name = 'first'").Scan(ctx, &n); err != nil || n != 1 {
					t.Errorf("not in the transaction of the first job: %d %v", n, err)
				}
				return errors.Join(put("second")(ctx, tx), errWanted)
			},
			func(ctx context.Context, tx *Tx) error {
				tx.OnCommit(func() { third.Store(true) })
				if first.Load() {
					t.Error("OnCommit of the first job ran before the group was committed")
				}
				return put("third")(ctx, tx)
			},
		)
		if errs[0] != nil || !errors.Is(errs[1], errWanted) || errs[2] != nil {
			t.Fatal(errs)
		}
		if !d.has(t, "first") || d.has(t, "second") || !d.has(t, "third") {
			t.Error("rows of the wrong jobs")
		}
		if !first.Load() || second.Load() || !third.Load() {
			t.Error("OnCommit of the wrong jobs")
		}
	})
}

// TestFailedCommit: when the commit itself fails, nobody of the group is told that it succeeded, no OnCommit runs,
// nothing is there, and the next write works.
func TestFailedCommit(t *testing.T) {
	each(t, func(t *testing.T, d *DB) {
		write(t, d, func(ctx context.Context, tx *Tx) error {
			_, err := tx.ExecContext(ctx, "CREATE TABLE child (name TEXT REFERENCES item (name) DEFERRABLE INITIALLY DEFERRED)")
			return err
		})
		orphan := func(ctx context.Context, tx *Tx) error {
			tx.OnCommit(func() { t.Error("OnCommit after a failed commit") })
			_, err := tx.ExecContext(ctx, "INSERT INTO child (name) VALUES ('nobody')")
			return err
		}
		good := func(ctx context.Context, tx *Tx) error {
			tx.OnCommit(func() { t.Error("OnCommit after a failed commit") })
			return put("good")(ctx, tx)
		}
		for i, err := range group(t, d, good, orphan) {
			if !errors.Is(err, ErrUnavailable) {
				t.Errorf("job %d of a failed commit: %v", i, err)
			}
		}
		if d.has(t, "good") {
			t.Error("a row of a failed commit is there")
		}
		write(t, d, put("later"))
		if !d.has(t, "later") {
			t.Error("the write after a failed commit is lost")
		}
	})
}

// TestWhatWasAcknowledgedIsThere: even if a job ends the whole transaction under the others (SQLite does so by itself
// when the disk is full), no writer that was told of success lost its row.
func TestWhatWasAcknowledgedIsThere(t *testing.T) {
	d := opened(t, filepath.Join(t.TempDir(), "records.db"))
	write(t, d, put("taken"))
	ends := func(ctx context.Context, tx *Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR ROLLBACK INTO item (name, n) VALUES ('taken', 2)")
		return err
	}
	names := []string{"a", "", "b", "c"}
	for i, err := range group(t, d, put("a"), ends, put("b"), put("c")) {
		if err == nil && (names[i] == "" || !d.has(t, names[i])) {
			t.Errorf("job %d was acknowledged and is not there", i)
		}
	}
	write(t, d, put("later"))
}

// TestImpatientCallers: a caller whose timeout has ended before its job runs changes nothing and disturbs nobody.
func TestImpatientCallers(t *testing.T) {
	each(t, func(t *testing.T, d *DB) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Write(gone, put("late")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled write: %v", err)
		}
		var wg sync.WaitGroup
		told := make([]error, 40)
		for i := range told {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
				defer cancel()
				if i%2 == 0 {
					ctx = t.Context()
				}
				told[i] = d.Write(ctx, put(fmt.Sprint("i", i)))
			})
		}
		wg.Wait()
		for i, err := range told {
			if i%2 == 0 && err != nil {
				t.Errorf("a patient writer: %v", err)
			}
			if err == nil && !d.has(t, fmt.Sprint("i", i)) {
				t.Errorf("write %d was acknowledged and is not there", i)
			}
		}
		if d.has(t, "late") {
			t.Error("a cancelled write is there")
		}
	})
}

// TestSwallowedError: a job that goes on after a statement failed is no worse for the others of its group. SQLite undoes
// the statement and knows the rest; PostgreSQL refuses whatever comes after it, so the job has failed.
func TestSwallowedError(t *testing.T) {
	each(t, func(t *testing.T, d *DB) {
		write(t, d, put("taken"))
		swallows := func(ctx context.Context, tx *Tx) error {
			if err := put("lost")(ctx, tx); err != nil {
				return err
			}
			if err := put("taken")(ctx, tx); err == nil {
				t.Error("a key was taken twice")
			}
			return nil
		}
		got := group(t, d, put("before"), swallows, put("after"))
		if got[0] != nil || got[2] != nil || !d.has(t, "before") || !d.has(t, "after") {
			t.Errorf("the others of the group: %v", got)
		}
		if (got[1] == nil) != d.has(t, "lost") || (got[1] == nil) == d.Postgres() {
			t.Errorf("the job itself: %v", got[1])
		}
	})
}

// TestNoUpdateIsLost: jobs that read a row and write it back, as every act on a record does, never undo one another, be it
// at another instance of the node. Without the writers' lock this fails on PostgreSQL, without their queue on SQLite.
func TestNoUpdateIsLost(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		dsn := filepath.Join(t.TempDir(), "records.db")
		noUpdateIsLost(t, opened(t, dsn))
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := dbtest.Postgres(t)
		one := opened(t, dsn)
		two, err := Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = two.Close() })
		noUpdateIsLost(t, one, two)
	})
}

func noUpdateIsLost(t *testing.T, instances ...*DB) {
	t.Helper()
	write(t, instances[0], put("shared"))
	var wg sync.WaitGroup
	for i := range 16 {
		d := instances[i%len(instances)]
		wg.Go(func() {
			for range 10 {
				err := d.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
					var n int64
					if err := tx.NewRaw("SELECT n FROM item WHERE name = 'shared'").Scan(ctx, &n); err != nil {
						return err
					}
					_, err := tx.NewRaw("UPDATE item SET n = ? WHERE name = 'shared'", n+1).Exec(ctx)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var n int64
	if err := instances[0].Read().NewRaw("SELECT n FROM item WHERE name = 'shared'").Scan(t.Context(), &n); err != nil || n != 161 {
		t.Errorf("after 160 updates of 1 there is %d (%v)", n, err)
	}
}

// TestDerivedHoldsUpNobody: while what is derived is written, records are written, too.
func TestDerivedHoldsUpNobody(t *testing.T) {
	for _, dsn := range []func() string{func() string { return filepath.Join(t.TempDir(), "records.db") }, func() string { return dbtest.Postgres(t) }} {
		dsn := dsn()
		d := opened(t, dsn)
		derived, err := OpenDerived(t.Context(), d, dsn, filepath.Join(t.TempDir(), "derived.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = derived.Close() })
		write(t, derived, func(ctx context.Context, _ *Tx) error { return d.Write(ctx, put("within")) })
	}
}

// TestPrepared: one text of a statement serves both databases, question marks within it too.
func TestPrepared(t *testing.T) {
	each(t, func(t *testing.T, d *DB) {
		write(t, d, func(ctx context.Context, tx *Tx) error {
			st, err := tx.Prepare(ctx, "INSERT INTO item (name, n) VALUES (?, ?)")
			if err != nil {
				return err
			}
			defer func() { _ = st.Close() }()
			for i := range 12 {
				if _, err := st.ExecContext(ctx, fmt.Sprint("p", i), i); err != nil {
					return err
				}
			}
			return nil
		})
		if !d.has(t, "p11") {
			t.Error("prepared rows are missing")
		}
		st, err := d.Read().Prepare(t.Context(), "SELECT 1")
		if st != nil {
			defer func() { _ = st.Close() }()
		}
		if !errors.Is(err, errs.ErrInternal) {
			t.Errorf("prepare outside a transaction: %v", err)
		}
	})
}

// TestScope: a scope without a department sees nothing, System and Oversight see all, a department sees its own.
func TestScope(t *testing.T) {
	each(t, func(t *testing.T, d *DB) {
		write(t, d, put("mine"))
		write(t, d, put("theirs"))
		write(t, d, put(""))
		for _, c := range []struct {
			sc   Scope
			want int
			owns bool
		}{
			{In("310000", "mine", "x"), 1, true},
			{In("310000", "other", "x"), 0, false},
			{In("310000", "' OR '1'='1", "x"), 0, false},
			{In("310000", "", "x"), 0, false},
			{Scope{}, 0, false},
			{Oversight("310000", "other", "x"), 3, true},
			{System("test"), 3, true},
		} {
			cond, args := c.sc.Where("name")
			var n int
			if err := d.Read().NewRaw("SELECT count(*) FROM item WHERE "+cond, args...).Scan(t.Context(), &n); err != nil || n != c.want {
				t.Errorf("%+v sees %d of 3 rows (%v), want %d", c.sc, n, err, c.want)
			}
			if c.sc.Owns("mine") != c.owns {
				t.Errorf("%+v: Owns is %v", c.sc, !c.owns)
			}
		}
	})
}
