package demo

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // departments' own databases in the demonstration

	"github.com/kuayu/kuayu/demo/seed"
)

// Table is one table loaded into a department's database.
type Table struct {
	Name    string
	Columns []string // names in the database, in the order of the CSV
	Index   []string
}

// enterpriseTable holds registrations; the CSV has Chinese headings.
func enterpriseTable() Table {
	return Table{
		Name:    "enterprise",
		Columns: []string{"name", "uscc", "registered", "kind", "representative", "capital", "business", "province", "district", "address"},
		Index:   []string{"uscc"},
	}
}

func personTable() Table {
	return Table{Name: "person", Columns: []string{"name", "citizen_id", "sex", "birth", "phone", "address"}, Index: []string{"citizen_id"}}
}

// Loaded says what came of loading a table.
type Loaded struct {
	Rows, Skipped int64
}

// load copies a CSV into a table: every column text as it stands, dirt included. Rows with another number of fields than
// the heading are skipped and counted: they cannot be placed. progress gets the rows so far.
func load(ctx context.Context, db *sql.DB, t Table, r io.Reader, progress func(int64)) (Loaded, error) {
	var l Loaded
	cr := csv.NewReader(r)
	cr.FieldsPerRecord = -1
	cr.ReuseRecord, cr.LazyQuotes = true, true
	head, err := cr.Read()
	if err != nil {
		return l, fmt.Errorf("load %s: %w", t.Name, err)
	}
	cols := t.Columns
	if cols == nil {
		cols = append([]string(nil), head...)
	}
	if len(cols) != len(head) {
		return l, fmt.Errorf("load %s: %d columns in the file, %d expected", t.Name, len(head), len(cols))
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE "+t.Name+" (id INTEGER PRIMARY KEY, "+strings.Join(cols, " TEXT, ")+" TEXT)"); err != nil {
		return l, fmt.Errorf("load %s: %w", t.Name, err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return l, fmt.Errorf("load %s: %w", t.Name, err)
	}
	defer func() { _ = tx.Rollback() }()
	st, err := tx.PrepareContext(ctx, "INSERT INTO "+t.Name+" ("+strings.Join(cols, ", ")+") VALUES (?"+strings.Repeat(", ?", len(cols)-1)+")") //nolint:gosec // names come from this program's own tables
	if err != nil {
		return l, fmt.Errorf("load %s: %w", t.Name, err)
	}
	defer func() { _ = st.Close() }()
	args := make([]any, len(cols))
	for {
		rec, err := cr.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return l, fmt.Errorf("load %s: %w", t.Name, err)
		}
		if len(rec) != len(cols) {
			l.Skipped++
			continue
		}
		for i, v := range rec {
			args[i] = v
		}
		if _, err := st.ExecContext(ctx, args...); err != nil {
			return l, fmt.Errorf("load %s: %w", t.Name, err)
		}
		if l.Rows++; l.Rows%5000 == 0 {
			progress(l.Rows)
		}
	}
	progress(l.Rows)
	if err := tx.Commit(); err != nil {
		return l, fmt.Errorf("load %s: %w", t.Name, err)
	}
	for _, c := range t.Index {
		if _, err := db.ExecContext(ctx, "CREATE INDEX "+t.Name+"_"+c+" ON "+t.Name+" ("+c+")"); err != nil {
			return l, fmt.Errorf("load %s: %w", t.Name, err)
		}
	}
	return l, nil
}

// openBusiness opens a department's own database for loading. It is no part of the node; the node reads it as a source.
func openBusiness(ctx context.Context, path string) (*sql.DB, error) {
	d, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
	if err != nil {
		return nil, fmt.Errorf("business database: %w", err)
	}
	return d, d.PingContext(ctx)
}

// How many fictional rows a province gets by default.
const (
	generatedEnterprises = 20_000
	generatedPersons     = 2_000
	seedNumber           = 20_250_801
)

// enterprises opens the registrations of a province: the real file where a folder is given, generated ones otherwise.
func enterprises(dataDir, province string) (io.ReadCloser, error) {
	if dataDir == "" {
		return generated(func(w io.Writer) error { return seed.WriteEnterprises(w, province, generatedEnterprises, seedNumber) }), nil
	}
	f, err := os.Open(filepath.Join(filepath.Clean(dataDir), "enterprise_"+province+".csv.gz"))
	if err != nil {
		return nil, ErrData.Because(err, filepath.Clean(dataDir))
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		_ = f.Close()
		return nil, ErrData.Because(err, filepath.Clean(dataDir))
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// generated turns a writer of CSV into a reader.
func generated(write func(io.Writer) error) io.ReadCloser {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(write(w)) }()
	return r
}
