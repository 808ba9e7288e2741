package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/policy"
)

const (
	promisedSearch = 200.0 // milliseconds, p95 over the whole set
	searchCallers  = 4
	seedStep       = 5000
)

// question is one query of the fixed set; deep is how many hits are passed over by the cursor first.
type question struct {
	q    search.Query
	deep int
}

func (n question) String() string {
	parts := []string{fmt.Sprintf("%q", n.q.Text)}
	for _, v := range []string{n.q.Member, n.q.Department, string(n.q.Sharing), n.q.Class, n.q.UpdateCycle, string(n.q.Mode)} {
		if v != "" {
			parts = append(parts, v)
		}
	}
	if n.q.MaxGrade > 0 {
		parts = append(parts, fmt.Sprintf("grade<=%d", n.q.MaxGrade))
	}
	if n.deep > 0 {
		parts = append(parts, fmt.Sprintf("after %d", n.deep))
	}
	return strings.Join(parts, " ")
}

// questions is the fixed set. It begins with pairs that are among the commonest of the generated entries: the result
// lists the commonest of all with their share.
func questions() []question {
	type q = search.Query
	var out []question
	for _, t := range []string{
		"信息", "登记", "数据", "企业", "基本", "管理", "统计", "市场", "监督", "许可", "工作", "包括", "信用", "代码", "社会", "统一", // each in a large part of all entries, some in all
		"企业登记信息", "企业登记基本信息", "不动产登记", "统一社会信用代码", "行政许可 企业", "企业 年报 数据", "杭州市 企业 登记", "信用评价 建筑工程 监管", "车辆 处罚 明细", // several words
		"共享单车", "无人机 巡查", "古树名木普查", "渔船检疫", "海洋渔业局 湿地 鉴定", "连云港市博物馆调解公告", // rare
		"量子纠缠", "信息登企", "企业 量子", "没有这样的条目", // none
		"水", "税", "信", "企 业", // single characters
		"gdp", "GD", "p", "shanghai", "anhui/r000012", "zhejiang/r0000123", "ＰＯＩ", "2.5", "2024", // words and how they begin
		"", // everything
	} {
		out = append(out, question{q: q{Text: t}})
	}
	for _, f := range []q{
		{Text: "信息", Member: "anhui"},
		{Text: "登记", Sharing: catalog.NotShared},
		{Text: "数据", Class: "base", MaxGrade: 1},
		{Text: "企业", UpdateCycle: "on_demand", Sharing: catalog.NotShared},
		{Text: "信息", Mode: policy.ModeFile, Member: "zhejiang", Class: "theme"},
		{Text: "登记", Department: "11SHANGHAI0001"},
		{Text: "博物馆", Sharing: catalog.NotShared, Member: "shanghai"},
		{Text: "水", MaxGrade: 2},
		{Member: "jiangsu", Sharing: catalog.Unconditional},
		{Text: "企业", Member: "nobody"},
		{Text: "信息 数据 登记 企业 统计", Sharing: catalog.NotShared},
	} {
		out = append(out, question{q: f})
	}
	return append(out, question{q{Text: "信息"}, 1000}, question{q{Text: "登记"}, 20_000}, question{q{Text: "企业 数据"}, 5000}, question{q{}, 20_000},
		question{q{Text: "统计", Member: "jiangsu"}, 2000})
}

