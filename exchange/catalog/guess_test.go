package catalog

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
)

// TestPreview: what the columns and their values suggest, and a sample that shows no more than the masks let through.
func TestPreview(t *testing.T) { onBoth(t, testPreview) }

func testPreview(t *testing.T, s *fixture) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "business.db")
	fill(t, path, "CREATE TABLE person (uscc TEXT, xingming TEXT, col4 TEXT, phone TEXT, born DATE, capital INTEGER, tel2 INTEGER)",
		"INSERT INTO person VALUES ('91330000MY00000001', '张三丰', '340102199001010022', '16400000001', '1990-01-01', 10, 1640000)",
		"INSERT INTO person VALUES (NULL, '李四', '34010219900101003X', NULL, NULL, NULL, NULL)")
	op := session(deptA, "operator", identity.Operator)
	if _, err := s.AddSource(ctx, op, deptA, "biz", source.Spec{Kind: source.KindSQLite, Location: path}); err != nil {
		t.Fatal(err)
	}
	p, err := s.Preview(ctx, officerOf(deptA), "biz", "person", nil, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Item{
		{Name: "uscc", Title: "统一社会信用代码", Type: "C", Grade: 1},
		{Name: "xingming", Title: "姓名", Type: "C", Grade: 3, Mask: policy.Mask{Kind: policy.MaskName}, Personal: true},
		{Name: "col4", Title: "公民身份号码", Type: "C", Grade: 3, Mask: policy.Mask{Kind: policy.MaskID}, Subject: true, Key: true},
		{Name: "phone", Title: "联系电话", Type: "C", Grade: 3, Mask: policy.Mask{Kind: policy.MaskPhone}, Subject: true, Key: true},
	} {
		if p.Items[i] != want {
			t.Errorf("%+v, want %+v", p.Items[i], want)
		}
	}
	if it := p.Items[6]; it.Type != "I" || it.Mask.Kind != policy.MaskNull { // the digits of a number can't be starred
		t.Errorf("a telephone number as a number: %+v", it)
	}
	if want := []string{"91330000MY00000001", "张**", "3401**********0022", "164****0001"}; len(p.Rows) != 2 || !slices.Equal(p.Rows[0][:4], want) {
		t.Errorf("masked: %v", p.Rows)
	}
	// An officer decides otherwise: fewer items, other masks.
	p, err = s.Preview(ctx, officerOf(deptA), "biz", "person", []Item{{Name: "xingming", Mask: policy.Mask{Kind: policy.MaskNull}}, {Name: "uscc"}}, 5)
	if err != nil || !slices.Equal(p.Rows[0], []string{"", "91330000MY00000001"}) {
		t.Errorf("%v %v", p, err)
	}
	for name, x := range map[string]struct {
		sess   *identity.Session
		source string
		table  string
		items  []Item
	}{
		"another department": {officerOf(deptB), "biz", "person", nil},
		"the operator":       {op, "biz", "person", nil},
		"no such table":      {officerOf(deptA), "biz", "none", nil},
		"no such column":     {officerOf(deptA), "biz", "person", []Item{{Name: "none"}}},
		"a mask of text":     {officerOf(deptA), "biz", "person", []Item{{Name: "capital", Mask: policy.Mask{Kind: policy.MaskPhone}}}},
	} {
		if _, err := s.Preview(ctx, x.sess, x.source, x.table, x.items, 5); err == nil {
			t.Errorf("%s: a sample", name)
		}
	}
	// Who registers sources sees them all, without what opens them; others see none of them so.
	if got, err := s.Registered(ctx, op, "", 10); err != nil || len(got) != 1 || got[0].ID != "biz" || got[0].Spec.Location != "" {
		t.Errorf("%+v %v", got, err)
	}
	s.refused2(nil, func() error { _, err := s.Registered(ctx, officerOf(deptA), "", 10); return err }())(identity.ErrRole)
	if got, err := s.Sources(ctx, db.In("330000", deptB, "officer")); err != nil || len(got) != 0 {
		t.Errorf("another department's: %+v %v", got, err)
	}
}

func fill(t *testing.T, path string, statements ...string) {
	t.Helper()
	d, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for _, q := range statements {
		if _, err := d.ExecContext(context.WithoutCancel(t.Context()), q); err != nil {
			t.Fatal(err)
		}
	}
}
