// Package db opens the record database: SQLite by default, PostgreSQL by DSN, one code for both.
//
// Transactions are explicit: what changes state takes a *Tx, so that several packages can change together. Store methods
// take a Scope (invariant 9). There is one writer at a time on either database, and it commits for everybody: functions
// that arrive while a commit is being flushed share the next one, each in its own savepoint.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the "sqlite" driver

	"github.com/kuayu/kuayu/internal/errs"
)

// The errors of this package.
var (
	ErrUnavailable = errs.Define(errs.Unavailable, "db.unavailable", "数据库暂时不可用，请稍后重试。", "The database is not available; try again later.")
	ErrNotFound    = errs.Define(errs.NotFound, "db.not_found", "没有找到，或您无权查看。", "Not found, or not yours to see.")
	ErrNewer       = errs.Define(errs.Precondition, "db.newer", "数据库由更新版本的程序写过，请升级后再启动。", "The database was written by a newer program; upgrade before starting.")
)

// DB is an open record database. Safe for concurrent use.
type DB struct {
	read, write *bun.DB
	postgres    bool
	lock        int64 // PostgreSQL's advisory lock for writers

	mu      sync.Mutex // guards queue
	queue   []*job
	writing sync.Mutex // held by the one committing
}

// Tx is one transaction. It embeds bun.IDB for queries.
type Tx struct {
	bun.IDB
	loose bool // no transaction: each statement is one of its own
	after []func()
}

// OnCommit runs f after the transaction is durable; never if it rolls back. Outside of a transaction, what was said before
// is durable already: f runs at once.
func (t *Tx) OnCommit(f func()) {
	if t.loose {
		f()
		return
	}
	t.after = append(t.after, f)
}

// Prepare prepares a statement with ? placeholders inside the transaction, for many rows.
func (t *Tx) Prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	b, ok := t.IDB.(bun.Tx)
	if !ok {
		return nil, errs.ErrInternal.Because(errors.New("prepare outside a transaction"))
	}
	if _, isPG := b.Dialect().(*pgdialect.Dialect); isPG {
		query = numbered(query)
	}
	return b.PrepareContext(ctx, query)
}

// numbered turns ? placeholders into PostgreSQL's $1, $2 ….
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// The names of PostgreSQL's advisory locks for writers: of records, and of what is derived from them. The two never touch
// one table, as they are two files on SQLite; a projection that catches up holds up nobody's act.
const (
	writerLock  = 0x6b756179 // "kuay"
	derivedLock = 0x6b756164 // "kuad"
)

// groupTimeout bounds a group's transaction, which outlives the timeout of any one caller. A lone caller has its own.
const groupTimeout = time.Minute

type job struct {
	ctx  context.Context //nolint:containedctx // the timeout of the caller travels with its job
	f    func(context.Context, *Tx) error
	err  error
	tx   *Tx
	done chan struct{}
}

// Open opens the database. dsn is "postgres://…" or the path of a SQLite file.
func Open(ctx context.Context, dsn string) (*DB, error) {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		c, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, ErrUnavailable.Because(err)
		}
		// Bun writes the values into the text, so hardly a text comes twice: to prepare each would cost a round trip more, and
		// fill the server's memory with plans that nobody asks for again. What is worth preparing goes through Tx.Prepare.
		c.DefaultQueryExecMode = pgx.QueryExecModeExec
		s := stdlib.OpenDB(*c)
		s.SetMaxOpenConns(16)
		s.SetMaxIdleConns(8) // a connection is a process of the server: two would be made anew all the time
		b := bun.NewDB(s, pgdialect.New())
		if err := b.PingContext(ctx); err != nil {
			return nil, ErrUnavailable.Because(err)
		}
		// One column type name for both databases.
		if _, err := b.ExecContext(ctx, `DO $$ BEGIN CREATE DOMAIN blob AS bytea; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`); err != nil {
			return nil, ErrUnavailable.Because(err)
		}
		return &DB{read: b, write: b, postgres: true, lock: writerLock}, nil
	}
	return openSQLite(ctx, dsn, "FULL")
}

