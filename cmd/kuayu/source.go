package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kuayu/kuayu/api/rest"
	"github.com/kuayu/kuayu/cmd/cli"
	"github.com/kuayu/kuayu/exchange/source"
)

// sourceCmd is about where departments keep their data.
type sourceCmd struct {
	Add    sourceAddCmd    `cmd:"" help:"登记数据源。|Register a source."`
	List   sourceListCmd   `cmd:"" default:"1" help:"列出本部门的数据源。|List the department's sources."`
	Tables sourceTablesCmd `cmd:"" help:"列出数据源中的表与列。|List the tables and columns of a source."`
	Sample sourceSampleCmd `cmd:"" help:"查看一张表的样例。|Show some rows of a table."`
}

type sourceAddCmd struct {
	ID         string   `arg:"" help:"数据源编号。|Identifier of the source."`
	Department string   `required:"" placeholder:"USCC" help:"数据属于哪个部门。|Whose data it is."`
	Kind       string   `enum:"sqlite,postgres,file" default:"sqlite" help:"种类：${enum}。|Kind: ${enum}."`
	Location   string   `placeholder:"PATH|DSN" help:"数据库或文件的路径，或连接串；“-”从标准输入读取。|Path of the database or files, or connection string; “-” reads it from standard input."`
	TableKey   []string `placeholder:"TABLE=ITEM" help:"无主键的表以哪一项为键；可重复。|Which item is the key of a table that has none; repeatable."`
	Type       []string `placeholder:"TABLE.ITEM=TYPE" help:"CSV：指定列的类型 string、int、float、bool、date、timestamp；可重复。|CSV: type of a column: string, int, float, bool, date, timestamp; repeatable."`
	Schema     []string `help:"PostgreSQL 模式；可重复。|PostgreSQL schema; repeatable."`
	Lenient    bool     `help:"文件：跳过坏行而不报错。|Files: skip bad rows."`
	Spec       string   `placeholder:"FILE" help:"以 JSON 文件给出全部设置（代替上面的选项）。|Give all settings as a JSON file instead."`
}

func (c *sourceAddCmd) Run(ctx context.Context, a *app) error {
	s := source.Spec{Kind: c.Kind, Location: c.Location, Schemas: c.Schema, Lenient: c.Lenient}
	switch {
	case c.Spec != "":
		s = source.Spec{}
		if err := a.ReadJSON(c.Spec, &s); err != nil {
			return err
		}
	case c.Location == "":
		return cli.ErrUsage.With(a.T("请给出 --location 或 --spec", "give --location or --spec"))
	case c.Location == "-":
		b, err := a.Read("-")
		if err != nil {
			return err
		}
		s.Location = strings.TrimSpace(string(b))
	case c.Kind != source.KindPostgres:
		// The node may have another working folder than this shell.
		if _, err := os.Stat(c.Location); err == nil {
			if abs, err := filepath.Abs(c.Location); err == nil {
				s.Location = abs
			}
		}
	}
	for _, k := range c.TableKey {
		name, item, ok := strings.Cut(k, "=")
		if !ok || name == "" || item == "" {
			return cli.ErrUsage.With("--table-key TABLE=ITEM")
		}
		if s.Key == nil {
			s.Key = map[string]string{}
		}
		s.Key[name] = item
	}
	for _, x := range c.Type {
		column, kind, ok := strings.Cut(x, "=")
		name, item, dotted := strings.Cut(column, ".")
		if !ok || !dotted {
			return cli.ErrUsage.With("--type TABLE.ITEM=TYPE")
		}
		if s.Types == nil {
			s.Types = map[string]map[string]string{}
		}
		if s.Types[name] == nil {
			s.Types[name] = map[string]string{}
		}
		s.Types[name][item] = kind
	}
	var p cli.Page[rest.TableInfo]
	if err := a.Post(ctx, "/api/v1/sources", rest.SourceRequest{ID: c.ID, Department: c.Department, Spec: s}, &p); err != nil {
		return err
	}
	return a.showTables(p.Items)
}

type sourceListCmd struct{}

func (*sourceListCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[rest.SourceInfo]
	if err := a.Get(ctx, "/api/v1/sources", &p); err != nil {
		return err
	}
	t := &cli.Table{Head: []string{a.T("编号", "id"), a.T("种类", "kind")}}
	for _, s := range p.Items {
		t.Add(s.ID, s.Kind)
	}
	return a.List(p.Items, t, "本部门还没有数据源，请运维人员运行 kuayu source add。", "The department has no source yet; an operator runs kuayu source add.")
}

type sourceTablesCmd struct {
	ID string `arg:"" help:"数据源编号。|Identifier of the source."`
}

func (c *sourceTablesCmd) Run(ctx context.Context, a *app) error {
	var p cli.Page[rest.TableInfo]
	if err := a.Get(ctx, "/api/v1/sources/"+seg(c.ID)+"/tables", &p); err != nil {
		return err
	}
	return a.showTables(p.Items)
}

func (a *app) showTables(ts []rest.TableInfo) error {
	t := &cli.Table{Head: []string{a.T("表", "table"), a.T("行数", "rows"), a.T("键", "key"), a.T("列", "columns")}}
	for _, x := range ts {
		var cols []string
		for _, c := range x.Columns {
			cols = append(cols, c.Name+":"+c.Type)
		}
		rows := "-" // a file is not counted beforehand
		if x.Rows >= 0 {
			rows = cli.Count(x.Rows)
		}
		t.Add(x.Name, rows, cli.Dash(strings.Join(x.Key, ",")), strings.Join(cols, " "))
	}
	return a.List(ts, t, "数据源中没有可读的表。", "The source has no table that can be read.")
}

type sourceSampleCmd struct {
	ID    string `arg:"" help:"数据源编号。|Identifier of the source."`
	Table string `arg:"" help:"表名。|Table."`
	Limit int    `default:"10" help:"最多几行。|How many rows at most."`
}

func (c *sourceSampleCmd) Run(ctx context.Context, a *app) error {
	var rows []json.RawMessage
	if err := a.Get(ctx, with("/api/v1/sources/"+seg(c.ID)+"/tables/"+seg(c.Table)+"/sample", "limit", cli.Count(c.Limit)), &rows); err != nil {
		return err
	}
	return a.showRows(rows, rows)
}

// showRows shows rows as they came: objects whose members keep their order.
func (a *app) showRows(v any, rows []json.RawMessage) error {
	t := &cli.Table{}
	for _, raw := range rows {
		names, cells, err := members(raw)
		if err != nil {
			return err
		}
		if t.Head == nil {
			t.Head = names
		}
		t.Add(cells...)
	}
	return a.List(v, t, "没有符合条件的行。", "No row fits.")
}

// members reads the members of one object in their order.
func members(raw json.RawMessage) (names, cells []string, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return nil, nil, fmt.Errorf("row: %w", err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("row: %w", err)
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, nil, fmt.Errorf("row: %w", err)
		}
		names = append(names, fmt.Sprint(name))
		if v == nil {
			v = ""
		}
		cells = append(cells, fmt.Sprint(v))
	}
	return names, cells, nil
}
