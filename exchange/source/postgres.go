package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/support/policy"
)

type pgSource struct {
	pool *pgxpool.Pool
	spec Spec

	mu     sync.RWMutex
	tables map[string]*Table
}

func openPostgres(ctx context.Context, spec Spec) (Source, error) {
	cfg, err := pgxpool.ParseConfig(spec.Location)
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	cfg.MaxConns = int32(min(spec.MaxConns, 1000)) //nolint:gosec // bounded
	rp := cfg.ConnConfig.RuntimeParams
	rp["default_transaction_read_only"] = "on"
	rp["timezone"] = "UTC"
	rp["datestyle"] = "ISO"
	rp["intervalstyle"] = "iso_8601"
	rp["client_encoding"] = "UTF8"
	rp["standard_conforming_strings"] = "on"
	if rp["application_name"] == "" {
		rp["application_name"] = "kuayu"
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	s := &pgSource{pool: pool, spec: spec}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, ErrOpen.Because(err)
	}
	if _, err := s.Discover(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// Close implements Source.
func (s *pgSource) Close() error {
	s.pool.Close()
	return nil
}

// catalogue lists the columns this user may read. A domain is taken as its base type.
const catalogue = `SELECT n.nspname, c.relname, c.reltuples::int8, coalesce(obj_description(c.oid,'pg_class'),''),
 a.attname, a.attnotnull, coalesce(b.typname,t.typname), CASE WHEN t.typtype='d' THEN t.typtypmod ELSE a.atttypmod END,
 coalesce(col_description(c.oid,a.attnum),''),
 coalesce(co.collname IN ('C','POSIX','ucs_basic') OR co.collname='default' AND (SELECT d.datcollate IN ('C','POSIX') AND coalesce(to_jsonb(d)->>'datlocprovider','c')='c' FROM pg_database d WHERE d.datname=current_database()),false),
 coalesce(to_jsonb(co)->>'collisdeterministic'='false',false),
 CASE WHEN NOT has_table_privilege(c.oid,'SELECT') OR c.relkind NOT IN ('r','p','m') THEN '' WHEN c.relhassubclass OR c.relkind='p' THEN 't.tableoid,t.ctid' ELSE 't.ctid' END,
 n.nspname=current_schema()
 FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace
 JOIN pg_attribute a ON a.attrelid=c.oid AND a.attnum>0 AND NOT a.attisdropped
 JOIN pg_type t ON t.oid=a.atttypid LEFT JOIN pg_type b ON t.typtype='d' AND b.oid=t.typbasetype
 LEFT JOIN pg_collation co ON co.oid=a.attcollation
 WHERE c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition
 AND n.nspname NOT IN ('pg_catalog','information_schema') AND n.nspname !~ '^pg_(toast|temp)'
 AND has_schema_privilege(n.oid,'USAGE') AND has_column_privilege(c.oid,a.attnum,'SELECT')
 AND (cardinality($1::text[])=0 OR n.nspname=ANY($1::text[]))
 ORDER BY n.nspname, c.relname, a.attnum`

// uniques lists the unique indexes over columns that are never null, primary keys first. Indexes of a table that others
// inherit from say nothing of their rows.
const uniques = `SELECT n.nspname, c.relname, i.indisprimary, array_agg(a.attname::text ORDER BY k.o)
 FROM pg_index i JOIN pg_class c ON c.oid=i.indrelid JOIN pg_namespace n ON n.oid=c.relnamespace
 CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(n,o) JOIN pg_attribute a ON a.attrelid=c.oid AND a.attnum=k.n
 WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.o<=i.indnkeyatts
 AND (c.relkind='p' OR NOT c.relhassubclass) AND n.nspname NOT IN ('pg_catalog','information_schema') AND n.nspname !~ '^pg_(toast|temp)'
 AND (cardinality($1::text[])=0 OR n.nspname=ANY($1::text[]))
 GROUP BY i.indexrelid, n.nspname, c.relname, i.indisprimary, i.indnkeyatts HAVING bool_and(a.attnotnull)
 ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid`

// pgUnique is a unique index.
type pgUnique struct {
	primary bool
	items   []string
}

// uniques finds the unique indexes by the SQL name of their table.
func (s *pgSource) uniques(ctx context.Context, schemas []string) (map[string][]pgUnique, error) {
	rows, err := s.pool.Query(ctx, uniques, schemas)
	if err != nil {
		return nil, failed(ctx, err)
	}
	defer rows.Close()
	all := map[string][]pgUnique{}
	for rows.Next() {
		var schema, name string
		var u pgUnique
		if err := rows.Scan(&schema, &name, &u.primary, &u.items); err != nil {
			return nil, failed(ctx, err)
		}
		from := quote(schema) + "." + quote(name)
		all[from] = append(all[from], u)
	}
	return all, failed(ctx, rows.Err())
}

// order chooses the key of a table and what its pages are ordered by: the declared key if an index makes it unique, the
// primary key, another unique index, the place of the row; in a view, the declared key.
func (t *Table) order(declared string, indexes []pgUnique) error {
	if err := t.index(nil); err != nil {
		return err
	}
	var key, by []string
	for _, u := range indexes {
		if !t.orderedItems(u.items) {
			continue
		}
		if u.primary {
			key = u.items
		}
		if by == nil || (len(u.items) == 1 && u.items[0] == declared) {
			by = u.items
		}
	}
	if declared != "" {
		key = []string{declared}
	}
	if err := t.index(key); err != nil {
		return err
	}
	switch {
	case by != nil:
		t.pageBy(by)
		t.rowKey = ""
	case t.rowKey != "":
		t.pageBy(nil)
	default:
		t.loose = len(t.key) > 0
	}
	return nil
}

// Discover implements Source. A table outside the current schema is named schema.table.
func (s *pgSource) Discover(ctx context.Context) ([]Table, error) {
	schemas := s.spec.Schemas
	if schemas == nil {
		schemas = []string{}
	}
	rows, err := s.pool.Query(ctx, catalogue, schemas)
	if err != nil {
		return nil, failed(ctx, err)
	}
	known := make(map[string]*Table)
	for rows.Next() {
		var schema, name, comment, col, typ, colComment, place string
		var estimate int64
		var notNull, bytewise, fold, current bool
		var mod int32
		if err := rows.Scan(&schema, &name, &estimate, &comment, &col, &notNull, &typ, &mod, &colComment, &bytewise, &fold, &place, &current); err != nil {
			rows.Close()
			return nil, failed(ctx, err)
		}
		full := name
		if !current {
			full = schema + "." + name
		}
		t := known[full]
		if t == nil {
			t = &Table{Name: full, Comment: comment, Rows: max(estimate, -1), from: quote(schema) + "." + quote(name), rowKey: place}
			known[full] = t
		}
		c := pgColumn(col, typ, mod, bytewise)
		c.Nullable, c.Comment, c.fold = !notNull, colComment, fold
		t.Columns = append(t.Columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, failed(ctx, err)
	}
	indexes, err := s.uniques(ctx, schemas)
	if err != nil {
		return nil, err
	}
	for name, t := range known {
		if err := t.order(s.spec.Key[name], indexes[t.from]); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.tables = known
	s.mu.Unlock()
	return listTables(known), nil
}

func pgColumn(name, typ string, mod int32, bytewise bool) Column {
	q := quote(name)
	c := Column{Name: name, Native: typ, expr: q, sel: q}
	asText := func() { c.expr += "::text"; c.sel = c.expr }
	switch typ {
	case "int2", "int4", "int8":
		c.kind = kInt
	case "oid":
		c.kind = kInt
		c.expr += "::int8"
		c.sel = c.expr
	case "float4":
		c.kind = kFloat
		c.expr += "::float8"
		c.sel = c.expr
	case "float8":
		c.kind = kFloat
	case "bool":
		c.kind = kBool
	case "date":
		c.kind = kDate
	case "timestamp", "timestamptz":
		c.kind = kTime
	case "bytea":
		c.kind = kBinary
	case "numeric":
		c.kind = kNumeric
		c.sel += "::text"
		if mod >= 4 {
			p, sc := (mod-4)>>16&0xffff, (mod-4)&0x7ff
			if p >= 1 && p <= 38 && sc <= p {
				c.kind, c.Type = kDecimal, &arrow.Decimal128Type{Precision: p, Scale: sc}
				return c
			}
		}
	case "text", "varchar":
		c.raw = bytewise
	case "bpchar":
		c.char = true
		asText()
	case "uuid":
		c.uuid, c.raw = true, true
		c.sel += "::text"
	default:
		asText()
	}
	c.Type = c.kind.arrow()
	return c
}

func (s *pgSource) table(name string) (*Table, error) {
	s.mu.RLock()
	t := s.tables[name]
	s.mu.RUnlock()
	if t == nil {
		return nil, ErrUnknownTable.With(name)
	}
	return t, nil
}

// Sample implements Source.
func (s *pgSource) Sample(ctx context.Context, table string, n int) (arrow.RecordBatch, error) {
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

// Read implements Source.
func (s *pgSource) Read(ctx context.Context, table string, q policy.Plan) (array.RecordReader, error) {
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

func (s *pgSource) read(ctx context.Context, r *request) (array.RecordReader, error) {
	q := compileSQL(r, true)
	// Cancelling breaks the connection: cheaper than to receive the rest when a reader is released early.
	qctx, cancel := context.WithCancel(ctx)
	args := make([]any, 0, len(q.args)+1)
	args = append(append(args, pgx.QueryResultFormats{pgx.BinaryFormatCode}), q.args...)
	rows, err := s.pool.Query(qctx, q.sql, args...)
	if err != nil {
		cancel()
		return nil, pgFailed(ctx, err)
	}
	schema := r.schema()
	rd := &pgRows{ctx: ctx, r: r, q: q, rows: rows, b: columnar.NewBuilder(schema), keys: make([][]byte, len(q.keyAt))}
	// The first batch is read at once, so that errors of the statement are errors of Read.
	rec, last, err := rd.next()
	if err != nil {
		cancel()
		rows.Close()
		return nil, err
	}
	first := true
	next := func() (arrow.RecordBatch, string, error) {
		if first {
			first = false
			out := rec
			rec = nil
			return out, last, nil
		}
		return rd.next()
	}
	return newReader(schema, next, func() {
		if rec != nil {
			rec.Release()
		}
		if !rd.done {
			cancel()
		}
		rows.Close()
		cancel()
	}), nil
}

func pgFailed(ctx context.Context, err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == "22003" {
		return ErrOverflow.Because(err)
	}
	return failed(ctx, err)
}

type pgRows struct {
	ctx  context.Context //nolint:containedctx // a reader outlives the call that made it
	r    *request
	q    query
	rows pgx.Rows
	b    *columnar.Builder
	keys [][]byte // of the last row; the driver reuses its buffers
	done bool

	given int64
}

func (p *pgRows) next() (arrow.RecordBatch, string, error) {
	if p.done {
		return nil, "", nil
	}
	n := 0
	for n < BatchRows {
		if !p.rows.Next() {
			p.done = true
			if err := p.rows.Err(); err != nil {
				return nil, "", pgFailed(p.ctx, err)
			}
			break
		}
		raw := p.rows.RawValues()
		if p.r.ahead() > 0 {
			ok, err := p.checkKey(raw)
			if err != nil {
				return nil, "", err
			}
			if !ok {
				p.enough()
				break
			}
		}
		for i := range p.r.outs {
			if !putPG(p.b.Column(i), &p.r.outs[i], raw[i]) {
				return nil, "", ErrBadData.With(p.r.t.Name, p.r.outs[i].name)
			}
		}
		for i, at := range p.q.keyAt {
			if raw[at] == nil {
				return nil, "", ErrBadData.With(p.r.t.Name, p.r.keyName(i))
			}
			p.keys[i] = append(p.keys[i][:0], raw[at]...)
		}
		n++
		p.given++
		if n&15 == 0 && p.b.Size() > BatchBytes {
			break
		}
	}
	if n == 0 {
		return nil, "", nil
	}
	last, err := p.key()
	if err != nil {
		return nil, "", err
	}
	return p.b.FinishRows(n), last, nil
}

// checkKey checks the key of the next row of a table whose key is only declared; false when it is one more than asked for.
func (p *pgRows) checkKey(raw [][]byte) (bool, error) {
	same := p.given > 0
	for i, at := range p.q.keyAt {
		if raw[at] == nil {
			return false, ErrKey.With(p.r.t.Name, p.r.keyName(i))
		}
		same = same && bytes.Equal(raw[at], p.keys[i])
	}
	if same {
		return false, ErrKey.With(p.r.t.Name, p.r.keyName(0))
	}
	return p.r.limit == 0 || p.given < p.r.limit, nil
}

// enough ends the read at the row that was read ahead, which is the last of the statement.
func (p *pgRows) enough() {
	p.done = true
	p.rows.Close()
}

func (p *pgRows) key() (string, error) {
	if len(p.keys) == 0 {
		return "", nil
	}
	if len(p.r.t.key) == 0 {
		return string(p.keys[0]), nil
	}
	parts := make([]string, len(p.keys))
	for i, b := range p.keys {
		ok := true
		switch p.r.t.Columns[p.r.t.key[i]].kind {
		case kInt:
			var v int64
			v, ok = pgInt(b)
			parts[i] = strconv.FormatInt(v, 10)
		case kDate:
			var v int32
			v, ok = pgDate(b)
			parts[i] = dateText(int64(v))
		case kTime:
			var v int64
			v, ok = pgTime(b)
			parts[i] = timeText(v)
		case kText, kDecimal, kNumeric, kFloat, kBool, kBinary:
			parts[i] = string(b)
		}
		if !ok {
			return "", ErrBadData.With(p.r.t.Name, p.r.keyName(i))
		}
	}
	return joinKey(parts), nil
}

func pgInt(b []byte) (int64, bool) {
	switch len(b) {
	case 8:
		return int64(binary.BigEndian.Uint64(b)), true //nolint:gosec // the wire form
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), true //nolint:gosec // the wire form
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b))), true //nolint:gosec // the wire form
	}
	return 0, false
}

// pgDate: PostgreSQL counts from 2000-01-01; the extremes are the infinities.
func pgDate(b []byte) (int32, bool) {
	if len(b) != 4 {
		return 0, false
	}
	d := int32(binary.BigEndian.Uint32(b)) //nolint:gosec // the wire form
	if d == math.MaxInt32 || d == math.MinInt32 {
		return 0, false
	}
	return d + 10957, true
}

func pgTime(b []byte) (int64, bool) {
	if len(b) != 8 {
		return 0, false
	}
	v := int64(binary.BigEndian.Uint64(b)) //nolint:gosec // the wire form
	if v == math.MaxInt64 || v == math.MinInt64 {
		return 0, false
	}
	return v + 946_684_800_000_000, true
}

// putPG appends a value in PostgreSQL's binary form; false if it doesn't fit the kind.
func putPG(c *columnar.Column, o *out, b []byte) bool {
	if b == nil {
		c.Null()
		return true
	}
	switch o.kind {
	case kText, kNumeric:
		if len(b) > maxCell || !utf8.Valid(b) {
			return false
		}
		c.Bytes(b)
		return true
	case kBinary:
		c.Bytes(b)
		return len(b) <= maxCell
	case kInt:
		v, ok := pgInt(b)
		if ok {
			c.Int64(v)
		}
		return ok
	case kFloat:
		if len(b) != 8 {
			return false
		}
		c.Float64(math.Float64frombits(binary.BigEndian.Uint64(b)))
		return true
	case kBool:
		if len(b) != 1 {
			return false
		}
		c.Bool(b[0] != 0)
		return true
	case kDate:
		v, ok := pgDate(b)
		if ok {
			c.Int32(v)
		}
		return ok
	case kTime:
		v, ok := pgTime(b)
		if ok {
			c.Int64(v)
		}
		return ok
	case kDecimal:
		d, ok := decimalOf(string(b), o.typ)
		if ok {
			c.Decimal(d)
		}
		return ok
	}
	return false
}

// decimalOf scales exact decimal text to the type; false if it doesn't fit without loss.
func decimalOf(s string, t arrow.DataType) (decimal128.Num, bool) {
	dt, ok := t.(*arrow.Decimal128Type)
	if !ok || !plainNumber(s) {
		return decimal128.Num{}, false
	}
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) > int(dt.Scale) {
		return decimal128.Num{}, false
	}
	v, ok := bigText(whole + frac + strings.Repeat("0", int(dt.Scale)-len(frac)))
	if !ok || v.BitLen() > 126 {
		return decimal128.Num{}, false
	}
	d := decimal128.FromBigInt(v)
	return d, d.FitsInPrecision(dt.Precision)
}