// OpenDerived opens a database for what can be rebuilt from elsewhere. Beside a SQLite record database it is a file of
// its own whose commits are not flushed one by one: a power loss may take the last of them, never the file's
// consistency. On PostgreSQL it is the record database itself.
func OpenDerived(ctx context.Context, records *DB, dsn, path string) (*DB, error) {
	if records.postgres {
		d, err := Open(ctx, dsn)
		if err == nil {
			d.lock = derivedLock
		}
		return d, err
	}
	return openSQLite(ctx, path, "NORMAL")
}

// openSQLite keeps temporary tables and journals of statements in memory: on disk they would hold pages of records that
// nothing erases, and cost writes. A connection keeps few pages of its own: the system's cache, which all of them share, has
// the rest.
func openSQLite(ctx context.Context, dsn, synchronous string) (*DB, error) {
	pragmas := "?_pragma=journal_mode(WAL)&_pragma=synchronous(" + synchronous + ")&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)"
	w, err := sql.Open("sqlite", "file:"+dsn+pragmas+"&_pragma=cache_size(-8000)&_txlock=immediate")
	if err != nil {
		return nil, ErrUnavailable.Because(err)
	}
	w.SetMaxOpenConns(1)
	r, err := sql.Open("sqlite", "file:"+dsn+pragmas+"&_pragma=cache_size(-4000)")
	if err != nil {
		return nil, ErrUnavailable.Because(err)
	}
	r.SetMaxOpenConns(4)
	d := &DB{read: bun.NewDB(r, sqlitedialect.New()), write: bun.NewDB(w, sqlitedialect.New())}
	if err := d.write.PingContext(ctx); err != nil {
		return nil, ErrUnavailable.Because(err)
	}
	return d, nil
}

// Postgres reports which of the two databases this is.
func (d *DB) Postgres() bool { return d.postgres }

// Read returns a handle for queries outside a transaction.
func (d *DB) Read() *Tx { return &Tx{IDB: d.read, loose: true} }

// Close closes all connections.
func (d *DB) Close() error {
	if d.postgres {
		return d.read.Close()
	}
	return errors.Join(d.read.Close(), d.write.Close())
}

// Write runs f in a transaction and returns when it is durable. f must not touch the world outside tx: it may be
// rolled back after it returned nil, if the commit fails.
func (d *DB) Write(ctx context.Context, f func(context.Context, *Tx) error) error {
	j := &job{ctx: ctx, f: f, done: make(chan struct{})}
	d.mu.Lock()
	d.queue = append(d.queue, j)
	d.mu.Unlock()
	d.writing.Lock()
	select {
	case <-j.done: // somebody else committed for us
		d.writing.Unlock()
	default:
		d.mu.Lock()
		batch := d.queue
		d.queue = nil
		d.mu.Unlock()
		d.commit(batch)
		d.writing.Unlock()
	}
	return finish(j.err, j.tx)
}

func finish(err error, tx *Tx) error {
	if err != nil {
		return err
	}
	for _, f := range tx.after {
		f()
	}
	return nil
}

// commit runs a group of jobs in one transaction and closes their done channels.
func (d *DB) commit(batch []*job) {
	defer func() {
		for _, j := range batch {
			close(j.done)
		}
	}()
	ctx, cancel := d.timeout(batch)
	defer cancel()
	b, err := d.begin(ctx)
	if err != nil {
		fail(batch, err)
		return
	}
	if len(batch) == 1 { // nobody else's rows to keep: the transaction itself is undone, which spares the savepoint's journal
		j := batch[0]
		j.tx = &Tx{IDB: b}
		if j.err = j.ctx.Err(); j.err == nil {
			j.err = contained(ctx, j.tx, j.f)
		}
		if j.err != nil {
			if err := b.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) { // done: its caller's timeout had passed
				j.err = errors.Join(j.err, err)
			}
			return
		}
	} else if err := runEach(ctx, b, batch); err != nil { // what the transaction holds is not known any more
		_ = b.Rollback()
		fail(batch, ErrUnavailable.Because(err))
		return
	}
	if err := b.Commit(); err != nil {
		_ = b.Rollback()
		fail(batch, ErrUnavailable.Because(err))
	}
}

