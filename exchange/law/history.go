package law

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/workday"
	"github.com/kuayu/kuayu/support/deadline"
)

// History is a file of testdata: timed acts, and what is expected after each.
type History struct {
	Title   string          `yaml:"title"`
	Law     []int           `yaml:"law"`    // articles of Decree 809 it proves
	Matter  string          `yaml:"matter"` // agreement, catalog, correction, dispute
	Sharing catalog.Sharing `yaml:"sharing"`
	// Profile is a regional profile as deadline.ParseProfile takes it; ProfileRefused the code it must be refused with.
	Profile        map[string]any `yaml:"profile"`
	ProfileRefused string         `yaml:"profile_refused"`
	// Holidays are notices beyond those the program knows, as workday.Calendar.Import takes them.
	Holidays string `yaml:"holidays"`
	Steps    []Step `yaml:"steps"`

	lines    map[string]int // of what can differ: "steps.3.expect.state"
	profile  *deadline.Profile
	calendar *workday.Calendar
}

// Step is an act, or without one a look at how things stand.
type Step struct {
	At      string         `yaml:"at"` // "2026-02-13 09:30" in China, or RFC 3339
	By      deadline.Role  `yaml:"by"`
	Act     string         `yaml:"act"`
	Officer string         `yaml:"officer"` // who; empty: somebody of their own for each act
	Reason  string         `yaml:"reason"`  // the note of an act: of a refusal, a return, a suspension
	Say     map[string]any `yaml:"say"`     // what is said besides, in the place of what is usual
	Expect  Expect         `yaml:"expect"`

	time time.Time
}

// Expect is what must be true after a step. What is left out is not checked; an empty list means none.
type Expect struct {
	Refused    string           `yaml:"refused"` // code of the error the act must meet with; nothing has changed then
	State      string           `yaml:"state"`
	Clocks     *[]ClockLine     `yaml:"clocks"`     // all open clocks, in the order they started
	Violations *[]deadline.Code `yaml:"violations"` // all so far
	Notices    *[]NoticeLine    `yaml:"notices"`    // since the step before
}

// ClockLine is an open clock.
type ClockLine struct {
	Clock       deadline.ID   `yaml:"clock" json:"clock"`
	Due         string        `yaml:"due" json:"due"` // the last day, a date in China
	Holder      deadline.Role `yaml:"holder" json:"holder"`
	Is          string        `yaml:"is" json:"is"` // running, waiting, still, overdue
	Provisional bool          `yaml:"provisional" json:"provisional,omitempty"`
}

func (c ClockLine) String() string {
	s := fmt.Sprintf("%s %s %s %s", c.Clock, c.Due, c.Is, c.Holder)
	if c.Provisional {
		s += " provisional"
	}
	return s
}

// NoticeLine is a notice.
type NoticeLine struct {
	At    string        `yaml:"at" json:"at"`
	Kind  deadline.Kind `yaml:"kind" json:"kind"`
	Clock deadline.ID   `yaml:"clock" json:"clock"`
	To    deadline.Role `yaml:"to" json:"to"`
}

func (n NoticeLine) String() string {
	return fmt.Sprintf("%s %s %s to %s", n.At, n.Kind, n.Clock, n.To)
}

// Bounds of a file.
const (
	maxBytes = 256 << 10
	maxSteps = 500
	maxNodes = 20_000
	maxDepth = 12
	maxText  = 400                       // bytes of one text but Holidays
	maxSpan  = 20 * 366 * 24 * time.Hour // from the first step to the last
	minute   = "2006-01-02 15:04"
)

func invalid(line int, en, zh string) error { return ErrHistory.With(en, zh, line) }

// Parse reads a history, strictly: YAML of at most 256 KiB without anchors, unknown or repeated members; at most 500
// steps in order of time. ErrHistory names the first bad line.
func Parse(b []byte) (*History, error) {
	if len(b) > maxBytes || !utf8.Valid(b) {
		return nil, invalid(1, "longer than 256 KiB, or not UTF-8", "超过 256 KiB 或不是 UTF-8")
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var root yaml.Node
	if err := d.Decode(&root); err != nil {
		return nil, unreadable(err)
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, invalid(max(more.Line, 1), "a file holds one document", "一个文件只能有一份文档")
	}
	h := &History{lines: map[string]int{}}
	count := 0
	if err := h.walk(root.Content[0], "", 0, &count); err != nil {
		return nil, err
	}
	strict := yaml.NewDecoder(bytes.NewReader(b))
	strict.KnownFields(true)
	if err := strict.Decode(h); err != nil {
		return nil, unreadable(err)
	}
	return h, h.check()
}

var lineOf = regexp.MustCompile(`line (\d+): (.*)`)

// unreadable turns an error of the YAML library into one that names the line.
func unreadable(err error) error {
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		what, _, _ := strings.Cut(m[2], " in type ")
		return ErrHistory.Because(err, what, "无法识别（"+what+"）", n)
	}
	if errors.Is(err, io.EOF) {
		return ErrHistory.With("the file is empty", "文件是空的", 1)
	}
	return ErrHistory.Because(err, "not YAML", "不是 YAML", 1)
}

