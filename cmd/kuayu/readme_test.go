package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shellBlocks returns the shell commands of a page, block by block.
func shellBlocks(t *testing.T, name string) [][]string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(b), -1) {
		var lines []string
		for _, l := range strings.Split(m[1], "\n") {
			l, _, _ = strings.Cut(l, " # ")
			if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
				lines = append(lines, l)
			}
		}
		out = append(out, lines)
	}
	return out
}

func words(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|\S+`).FindAllStringSubmatch(line, -1) {
		if strings.HasPrefix(m[0], `"`) {
			out = append(out, m[1])
		} else {
			out = append(out, m[0])
		}
	}
	return out
}

// Every kuayu command on both pages is one that the parser takes, and both pages show the same ones.
func TestReadmeCommandsParse(t *testing.T) {
	var pages [2][]string
	for i, name := range []string{"../../README.md", "../../README.zh-CN.md"} {
		for _, block := range shellBlocks(t, name) {
			for _, line := range block {
				pages[i] = append(pages[i], regexp.MustCompile(`"[^"]*"`).ReplaceAllString(line, `"…"`))
				args, ok := strings.CutPrefix(line, "kuayu ")
				if !ok {
					continue
				}
				args, _, _ = strings.Cut(strings.TrimSuffix(args, " &"), " > ")
				p, err := newParser(&tree{}, "en", io.Discard, io.Discard)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := p.Parse(words(args)); err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
			}
		}
	}
	if en, zh := strings.Join(pages[0], "\n"), strings.Join(pages[1], "\n"); en != zh {
		t.Errorf("the pages show different commands:\n%s\n---\n%s", en, zh)
	}
	if len(pages[0]) < 30 {
		t.Errorf("only %d commands found", len(pages[0]))
	}
}

// The federation by hand works as written: the block is run, line by line, with ids and ports filled in.
func TestReadmeFederation(t *testing.T) {
	var block []string
	for _, b := range shellBlocks(t, "../../README.md") {
		if strings.HasPrefix(b[0], "kuayu init") {
			block = b
		}
	}
	h := newHand(t)
	for _, line := range block {
		h.run(line)
	}
	if !strings.Contains(h.said, "TERMINATED") {
		t.Errorf("the last command said %s", h.said)
	}
	h.fails("kuayu query AGREEMENT --purpose relocation --dir sh --actor app", 3, "agreement.revoked")
}

// hand types commands.
type hand struct {
	t     *testing.T
	dir   string
	bin   string
	said  string            // by the last command
	known map[string]string // what stands for what: ids, ports
}

func newHand(t *testing.T) *hand {
	t.Helper()
	example, err := filepath.Abs("testdata/example")
	if err != nil {
		t.Fatal(err)
	}
	bin, err := exec.LookPath("kuayu") // put there by TestMain
	if err != nil {
		t.Fatal(err)
	}
	h := &hand{t: t, dir: t.TempDir(), bin: bin, known: map[string]string{"cmd/kuayu/testdata/example": example}}
	for i, addr := range freePorts(t, 8) {
		h.known["127.0.0.1:84"+[]string{"41", "42", "43", "44", "51", "52", "53", "54"}[i]] = addr
	}
	return h
}

// fill puts real values for the names on the page.
func (h *hand) fill(line string) []string {
	h.t.Helper()
	for _, name := range []string{"REQUEST", "THEIRS", "AGREEMENT"} {
		if strings.Contains(line, " "+name+" ") && h.known[name] == "" {
			h.known[name] = h.lookUp(name)
		}
	}
	args := words(line)
	for i := range args {
		for name, v := range h.known {
			args[i] = strings.ReplaceAll(args[i], name, v)
		}
	}
	if len(args) > 1 && args[1] == "init" && !strings.Contains(line, "--listen") { // the page takes the default ports
		for _, l := range [][2]string{{"peer", "41"}, {"staff", "42"}, {"public", "43"}, {"admin", "44"}} {
			args = append(args, "--listen-"+l[0], h.known["127.0.0.1:84"+l[1]])
		}
	}
	return args
}

// lookUp finds an id as a person would, in a list.
func (h *hand) lookUp(name string) string {
	h.t.Helper()
	how := map[string][2]string{
		"REQUEST":   {"request list --dir sh --actor officer -o json", "0.id"},
		"THEIRS":    {"request list --state reviewing --dir zj --actor officer -o json", "0.id"},
		"AGREEMENT": {"agreement list --state active --dir sh --actor officer -o json", "0.agreement"},
	}[name]
	id := ""
	h.await(func() bool {
		out, _, err := h.exec(append([]string{"kuayu"}, words(how[0])...))
		id = member(out, how[1])
		return err == nil && id != ""
	}, how[0])
	return id
}

func (h *hand) exec(args []string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, h.bin, args[1:]...)
	var out, errOut bytes.Buffer
	c.Dir, c.Env, c.Stdout, c.Stderr = h.dir, append(os.Environ(), "KUAYU_LANG=en"), &out, &errOut
	err = c.Run()
	return out.String(), errOut.String(), err
}

func (h *hand) await(ok func() bool, what string) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func (h *hand) run(line string) {
	h.t.Helper()
	line, background := strings.CutSuffix(line, " &")
	line, file, redirected := strings.Cut(line, " > ")
	args := h.fill(line)
	if background {
		h.serve(args)
		return
	}
	out, errOut, err := h.exec(args)
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, errOut)
	}
	h.said = out
	if redirected {
		if err := os.WriteFile(filepath.Join(h.dir, file), []byte(out), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	if m := regexp.MustCompile(`(?m)^genesis +([0-9a-f]{64})$`).FindStringSubmatch(out); m != nil {
		h.known["GENESIS"] = m[1]
	}
}

func (h *hand) serve(args []string) {
	h.t.Helper()
	c := exec.CommandContext(h.t.Context(), h.bin, args[1:]...)
	c.Dir = h.dir
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Wait() })
	h.await(func() bool {
		_, _, err := h.exec([]string{"kuayu", "status", "--dir", args[3]})
		return err == nil
	}, "serve "+args[3])
}

func (h *hand) fails(line string, code int, want string) {
	h.t.Helper()
	h.await(func() bool {
		_, errOut, err := h.exec(h.fill(line))
		var exit *exec.ExitError
		return errors.As(err, &exit) && exit.ExitCode() == code && strings.Contains(errOut, want)
	}, line+" → "+want)
}

func TestExamplesAreJSON(t *testing.T) {
	for _, name := range []string{"resource.json", "standing.json"} {
		b, err := os.ReadFile(filepath.Join("testdata", "example", name))
		if err != nil || !json.Valid(b) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