// catalogBench fills the searchable copy with made-up entries of four members and asks the fixed set. The baseline is
// FTS5 as it comes, over the same tokens: MATCH, ORDER BY rank, twenty hits, no counts; each query once.
func catalogBench(ctx context.Context, o Options) (*Result, error) {
	dir, err := os.MkdirTemp("", "kuayu-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "index.db")
	open := func() (*db.DB, error) {
		if o.Database != "" {
			return db.Open(ctx, o.Database)
		}
		records, err := db.Open(ctx, filepath.Join(dir, "records.db"))
		if err != nil {
			return nil, err
		}
		defer func() { _ = records.Close() }()
		return db.OpenDerived(ctx, records, "", file)
	}
	d, err := open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	if err := search.MigrateIndex(ctx, d); err != nil {
		return nil, err
	}
	x := search.NewIndex(d)
	begun := time.Now()
	if err := seedCatalog(ctx, x, o, begun); err != nil {
		return nil, err
	}
	read := time.Since(begun)
	o.Progress("settle", 0, 1)
	if err := x.Settle(ctx); err != nil {
		return nil, err
	}
	settled := time.Since(begun)
	set := questions()
	if err := passOver(ctx, x, set); err != nil {
		return nil, err
	}
	lat, failed, took, err := askAll(ctx, x, set, o)
	if err != nil {
		return nil, err
	}
	r := &Result{Bench: "catalog", Load: Load{Connections: searchCallers, Rounds: o.Rounds, Seconds: round(took.Seconds()/float64(o.Rounds), 1)}}
	var all []float64
	for _, l := range lat {
		all = append(all, l...)
	}
	sort.Float64s(all)
	r.Ours = Arm{Throughput: round(float64(len(all))/took.Seconds(), 1), Unit: "searches/s", P50: percentile(all, 50), P99: percentile(all, 99), RSS: ownRSS(), Errors: failed}
	r.More = map[string]any{
		"entries": o.Entries, "queries": len(set), "searches": len(all), "p95_ms": percentile(all, 95), "max_ms": percentile(all, 100), "slowest": slowest(set, lat),
		"rebuild_seconds": round(settled.Seconds(), 1), "of_it_settling_seconds": round((settled - read).Seconds(), 1), "rebuild_entries_per_second": round(float64(o.Entries)/settled.Seconds(), 0),
		"database": "sqlite",
	}
	if d.Postgres() {
		r.More["database"] = "postgres"
	}
	if err := sizes(ctx, d, file, r.More); err != nil {
		return nil, err
	}
	r.Reason = "the baseline is measured on SQLite alone"
	if !d.Postgres() {
		if r.More["commonest_pairs"], err = commonest(ctx, file, o.Entries); err != nil {
			return nil, err
		}
		base, err := bareFTS(ctx, file, set, o)
		if err != nil {
			return nil, err
		}
		r.Baseline, r.Reason = base, ""
		ratio := round(r.Ours.Throughput/base.Throughput, 2)
		r.Ratio = &ratio
	}
	p95 := percentile(all, 95)
	r.Promised = fmt.Sprintf("p95 ≤ %.0f ms over the whole set with %d callers, no errors", promisedSearch, searchCallers)
	r.Met = p95 <= promisedSearch && failed == 0
	return r, nil
}

// seedCatalog reads made-up catalogues into the copy, the members side by side as a node does.
func seedCatalog(ctx context.Context, x *search.Index, o Options, now time.Time) error {
	v := newVocabulary()
	var done atomic.Int64
	var g errgroup.Group
	for n, m := range benchMembers() {
		g.Go(func() error {
			gen := &generator{state: uint64(n + 1)} //nolint:gosec // small
			mine := o.Entries * m.share / 10
			for i := 0; i < mine; i += seedStep {
				d := search.Delta{Whole: i == 0, Position: fmt.Sprint(i + seedStep), More: i+seedStep < mine}
				for j := i; j < min(i+seedStep, mine); j++ {
					d.Entries = append(d.Entries, v.entry(gen, &m, j, now))
				}
				from := ""
				if i > 0 {
					from = fmt.Sprint(i)
				}
				if err := x.Apply(ctx, m.id, from, &d, now); err != nil {
					return err
				}
				o.Progress("entries", int(done.Add(int64(len(d.Entries))))-1, o.Entries)
			}
			return nil
		})
	}
	return g.Wait()
}

// passOver finds the cursors of the deep pages.
func passOver(ctx context.Context, x *search.Index, set []question) error {
	for i := range set {
		q := set[i].q
		q.Limit = 100
		for n := 0; n < set[i].deep; n += q.Limit {
			a, err := x.Search(ctx, q)
			if err != nil {
				return err
			}
			if a.Next == "" {
				break
			}
			q.After = a.Next
		}
		set[i].q.After = q.After
	}
	return nil
}

// askAll has callers ask the whole set, each beginning elsewhere, in several rounds; latencies in milliseconds by query.
func askAll(ctx context.Context, x *search.Index, set []question, o Options) (lat [][]float64, failed int64, took time.Duration, err error) {
	lat = make([][]float64, len(set))
	var mu sync.Mutex
	var bad atomic.Int64
	begun := time.Now()
	for n := range o.Rounds {
		o.Progress("round", n, o.Rounds)
		var wg sync.WaitGroup
		for c := range searchCallers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range set {
					at := (i + c*len(set)/searchCallers) % len(set)
					t := time.Now()
					a, err := x.Search(ctx, set[at].q)
					if err == nil {
						_, err = json.Marshal(a)
					}
					ms := float64(time.Since(t)) / float64(time.Millisecond)
					if err != nil {
						bad.Add(1)
					}
					mu.Lock()
					lat[at] = append(lat[at], ms)
					mu.Unlock()
				}
			}()
		}
		wg.Wait()
		if err := ctx.Err(); err != nil {
			return nil, 0, 0, err
		}
	}
	return lat, bad.Load(), time.Since(begun), nil
}