// walk notes the lines of the document and refuses what a history has no need of.
func (h *History) walk(n *yaml.Node, path string, depth int, count *int) error {
	if *count++; *count > maxNodes || depth > maxDepth {
		return invalid(n.Line, "too much, or nested too deeply", "内容过多或嵌套过深")
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return invalid(n.Line, "anchors and aliases are not taken", "不接受锚点和别名")
	}
	h.lines[path] = n.Line
	switch n.Kind { //nolint:exhaustive // scalars have nothing below them
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			p := strings.TrimPrefix(path+"."+k.Value, ".")
			if err := h.walk(v, p, depth+1, count); err != nil {
				return err
			}
			h.lines[p] = k.Line
		}
	case yaml.SequenceNode:
		for i, v := range n.Content {
			if err := h.walk(v, path+"."+strconv.Itoa(i), depth+1, count); err != nil {
				return err
			}
		}
	case yaml.ScalarNode:
		if len(n.Value) > maxText && path != "holidays" {
			return invalid(n.Line, "a text is longer than 400 bytes", "文本超过 400 字节")
		}
	}
	return nil
}

// line is where something is said, or where the step begins that leaves it out.
func (h *History) line(step int, what string) int {
	at := "steps." + strconv.Itoa(step)
	if n, ok := h.lines[at+"."+what]; ok && what != "" {
		return n
	}
	return max(h.lines[at], 1)
}

func (h *History) check() error {
	top := func(name string) int { return max(h.lines[name], 1) }
	switch {
	case h.Title == "":
		return invalid(1, "a history needs a title", "案例须有标题")
	case len(h.Law) == 0 || len(h.Law) > 10:
		return invalid(top("law"), "name the articles it is about, one to ten", "请写明所涉条文，一至十条")
	case matterOf(h.Matter) == nil:
		return invalid(top("matter"), "matter is agreement, catalog, correction or dispute", "matter 应为 agreement、catalog、correction 或 dispute")
	case h.Matter == "agreement" && h.Sharing != catalog.Unconditional && h.Sharing != catalog.Conditional:
		return invalid(top("sharing"), "sharing is unconditional or conditional", "sharing 应为 unconditional 或 conditional")
	case h.Matter != "agreement" && h.Sharing != "":
		return invalid(top("sharing"), "sharing belongs to agreements", "只有 agreement 才写 sharing")
	case len(h.Steps) > maxSteps:
		return invalid(top("steps"), "more than 500 steps", "超过 500 步")
	case len(h.Steps) == 0 && h.ProfileRefused == "":
		return invalid(1, "a history needs steps", "案例须有步骤")
	}
	h.calendar = workday.Builtin()
	if h.Holidays != "" {
		c, err := h.calendar.Import(strings.NewReader(h.Holidays))
		if err != nil {
			e := errs.As(err)
			return ErrHistory.Because(err, e.En, e.Zh, top("holidays"))
		}
		h.calendar = c
	}
	return h.checkSteps()
}

func (h *History) checkSteps() error {
	for i := range h.Steps {
		s := &h.Steps[i]
		t, err := moment(s.At)
		if err != nil {
			return ErrHistory.Because(err, "at is like 2026-02-13 09:30, or RFC 3339", "at 写作 2026-02-13 09:30 或 RFC 3339", h.line(i, "at"))
		}
		s.time = t
		switch {
		case i > 0 && t.Before(h.Steps[i-1].time):
			return invalid(h.line(i, "at"), "earlier than the step before", "早于上一步")
		case t.Sub(h.Steps[0].time) > maxSpan:
			return invalid(h.line(i, "at"), "more than 20 years after the first step", "距第一步超过 20 年")
		case s.Act != "" && !s.By.Known() && s.Act != "expire":
			return invalid(h.line(i, "by"), "by is provider, applicant or authority", "by 应为 provider、applicant 或 authority")
		case s.Act == "" && (s.By != "" || s.Officer != "" || s.Say != nil || s.Reason != "" || s.Expect.Refused != ""):
			return invalid(h.line(i, ""), "without an act there is only at and expect", "没有 act 时只能写 at 和 expect")
		}
	}
	return nil
}

func moment(s string) (time.Time, error) {
	if t, err := time.ParseInLocation(minute, s, clock.China()); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}

// settings reads the regional profile.
func (h *History) settings() error {
	if h.Profile == nil {
		h.profile = &deadline.Profile{}
		return nil
	}
	b, err := json.Marshal(h.Profile)
	if err != nil {
		return ErrHistory.Because(err, "the profile is no JSON", "profile 不是 JSON", h.lines["profile"])
	}
	h.profile, err = deadline.ParseProfile(b)
	return err
}
