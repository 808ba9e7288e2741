package catalog

import (
	"context"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
)

// TestEntriesOfBefore: entries that were described before there was a way into the catalogue stand on it where they were:
// what was published is in force, what was withdrawn is revoked, a draft is a draft.
func TestEntriesOfBefore(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "records.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) { testEntriesOfBefore(t, dsn(t)) })
	}
}

func testEntriesOfBefore(t *testing.T, dsn string) {
	ctx := t.Context()
	old := fstest.MapFS{}
	for _, f := range []string{"migrations/001_catalog.sql", "migrations/0002_change.sql"} {
		b, err := migrations.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		old[f] = &fstest.MapFile{Data: b}
	}
	d, err := db.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(ctx, "catalog", old, "migrations"); err != nil {
		t.Fatal(err)
	}
	for code, state := range map[string]string{"330000/p": "published", "330000/w": "withdrawn", "330000/d": "draft"} {
		doc := `{"code":"` + code + `","name":"登记信息","department":"` + deptA + `","version":1,"state":"` + state + `","items":[],"sharing":"unconditional"}`
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.NewRaw("INSERT INTO catalog_resource (code, department, name, state, version, doc, source, source_table, published) VALUES (?, ?, '登记信息', ?, 1, ?, 'biz', 't', 5)", code, deptA, state, doc).Exec(ctx); err != nil {
				return err
			}
			_, err := tx.NewRaw("INSERT INTO catalog_version (code, version, doc, time, actor) VALUES (?, 1, ?, 4, 'a')", code, doc).Exec(ctx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	s := newRoom(t, dsn)
	for code, want := range map[string]State{"330000/p": Published, "330000/w": Revoked, "330000/d": Draft} {
		e, err := s.Dossier(ctx, officerOf(deptA).Scope(), code)
		if err != nil || e.State != want || (e.InForce == 1) != (want == Published) || e.Source != "biz" {
			t.Errorf("%s: %+v %v", code, e, err)
		}
	}
	if r, err := s.Get(ctx, db.Scope{}, "330000/p"); err != nil || r.State != Published {
		t.Errorf("published: %+v %v", r, err)
	}
	if vs, err := s.Versions(ctx, db.Scope{}, "330000/p"); err != nil || len(vs) != 1 || vs[0].Published == nil {
		t.Errorf("versions: %+v %v", vs, err)
	}
	if vs, err := s.Versions(ctx, db.Scope{}, "330000/d"); err == nil {
		t.Errorf("a draft shown to everybody: %+v", vs)
	}
	if e := s.draft(sound("330000/p", "登记信息")); e.State != Updating || e.Version != 2 {
		t.Errorf("updated: %+v", e)
	}
}