// slowest lists the queries with the highest median.
func slowest(set []question, lat [][]float64) []string {
	type one struct {
		name string
		p50  float64
	}
	var all []one
	for i := range set {
		sort.Float64s(lat[i])
		all = append(all, one{set[i].String(), percentile(lat[i], 50)})
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].p50 > all[j].p50 })
	var out []string
	for _, x := range all[:min(len(all), 8)] {
		out = append(out, fmt.Sprintf("%s: %.1f ms", x.name, x.p50))
	}
	return out
}

// sizes tells how large the copy is on disk, and its part that is searched.
func sizes(ctx context.Context, d *db.DB, file string, to map[string]any) error {
	const mega = 1 << 20
	var total, index int64
	if d.Postgres() {
		if err := d.Read().NewRaw("SELECT pg_total_relation_size('directory_entry') + pg_total_relation_size('directory_text'), pg_relation_size('directory_entry_tokens')").Scan(ctx, &total, &index); err != nil {
			return err
		}
	} else {
		st, err := os.Stat(file)
		if err != nil {
			return err
		}
		total = st.Size()
		if err := d.Read().NewRaw("SELECT sum(length(block)) FROM directory_token_data").Scan(ctx, &index); err != nil {
			return err
		}
	}
	to["size_mb"], to["of_it_tokens_mb"] = total/mega, index/mega
	return nil
}

// commonest lists the pairs of characters that most entries have, with the share of entries.
func commonest(ctx context.Context, file string, entries int) ([]string, error) {
	s, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	defer func() { _ = s.Close() }()
	s.SetMaxOpenConns(1)
	if _, err := s.ExecContext(ctx, "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab ('main', 'directory_token', 'row')"); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	rows, err := s.QueryContext(ctx, "SELECT term, doc FROM temp.vocabulary WHERE length(term) = 2 AND term > '一' ORDER BY doc DESC LIMIT 16")
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var term string
		var n int
		if err := rows.Scan(&term, &n); err != nil {
			return nil, fmt.Errorf("vocabulary: %w", err)
		}
		out = append(out, fmt.Sprintf("%s %.0f %%", term, 100*float64(n)/float64(entries)))
	}
	return out, rows.Err()
}

// bareFTS asks FTS5 alone.
func bareFTS(ctx context.Context, file string, set []question, o Options) (*Arm, error) {
	s, err := sql.Open("sqlite", "file:"+file+"?_pragma=cache_size(-16000)")
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	defer func() { _ = s.Close() }()
	s.SetMaxOpenConns(searchCallers)
	var lat []float64
	var mu sync.Mutex
	begun := time.Now()
	var g errgroup.Group
	for c := range searchCallers {
		g.Go(func() error {
			for i := c; i < len(set); i += searchCallers {
				if c == 0 {
					o.Progress("baseline", i, len(set))
				}
				match, err := set[i].q.Match()
				if err != nil {
					return err
				}
				t := time.Now()
				if err := bareSearch(ctx, s, match); err != nil {
					return fmt.Errorf("baseline: %w", err)
				}
				mu.Lock()
				lat = append(lat, float64(time.Since(t))/float64(time.Millisecond))
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	took := time.Since(begun)
	sortFloats(lat)
	return &Arm{Throughput: round(float64(len(lat))/took.Seconds(), 1), Unit: "searches/s", P50: percentile(lat, 50), P99: percentile(lat, 99)}, nil
}

func bareSearch(ctx context.Context, s *sql.DB, match string) error {
	rows, err := s.QueryContext(ctx, "SELECT e.text FROM directory_token t JOIN directory_text e ON e.doc = t.rowid WHERE directory_token MATCH ? ORDER BY t.rank LIMIT 20", match)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
	}
	return rows.Err()
}
