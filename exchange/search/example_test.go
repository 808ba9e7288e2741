package search_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/db"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "directory-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := db.Open(ctx, filepath.Join(dir, "index.db"))
	if err != nil {
		panic(err)
	}
	defer func() { _ = d.Close() }()
	if err := search.MigrateIndex(ctx, d); err != nil {
		panic(err)
	}
	x := search.NewIndex(d)
	told := &search.Delta{Whole: true, Position: "1", Entries: []catalog.Resource{
		{Code: "330000/tide", Name: "潮位监测信息", Sharing: catalog.Conditional, Class: "theme", Grade: 1, State: catalog.Published},
		{Code: "330000/enterprise", Name: "企业登记信息", Sharing: catalog.Unconditional, Class: "base", Grade: 2, State: catalog.Published},
	}}
	if err := x.Apply(ctx, "zhejiang", "", told, time.Unix(0, 0)); err != nil {
		panic(err)
	}
	a, err := x.Search(ctx, search.Query{Text: "信息"})
	if err != nil {
		panic(err)
	}
	for _, h := range a.Items {
		fmt.Println(h.Member, h.Code, h.Marks["name"])
	}
	fmt.Println(a.Total, a.Facets.Sharing[0].Value, a.Facets.Sharing[0].Count)
	// Output:
	// zhejiang 330000/enterprise [[4 6]]
	// zhejiang 330000/tide [[4 6]]
	// 2 conditional 1
}
