package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kuayu": main, "mkreceipt": mkreceipt, "tamper": tamper})
}

func TestScripts(t *testing.T) {
	example, err := filepath.Abs("testdata/example")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for i, addr := range freePorts(t, 8) { // $PORT1 to $PORT8
				e.Setenv("PORT"+strconv.Itoa(i+1), addr)
			}
			e.Setenv("LANG", "en_US.UTF-8")
			e.Setenv("EXAMPLE", example)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "await": await, "capture": capture},
	})
}

// freePorts finds free loopback addresses, all different.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range n {
		addr, err := httpx.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, addr)
	}
	return out
}

// code N command… runs a command that must end with the exit code N.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command…")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// await command… repeats a command until it succeeds, for at most 20 seconds.
func await(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := ts.Exec(args[0], args[1:]...)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// capture NAME path command… sets a variable to a member of the JSON a command prints; path is a.b or 0.b.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		v := ""
		if err := ts.Exec(args[2], args[3:]...); err == nil {
			v = member(ts.ReadFile("stdout"), args[1])
		}
		if v != "" {
			ts.Setenv(args[0], v)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s stays empty", args[1])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func member(text, path string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return ""
	}
	name := ""
	for path != "" {
		name, path = cut(path)
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(x) {
				return ""
			}
			v = x[i]
		}
	}
	s, _ := v.(string)
	return s
}

func cut(path string) (first, rest string) {
	for i := range len(path) {
		if path[i] == '.' {
			return path[:i], path[i+1:]
		}
	}
	return path, ""
}

// mkreceipt DIR RECEIPT CONSTITUTION seals a fact at a node and writes its receipt and the constitution.
func mkreceipt() {
	helper(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		n, err := node.Open(ctx, os.Args[1], node.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		done := make(chan error, 1)
		run, stop := context.WithCancel(ctx)
		defer stop()
		go func() { done <- n.Run(run) }()
		<-n.Ready()
		h := evidence.Header{Agreement: "agreement-1", Outcome: "ok", Rows: 7}
		if _, err := n.Log.Seal(ctx, evidence.Draft{Kind: "query.close", ID: "fact-1", Header: h.Encode(), Body: []byte(`{"plan":{}}`)}); err != nil {
			return err
		}
		if _, err := n.Index.Project(ctx); err != nil {
			return err
		}
		var r *evidence.Receipt
		for r == nil || r.Inclusion == nil {
			rec, err := n.Index.Record(ctx, db.System("test"), "fact-1")
			if err != nil {
				return err
			}
			if r, err = n.Issuer.Receipt(ctx, rec, true); err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		if err := errors.Join(<-done, n.Close()); err != nil {
			return err
		}
		return errors.Join(writeJSON(os.Args[2], r), writeJSON(os.Args[3], n.API.ConstitutionDocument()))
	})
}

// tamper FILE OUT MEMBER N changes one bit of byte N of a base64 member of a JSON file.
func tamper() {
	helper(func() error {
		b, err := os.ReadFile(os.Args[1])
		if err != nil {
			return err
		}
		var r evidence.Receipt
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		n, err := strconv.Atoi(os.Args[4])
		if err != nil {
			return err
		}
		part := map[string][]byte{"sealed": r.Sealed, "body": r.Body, "entry": r.Inclusion.Entry, "statement": r.Statement.Document}[os.Args[3]]
		part[n] ^= 1
		return writeJSON(os.Args[2], r)
	})
}

func writeJSON(file string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return disk.WriteFile(file, b)
}

func helper(f func() error) {
	if err := f(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
