package source

import (
	"context"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/kuayu/kuayu/support/policy"
)

// Source is a place rows are read from. It is safe for concurrent use.
type Source interface {
	// Discover lists the tables, in order of name, and refreshes what the source knows of them.
	Discover(ctx context.Context) ([]Table, error)
	// Sample returns up to n rows of a table, in no particular order. n is capped at BatchRows.
	Sample(ctx context.Context, table string, n int) (arrow.RecordBatch, error)
	// Read executes the plan. The reader gives batches of at most BatchRows rows and must be released; it also has
	// LastKey (see Keyed), and for files Report (see Reporting).
	Read(ctx context.Context, table string, q policy.Plan) (array.RecordReader, error)
	// Close frees connections. Readers must be released before.
	Close() error
}

// Keyed is what every reader of a Source also is. LastKey is the place of the last row handed out, to be the Cursor of
// the next plan; it is empty when nothing was handed out yet and when the read has no order (neither Limit nor Cursor
// was set on a table of a database, the table has no order, or the plan aggregates). Pages that follow one another by
// cursor hold each row exactly once, in an order of the source's own choice; where that can't be kept (a view with
// duplicates in its declared key, a file that was replaced meanwhile), the read fails.
type Keyed interface{ LastKey() string }

// Reporting is what a reader of a file also is.
type Reporting interface{ Report() Report }

// BatchRows is the greatest number of rows in one batch; BatchBytes is about the size at which a batch ends early.
const (
	BatchRows  = 8192
	BatchBytes = 8 << 20
	maxCell    = 64 << 20 // bytes of a single value
)

// Kinds of source.
const (
	KindSQLite   = "sqlite"
	KindPostgres = "postgres"
	KindFile     = "file"
)

// Spec says where rows live and how to read them.
type Spec struct {
	Kind     string `json:"kind"`     // sqlite, postgres or file
	Location string `json:"location"` // path of a database, connection string, or path of a file or folder
	// Key declares the key item of a table that has none of its own (files, views). A view is read page by page in its
	// order, so it must be unique and never null there.
	Key map[string]string `json:"key,omitempty"`
	// Types overrides inferred types of CSV columns: table → item → string, int, float, bool, date, timestamp.
	Types    map[string]map[string]string `json:"types,omitempty"`
	Schemas  []string                     `json:"schemas,omitempty"`   // PostgreSQL: schemas to show; default every one but the system's
	MaxConns int                          `json:"max_conns,omitempty"` // connections at once; default 4
	Lenient  bool                         `json:"lenient,omitempty"`   // files: skip and report bad rows instead of failing
	// Bounds of files; zero takes the default in brackets.
	MaxFieldBytes int   `json:"max_field_bytes,omitempty"` // one CSV field (1 MiB)
	MaxLineBytes  int   `json:"max_line_bytes,omitempty"`  // one CSV record (8 MiB)
	MaxColumns    int   `json:"max_columns,omitempty"`     // CSV columns (2048)
	MaxFileBytes  int64 `json:"max_file_bytes,omitempty"`  // uncompressed bytes of a CSV file (16 GiB)
	MaxHeldBytes  int64 `json:"max_held_bytes,omitempty"`  // bytes held to sort or group a file (256 MiB)
	SampleRows    int   `json:"sample_rows,omitempty"`     // CSV rows looked at to infer types (10 000)
	// Allocator is used where Arrow allocates (Parquet); default memory.DefaultAllocator.
	Allocator memory.Allocator `json:"-"`
}

// Table is what Discover tells of one table.
type Table struct {
	Name    string
	Comment string // from the database, if it has one
	Columns []Column
	Key     []string // items of the primary key, in order; empty if there is none
	Rows    int64    // estimate, -1 if unknown

	byName map[string]int
	key    []int  // the items pages are ordered by: a unique index, never null, or the declared key if loose
	loose  bool   // nothing guarantees that key is unique and not null: each read checks it
	rowKey string // SQL of what pages are ordered by when there is no key: the number or place of the row; rowOfFile for files
	from   string // SQL text of the table
}

// Column is one item of a table.
type Column struct {
	Name     string
	Type     arrow.DataType
	Nullable bool
	Native   string // the type as the source names it
	Comment  string

	kind kind
	expr string // SQL expression that has the value in a comparable form
	sel  string // SQL expression to select, in the form the reader decodes
	raw  bool   // PostgreSQL: the order of expr is bytewise already
	uuid bool   // PostgreSQL: expr is a uuid, read as text
	fold bool   // PostgreSQL: under a collation that holds different texts to be equal
	char bool   // PostgreSQL: char(n), whose indexes know nothing of expr
}

// Schema is the Arrow schema of the whole table.
func (t *Table) Schema() *arrow.Schema {
	f := make([]arrow.Field, len(t.Columns))
	for i, c := range t.Columns {
		f[i] = arrow.Field{Name: c.Name, Type: c.Type, Nullable: c.Nullable}
	}
	return arrow.NewSchema(f, nil)
}

// index fills what lookups need. key names the key items; pages go by them unless pageBy says otherwise.
func (t *Table) index(key []string) error {
	t.byName = make(map[string]int, len(t.Columns))
	for i, c := range t.Columns {
		t.byName[c.Name] = i
	}
	t.Key, t.key = nil, nil
	for _, k := range key {
		i, ok := t.byName[k]
		if !ok {
			return ErrUnknownItem.With(k)
		}
		if !t.Columns[i].kind.ordered() {
			return ErrSpec.With("item "+k+" can't be a key", "数据项 "+k+" 不能作为主键")
		}
		t.Key, t.key = append(t.Key, k), append(t.key, i)
	}
	return nil
}

// pageBy sets the items pages are ordered by.
func (t *Table) pageBy(key []string) {
	t.key = nil
	for _, k := range key {
		t.key = append(t.key, t.byName[k])
	}
}

// orderedItems reports whether all of them are items of the table that can be a key.
func (t *Table) orderedItems(key []string) bool {
	for _, k := range key {
		i, ok := t.byName[k]
		if !ok || !t.Columns[i].kind.ordered() {
			return false
		}
	}
	return len(key) > 0
}

// CheckKeys reads the declared keys that nothing in the source guarantees to be unique, and fails with ErrKey at a
// duplicate or a null. Later ones are met by the reads themselves.
func CheckKeys(ctx context.Context, s Source, tables []Table) error {
	for i := range tables {
		t := &tables[i]
		if !t.loose {
			continue
		}
		r, err := s.Read(ctx, t.Name, policy.Plan{Project: t.Key, Limit: math.MaxInt64 - 1})
		if err != nil {
			return err
		}
		for r.Next() {
			continue
		}
		err = r.Err()
		r.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// Open opens a source. The caller closes it.
func Open(ctx context.Context, spec Spec) (Source, error) {
	if spec.Location == "" {
		return nil, ErrSpec.With("location is empty", "location 为空")
	}
	if spec.MaxConns <= 0 {
		spec.MaxConns = 4
	}
	if spec.Allocator == nil {
		spec.Allocator = memory.DefaultAllocator
	}
	switch spec.Kind {
	case KindSQLite:
		return openSQLite(ctx, spec)
	case KindPostgres:
		return openPostgres(ctx, spec)
	case KindFile:
		return openFile(ctx, spec)
	}
	return nil, ErrSpec.With("unknown kind; use sqlite, postgres or file", "未知的类型，请使用 sqlite、postgres 或 file")
}
