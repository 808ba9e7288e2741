package source

import (
	"container/list"
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"modernc.org/sqlite"

	"github.com/kuayu/kuayu/support/policy"
)

// timeFunc is the SQL function that reads a timestamp as microseconds.
const timeFunc = "kuayu_time_us"

// stmtsPerConn bounds the prepared statements of one connection.
const stmtsPerConn = 256

// sqliteSource works on the driver directly: database/sql would prepare anew whenever a statement meets another
// connection, and start a goroutine per query.
type sqliteSource struct {
	drv  *sqlite.Driver
	dsn  string
	spec Spec

	mu     sync.RWMutex
	tables map[string]*Table

	free  chan *sqliteConn // idle connections
	slots chan struct{}    // one token per connection that may still be opened
	done  chan struct{}    // closed by Close
	once  sync.Once
}

// sqliteConn is one connection and its prepared statements, least recently used last.
type sqliteConn struct {
	driver.Conn
	stmts map[string]*list.Element
	lru   *list.List

	handle uintptr
}

type sqliteStmt struct {
	driver.StmtQueryContext
	close func() error
	text  string

	table  *Table        // whose schema the text was compiled against
	schema *arrow.Schema // of the answer, where the text determines it
}

func openSQLite(ctx context.Context, spec Spec) (Source, error) {
	path, err := filepath.Abs(spec.Location)
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.IsDir() {
		if err == nil {
			err = errors.New("a folder")
		}
		return nil, ErrOpen.Because(err)
	}
	drv := &sqlite.Driver{}
	err = drv.RegisterDeterministicScalarFunction(timeFunc, 1, func(_ *sqlite.FunctionContext, a []driver.Value) (driver.Value, error) {
		switch v := a[0].(type) {
		case string:
			if us, ok := parseTime(v); ok {
				return us, nil
			}
		}
		return nil, nil //nolint:nilnil // SQL null: no such moment
	})
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	u := url.URL{Scheme: "file", Path: path, OmitHost: true, RawQuery: "mode=ro&_dqs=0&_defensive=1&_pragma=query_only(1)&_pragma=busy_timeout(5000)&_pragma=cell_size_check(1)&_pragma=trusted_schema(0)&_pragma=cache_size(-16384)"}
	s := &sqliteSource{drv: drv, dsn: u.String(), spec: spec, free: make(chan *sqliteConn, spec.MaxConns), slots: make(chan struct{}, spec.MaxConns), done: make(chan struct{})}
	for range spec.MaxConns {
		s.slots <- struct{}{}
	}
	if _, err := s.Discover(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Close frees the idle connections; those in use are freed when their reader is released.
func (s *sqliteSource) Close() error {
	s.once.Do(func() { close(s.done) })
	for {
		select {
		case c := <-s.free:
			c.shut()
		default:
			return nil
		}
	}
}

func (s *sqliteSource) conn(ctx context.Context) (*sqliteConn, error) {
	select {
	case <-s.done:
		return nil, ErrClosed.With()
	default:
	}
	select {
	case c := <-s.free:
		return c, nil
	default:
	}
	select {
	case c := <-s.free:
		return c, nil
	case <-s.slots:
		c, err := s.drv.Open(s.dsn)
		if err != nil {
			s.slots <- struct{}{}
			return nil, ErrOpen.Because(err)
		}
		return &sqliteConn{Conn: c, stmts: make(map[string]*list.Element), lru: list.New(), handle: handle(c)}, nil
	case <-s.done:
		return nil, ErrClosed.With()
	case <-ctx.Done():
		return nil, ErrStopped.Because(ctx.Err())
	}
}

// give returns a connection to the pool; a broken one is closed.
func (s *sqliteSource) give(c *sqliteConn, broken bool) {
	select {
	case <-s.done:
		broken = true
	default:
	}
	if broken {
		c.shut()
		s.slots <- struct{}{}
		return
	}
	s.free <- c
	select {
	case <-s.done: // Close may have drained just before
		_ = s.Close()
	default:
	}
}

func (c *sqliteConn) shut() {
	for e := c.lru.Front(); e != nil; e = e.Next() {
		if st, ok := e.Value.(*sqliteStmt); ok {
			_ = st.close()
		}
	}
	_ = c.Close()
}

// prepare finds the statement or makes it.
func (c *sqliteConn) prepare(ctx context.Context, text string) (*sqliteStmt, error) {
	if e, ok := c.stmts[text]; ok {
		c.lru.MoveToFront(e)
		st, _ := e.Value.(*sqliteStmt)
		return st, nil
	}
	p, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, errors.New("driver can't prepare")
	}
	ds, err := p.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	q, ok := ds.(driver.StmtQueryContext)
	if !ok {
		_ = ds.Close()
		return nil, errors.New("driver can't query")
	}
	st := &sqliteStmt{StmtQueryContext: q, close: ds.Close, text: text}
	c.stmts[text] = c.lru.PushFront(st)
	if c.lru.Len() > stmtsPerConn {
		old := c.lru.Back()
		c.lru.Remove(old)
		if o, ok := old.Value.(*sqliteStmt); ok {
			delete(c.stmts, o.text)
			_ = o.close()
		}
	}
	return st, nil
}

// all runs a catalogue query and calls f per row.
func (c *sqliteConn) all(ctx context.Context, text string, f func(row []driver.Value), args ...any) error {
	st, err := c.prepare(ctx, text)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, named(args))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(row); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		f(row)
	}
}

