package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/support/policy"
)

// fileSource reads CSV and Parquet files. Each file is a table.
type fileSource struct {
	spec Spec

	mu     sync.RWMutex
	tables map[string]*fileTable
	closed bool
}

type fileTable struct {
	Table
	path string
	csv  *csvForm // nil for Parquet
}

// scanner gives the pieces of a file in order; nil at the end.
type scanner interface {
	next(ctx context.Context) (*chunk, error)
	report() Report
	close()
}

func (s *Spec) bounds() {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&s.MaxFieldBytes, 1<<20)
	def(&s.MaxLineBytes, 8<<20)
	def(&s.MaxColumns, 2048)
	def(&s.SampleRows, 10_000)
	if s.MaxFileBytes <= 0 {
		s.MaxFileBytes = 16 << 30
	}
	if s.MaxHeldBytes <= 0 {
		s.MaxHeldBytes = 256 << 20
	}
}

func openFile(ctx context.Context, spec Spec) (Source, error) {
	spec.bounds()
	s := &fileSource{spec: spec}
	if _, err := s.Discover(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Close implements Source.
func (s *fileSource) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.tables = true, nil
	return nil
}

// tableName is the base name of a file without its endings; empty if this is no file we read.
func tableName(path string) (name, ext string) {
	base := filepath.Base(path)
	low := strings.ToLower(base)
	for _, e := range []string{".csv.gz", ".tsv.gz", ".csv", ".tsv", ".parquet"} {
		if strings.HasSuffix(low, e) && len(base) > len(e) && base[0] != '.' {
			return base[:len(base)-len(e)], e
		}
	}
	return "", ""
}

// Discover implements Source.
func (s *fileSource) Discover(ctx context.Context) ([]Table, error) {
	fi, err := os.Stat(s.spec.Location)
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	paths := []string{s.spec.Location}
	if fi.IsDir() {
		entries, err := os.ReadDir(s.spec.Location)
		if err != nil {
			return nil, ErrOpen.Because(err)
		}
		paths = nil
		for _, e := range entries {
			if name, _ := tableName(e.Name()); name != "" && e.Type().IsRegular() {
				paths = append(paths, filepath.Join(s.spec.Location, e.Name()))
			}
		}
	}
	known := make(map[string]*fileTable, len(paths))
	for _, p := range paths {
		if ctx.Err() != nil {
			return nil, ErrStopped.Because(ctx.Err())
		}
		t, err := s.describe(ctx, p)
		if err != nil {
			return nil, err
		}
		if known[t.Name] != nil {
			return nil, ErrDuplicate.With(t.Name)
		}
		known[t.Name] = t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed.With()
	}
	s.tables = known
	list := make([]Table, 0, len(known))
	for _, t := range known {
		list = append(list, t.Table)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

func (s *fileSource) describe(ctx context.Context, path string) (*fileTable, error) {
	name, ext := tableName(path)
	if name == "" {
		return nil, ErrSpec.With("the file must end in .csv, .csv.gz, .tsv or .parquet", "文件须以 .csv、.csv.gz、.tsv 或 .parquet 结尾")
	}
	t := &fileTable{Table: Table{Name: name, Rows: -1, rowKey: rowOfFile}, path: path}
	var err error
	if ext == ".parquet" {
		err = s.describeParquet(t)
	} else {
		err = s.describeCSV(ctx, t, ext)
	}
	if err != nil {
		return nil, err
	}
	var key []string
	if k := s.spec.Key[name]; k != "" {
		key = []string{k}
	}
	if err := t.index(key); err != nil {
		return nil, err
	}
	t.pageBy(nil) // a file is read in its own order, where a row has but one place, whatever its key
	return t, nil
}

func (s *fileSource) table(name string) (*fileTable, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, ErrClosed.With()
	}
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	return nil, ErrUnknownTable.With(name)
}

// Sample implements Source.
func (s *fileSource) Sample(ctx context.Context, table string, n int) (arrow.RecordBatch, error) {
	t, err := s.table(table)
	if err != nil {
		return nil, err
	}
	r, err := bind(&t.Table, &policy.Plan{})
	if err != nil {
		return nil, err
	}
	r.limit = int64(min(max(n, 1), BatchRows))
	return one(s.read(ctx, t, r, ""))
}

// Read implements Source.
func (s *fileSource) Read(ctx context.Context, table string, q policy.Plan) (array.RecordReader, error) {
	t, err := s.table(table)
	if err != nil {
		return nil, err
	}
	r, err := bind(&t.Table, &q)
	if err != nil {
		return nil, err
	}
	return s.read(ctx, t, r, q.Cursor)
}

// fileReader adds the report to a reader.
type fileReader struct {
	*reader
	sc scanner
}

// Report implements Reporting.
func (r *fileReader) Report() Report { return r.sc.report() }

func (s *fileSource) read(ctx context.Context, t *fileTable, r *request, cursor string) (array.RecordReader, error) {
	if ctx.Err() != nil {
		return nil, ErrStopped.Because(ctx.Err())
	}
	prepare(&t.Table, r.where)
	need := make([]bool, len(t.Columns))
	needs(r, need)
	from, err := placeOf(cursor)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(t.path)
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	version, err := versionOf(f)
	if err == nil && cursor != "" && from.version != version {
		err = ErrCursor.Because(errors.New("the file was replaced"))
	}
	if err != nil {
		_ = f.Close()
		return nil, fileFailed(t.Name, err)
	}
	from.version = version
	var sc scanner
	if t.csv != nil {
		sc, err = s.scanCSV(f, t, need, from)
	} else {
		sc, err = s.scanParquet(ctx, f, t, need, from)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	schema := r.schema()
	p := &pipe{ctx: ctx, sc: sc, r: r, schema: schema, b: columnar.NewBuilder(schema), max: s.spec.MaxHeldBytes, version: version}
	next := p.stream
	if r.agg {
		next = p.aggregate
	}
	return &fileReader{reader: newReader(schema, next, func() { p.close(); sc.close() }), sc: sc}, nil
}

func needs(r *request, need []bool) {
	for _, o := range r.outs {
		if o.col >= 0 {
			need[o.col] = true
		}
	}
	var walk func(n *node)
	walk = func(n *node) {
		if n == nil {
			return
		}
		if n.col >= 0 {
			need[n.col] = true
		}
		for _, a := range n.args {
			walk(a)
		}
	}
	walk(r.where)
}

// pipe runs a request over the pieces of a file.
type pipe struct {
	ctx    context.Context //nolint:containedctx // a reader outlives the call that made it
	sc     scanner
	r      *request
	schema *arrow.Schema
	b      *columnar.Builder
	max    int64
	given  int64
	sel    []int
	cur    *chunk // partly delivered
	at     int    // position in sel
	ready  []arrow.RecordBatch
	ran    bool

	version string
}

func (p *pipe) close() {
	p.freeChunk()
	for _, r := range p.ready {
		r.Release()
	}
	p.ready = nil
}

func (p *pipe) freeChunk() {
	if p.cur != nil && p.cur.free != nil {
		p.cur.free()
	}
	p.cur = nil
}

// pull gets the next piece that has selected rows, into cur and sel; false at the end.
func (p *pipe) pull() (bool, error) {
	for {
		p.freeChunk()
		if p.ctx.Err() != nil {
			return false, ErrStopped.Because(p.ctx.Err())
		}
		c, err := p.sc.next(p.ctx)
		if err != nil {
			return false, failed(p.ctx, err)
		}
		if c == nil {
			return false, nil
		}
		p.cur, p.at, p.sel = c, 0, p.sel[:0]
		p.choose()
		if len(p.sel) > 0 {
			return true, nil
		}
	}
}

func (p *pipe) choose() {
	c := p.cur
	var ok []truth
	if p.r.where != nil {
		ok = eval(p.r.t, p.r.where, c)
	}
	for i := range c.rows {
		if ok != nil && ok[i] != isTrue {
			continue
		}
		p.sel = append(p.sel, i)
	}
}

// stream delivers rows in the order of the file.
func (p *pipe) stream() (arrow.RecordBatch, string, error) {
	n, last := 0, place{version: p.version}
	for n < BatchRows && (p.r.limit == 0 || p.given < p.r.limit) {
		if p.cur == nil || p.at >= len(p.sel) {
			if n > 0 && p.r.limit == 0 {
				break // hand out what there is: batches follow the pieces of the file
			}
			more, err := p.pull()
			if err != nil {
				return nil, "", err
			}
			if !more {
				break
			}
		}
		i := p.sel[p.at]
		p.at++
		for j := range p.r.outs {
			p.b.Column(j).From(p.cur.cols[p.r.outs[j].col], i)
		}
		last.row = p.cur.first + int64(i)
		if p.cur.places != nil {
			last.spot = p.cur.places[i]
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
	return p.b.FinishRows(n), last.String(), nil
}

func (p *pipe) pop() (arrow.RecordBatch, string, error) {
	if len(p.ready) == 0 {
		return nil, "", nil
	}
	rec := p.ready[0]
	p.ready = p.ready[1:]
	return rec, "", nil
}

func (p *pipe) aggregate() (arrow.RecordBatch, string, error) {
	if !p.ran {
		p.ran = true
		g := newGrouper(p.r, p.max)
		for {
			more, err := p.pull()
			if err != nil {
				return nil, "", err
			}
			if !more {
				break
			}
			if err := g.add(p.cur, p.sel); err != nil {
				return nil, "", err
			}
		}
		recs, err := g.finish(p.schema)
		if err != nil {
			return nil, "", err
		}
		p.ready = recs
	}
	return p.pop()
}
