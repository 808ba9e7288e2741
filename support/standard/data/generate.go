//go:build ignore

// Generate writes divisions.csv and towns.csv.gz from a folder that holds division_areas.csv.gz,
// division_cities.csv.gz, division_provinces.csv.gz, division_streets.csv.gz (divisions of 2023, WTFPL) and
// division_gbt2260_mca_202012.csv.gz (GB/T 2260 at the end of 2020, Apache-2.0), and from history.csv here.
//
//	cd support/standard/data && go run generate.go FOLDER
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"log"
	"os"
	"path/filepath"
	"sort"
)

type row struct{ name, level, from, to, source string }

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run generate.go FOLDER")
	}
	rows := map[string]*row{}
	add := func(code, name, source string) {
		if rows[code] == nil {
			rows[code] = &row{name: name, source: source}
		}
	}
	for _, r := range read(filepath.Join(os.Args[1], "division_gbt2260_mca_202012.csv.gz")) {
		add(r[0], r[1], "gbt2260")
	}
	for _, r := range read(filepath.Join(os.Args[1], "division_provinces.csv.gz")) {
		add(r[0]+"0000", r[1], "nbs2023")
	}
	for _, r := range read(filepath.Join(os.Args[1], "division_cities.csv.gz")) {
		source := "nbs2023"
		if r[1] == "市辖区" { // a heading of the statistics, no division
			source = "statistics"
		}
		add(r[0]+"00", r[1], source)
	}
	for _, r := range read(filepath.Join(os.Args[1], "division_areas.csv.gz")) {
		source := "nbs2023"
		if r[0][4] == '7' { // county part 71–79: development zones counted on their own, no divisions
			source = "statistics"
		}
		add(r[0], r[1], source)
	}
	for _, r := range read("history.csv") {
		add(r[0], r[1], "history")
		d := rows[r[0]]
		if d.name != r[1] {
			log.Fatalf("%s: history says %s, the list %s", r[0], r[1], d.name)
		}
		d.from, d.to = r[2], r[3]
	}
	write("divisions.csv", rows)
	towns := map[string]*row{}
	for _, r := range read(filepath.Join(os.Args[1], "division_streets.csv.gz")) {
		if rows[r[2]] == nil {
			log.Fatalf("%s: no such county", r[2])
		}
		towns[r[0]] = &row{name: r[1], source: "nbs2023"}
	}
	write("towns.csv.gz", towns)
}

func level(code string) string {
	switch {
	case len(code) == 9:
		return "town"
	case code[2:] == "0000":
		return "province"
	case code[4:] == "00":
		return "city"
	}
	return "county"
}

func write(name string, rows map[string]*row) {
	codes := make([]string, 0, len(rows))
	for c := range rows {
		codes = append(codes, c)
	}
	sort.Strings(codes)
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write([]string{"code", "name", "level", "valid_from", "valid_to", "source"})
	for _, c := range codes {
		r := rows[c]
		_ = w.Write([]string{c, r.name, level(c), r.from, r.to, r.source})
	}
	w.Flush()
	out := buf.Bytes()
	if filepath.Ext(name) == ".gz" {
		var z bytes.Buffer
		g, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
		if _, err := g.Write(out); err != nil {
			log.Fatal(err)
		}
		if err := g.Close(); err != nil {
			log.Fatal(err)
		}
		out = z.Bytes()
	}
	if err := os.WriteFile(name, out, 0o644); err != nil {
		log.Fatal(err)
	}
}

func read(name string) [][]string {
	b, err := os.ReadFile(name)
	if err != nil {
		log.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(b))
	if filepath.Ext(name) == ".gz" {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			log.Fatal(err)
		}
		r = csv.NewReader(z)
	}
	all, err := r.ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	return all[1:]
}