func named(args []any) []driver.NamedValue {
	if len(args) == 0 {
		return nil
	}
	n := make([]driver.NamedValue, len(args))
	for i, a := range args {
		n[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return n
}

// Discover implements Source.
func (s *sqliteSource) Discover(ctx context.Context) ([]Table, error) {
	c, err := s.conn(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := s.discover(ctx, c)
	s.give(c, err != nil)
	if err != nil {
		return nil, failed(ctx, err)
	}
	known := make(map[string]*Table, len(tables))
	for _, t := range tables {
		known[t.Name] = t
	}
	s.mu.Lock()
	s.tables = known
	s.mu.Unlock()
	return listTables(known), nil
}

func listTables(m map[string]*Table) []Table {
	l := make([]Table, 0, len(m))
	for _, t := range m {
		l = append(l, *t)
	}
	sort.Slice(l, func(i, j int) bool { return l[i].Name < l[j].Name })
	return l
}

func text(v driver.Value) string {
	switch x := v.(type) {
	case string:
		return x
	case []byte:
		return string(x)
	}
	return ""
}

func number(v driver.Value) int64 {
	i, _ := v.(int64)
	return i
}

func (s *sqliteSource) discover(ctx context.Context, c *sqliteConn) ([]*Table, error) {
	var tables []*Table
	err := c.all(ctx, `SELECT name, type, wr FROM pragma_table_list WHERE schema='main' AND type IN ('table','view','virtual') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`, func(r []driver.Value) {
		t := &Table{Name: text(r[0]), Rows: -1, from: quote(text(r[0]))}
		if text(r[1]) != "view" && number(r[2]) == 0 {
			t.rowKey = "_rowid_"
		}
		tables = append(tables, t)
	})
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if err := s.describe(ctx, c, t); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func (s *sqliteSource) describe(ctx context.Context, c *sqliteConn, t *Table) error {
	type part struct {
		name    string
		at      int64
		notNull bool
	}
	var pk []part
	err := c.all(ctx, `SELECT name, upper(type), "notnull", pk, hidden FROM pragma_table_xinfo(?)`, func(r []driver.Value) {
		if number(r[4]) == 1 {
			return // hidden column of a virtual table
		}
		t.Columns = append(t.Columns, sqliteColumn(text(r[0]), text(r[1]), number(r[2]) == 0 && number(r[3]) == 0))
		if n := number(r[3]); n > 0 {
			pk = append(pk, part{text(r[0]), n, number(r[2]) != 0})
		}
	}, t.Name)
	if err != nil {
		return err
	}
	sort.Slice(pk, func(i, j int) bool { return pk[i].at < pk[j].at })
	primary := make([]string, 0, len(pk))
	nullable := 0
	for _, p := range pk {
		primary = append(primary, p.name)
		if !p.notNull && t.rowKey != "" {
			nullable++
		}
	}
	if err := t.index(nil); err != nil {
		return err
	}
	if !t.orderedItems(primary) {
		primary = nil
	}
	key := primary
	if k := s.spec.Key[t.Name]; k != "" {
		key = []string{k}
	}
	if err := t.index(key); err != nil {
		return err
	}
	if t.rowKey != "" {
		t.rowKey = rowidName(t)
	}
	s.order(ctx, c, t, primary, nullable)
	if t.rowKey != "" || len(t.Key) > 0 {
		s.estimate(ctx, c, t)
	}
	return nil
}

// order chooses what pages are ordered by: the primary key if it is sure to be unique, else the row number, else the
// primary key of a table without one; in a view, the declared key.
func (s *sqliteSource) order(ctx context.Context, c *sqliteConn, t *Table, primary []string, nullable int) {
	exact := len(primary) > 0 && nullable <= 1
	for _, p := range primary {
		// A converted value may be that of two rows.
		exact = exact && t.Columns[t.byName[p]].expr == quote(p)
	}
	if exact && nullable > 0 {
		// SQLite takes nulls in primary keys, any number of them. One that is added later fails a read that ends at it.
		exact = len(primary) == 1
		_ = c.all(ctx, "SELECT 1 FROM "+t.from+" WHERE "+quote(primary[0])+" IS NULL LIMIT 1", func([]driver.Value) { exact = false })
	}
	switch {
	case exact:
		t.pageBy(primary)
		t.rowKey = ""
	case t.rowKey != "":
		t.pageBy(nil)
	default:
		if len(primary) > 0 {
			t.pageBy(primary)
		}
		t.loose = len(t.key) > 0
	}
}

// rowidName picks a name of the implicit row number that no column hides.
func rowidName(t *Table) string {
	for _, n := range []string{"_rowid_", "rowid", "oid"} {
		hidden := false
		for _, c := range t.Columns {
			hidden = hidden || strings.EqualFold(c.Name, n)
		}
		if !hidden {
			return n
		}
	}
	return ""
}

// estimate takes the statistics of ANALYZE, or else the greatest row number, which costs one seek.
func (s *sqliteSource) estimate(ctx context.Context, c *sqliteConn, t *Table) {
	_ = c.all(ctx, `SELECT stat FROM sqlite_stat1 WHERE tbl=? LIMIT 1`, func(r []driver.Value) {
		n, _, _ := strings.Cut(text(r[0]), " ")
		if v, ok := num(n); ok {
			t.Rows = int64(v)
		}
	}, t.Name)
	if t.Rows >= 0 {
		return
	}
	if name := rowidName(t); name != "" {
		// Fails for tables without row numbers, which leaves the estimate unknown.
		_ = c.all(ctx, "SELECT max("+name+") FROM "+t.from, func(r []driver.Value) { t.Rows = number(r[0]) })
	}
}

// sqliteColumn maps a declared type by SQLite's own rules of affinity, dates and booleans first.
func sqliteColumn(name, decl string, nullable bool) Column {
	c := Column{Name: name, Native: strings.ToLower(decl), Nullable: nullable, expr: quote(name), sel: quote(name)}
	base, _, _ := strings.Cut(decl, "(")
	base = strings.TrimSpace(base)
	has := func(s ...string) bool {
		for _, w := range s {
			if strings.Contains(base, w) {
				return true
			}
		}
		return false
	}
	switch {
	case base == "DATE":
		c.kind, c.sel = kDate, "+"+c.expr // the plus hides the declared type, so the driver leaves the text alone
	case strings.HasPrefix(base, "TIMESTAMP") || base == "DATETIME":
		c.kind, c.sel, c.expr = kTime, "+"+c.expr, timeFunc+"("+c.expr+")"
	case has("BOOL"):
		c.kind = kBool
	case has("INT"):
		c.kind = kInt
	case has("CHAR", "CLOB", "TEXT", "STRING", "JSON", "UUID"):
		c.kind = kText
		if !has("CHAR", "CLOB", "TEXT") { // numeric affinity would compare as numbers
			c.expr = "CAST(" + c.expr + " AS TEXT)"
			c.sel = c.expr
		}
	case has("BLOB"):
		c.kind = kBinary
	case has("REAL", "FLOA", "DOUB", "NUM", "DEC"):
		c.kind = kFloat
	default:
		c.kind = kText
		c.expr = "CAST(" + c.expr + " AS TEXT)"
		c.sel = c.expr
	}
	c.Type = c.kind.arrow()
	return c
}

func (s *sqliteSource) table(name string) (*Table, error) {
	s.mu.RLock()
	t := s.tables[name]
	s.mu.RUnlock()
	if t == nil {
		return nil, ErrUnknownTable.With(name)
	}
	return t, nil
}

// Sample implements Source.
func (s *sqliteSource) Sample(ctx context.Context, table string, n int) (arrow.RecordBatch, error) {
	t, err := s.table(table)
	if err != nil {
		return nil, err
	}
	r, err := bind(t, &policy.Plan{})
	if err != nil {
		return nil, err
	}
	r.limit = int64(min(max(n, 1), BatchRows))
	return one(s.read(ctx, r))
}

// one takes the first batch of a reader, or an empty one.
func one(r array.RecordReader, err error) (arrow.RecordBatch, error) {
	if err != nil {
		return nil, err
	}
	defer r.Release()
	if r.Next() {
		rec := r.RecordBatch()
		rec.Retain()
		return rec, nil
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return emptyBatch(r.Schema()), nil
}

// Read implements Source.
func (s *sqliteSource) Read(ctx context.Context, table string, q policy.Plan) (array.RecordReader, error) {
	t, err := s.table(table)
	if err != nil {
		return nil, err
	}
	r, err := bind(t, &q)
	if err != nil {
		return nil, err
	}
	return s.read(ctx, r)
}