// timeout is how long a group may take.
func (d *DB) timeout(batch []*job) (context.Context, context.CancelFunc) {
	switch {
	case !d.postgres: // a file: it answers
		return context.WithoutCancel(batch[0].ctx), func() {}
	case len(batch) == 1:
		return batch[0].ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(batch[0].ctx), groupTimeout)
}

// begin begins the transaction of the one writer. Packages read a row, change it and write it back: on PostgreSQL the other
// instances of a node wait for this lock; it ends with the transaction, and what it showed is read after it was got.
func (d *DB) begin(ctx context.Context) (bun.Tx, error) {
	b, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return b, ErrUnavailable.Because(err)
	}
	if d.postgres {
		if _, err := b.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", d.lock); err != nil {
			_ = b.Rollback()
			return b, ErrUnavailable.Because(err)
		}
	}
	return b, nil
}

// runEach runs the jobs of a group, each in a savepoint. What fails within one is its job's failure; an error says that a
// savepoint is lost, and the group with it. One savepoint is let go and the next one made by one message: on PostgreSQL
// each is a round trip.
func runEach(ctx context.Context, b bun.Tx, batch []*job) error {
	const release, save, undo = "RELEASE SAVEPOINT one", "SAVEPOINT one", "ROLLBACK TO SAVEPOINT one"
	var before *job // whose savepoint is still there
	// next takes leave of the job before. On PostgreSQL it fails if a statement of it did and it went on all the same: then
	// that job is undone, and its savepoint serves the next.
	next := func(and string) error {
		first := release + and
		if before == nil {
			first = strings.TrimPrefix(and, "; ")
		}
		if first == "" {
			return nil
		}
		_, err := b.ExecContext(ctx, first)
		if err == nil || before == nil || before.err != nil {
			return err
		}
		before.err = err
		_, err = b.ExecContext(ctx, undo)
		return err
	}
	for _, j := range batch {
		j.tx = &Tx{IDB: b}
		if j.err = j.ctx.Err(); j.err != nil {
			continue
		}
		if err := next("; " + save); err != nil {
			return err
		}
		before = j
		if j.err = contained(ctx, j.tx, j.f); j.err != nil {
			if _, err := b.ExecContext(ctx, undo); err != nil {
				return err
			}
		}
	}
	return next("")
}

// contained runs f and turns a panic into an error: it undoes one transaction, not the node.
func contained(ctx context.Context, tx *Tx, f func(context.Context, *Tx) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errs.ErrInternal.Because(fmt.Errorf("panic in transaction: %v", r))
		}
	}()
	return f(ctx, tx)
}

func fail(batch []*job, err error) {
	for _, j := range batch {
		if j.err == nil {
			j.err = err
		}
	}
}

// Migrate brings the tables of one package up to date. The folder of files holds goose SQL files; each package has its own
// version table.
func (d *DB) Migrate(ctx context.Context, pkg string, files fs.FS, folder string) error {
	dir, err := fs.Sub(files, folder)
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", pkg, err)
	}
	dialect := goose.DialectSQLite3
	if d.postgres {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, d.write.DB, dir, goose.WithTableName("goose_"+pkg), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations of %s: %w", pkg, err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", pkg, err)
	}
	return nil
}

// One maps "no rows" to ErrNotFound and leaves other errors alone.
func One(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound.With()
	}
	return err
}
