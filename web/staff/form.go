package staff

import (
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/web/ui"
)

// Faults are what a package says is wrong, by question; the error itself if it is about no question.
func Faults(v *ui.View, err error) (map[string]string, error) {
	e := errs.As(err)
	if err == nil || e.Kind != errs.Invalid || len(e.Fields) == 0 {
		return nil, err
	}
	out := map[string]string{}
	for _, f := range e.Fields {
		if out[f.Name] == "" {
			out[f.Name] = v.Pick(f.Zh, f.En)
		}
	}
	return out, nil
}

// Lines are what was written one below the other, or with commas of either script.
func Lines(text string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\n\r,，、;；", r) }) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// EndOf is the last second of a day as it is typed; zero if it is none.
func EndOf(v *ui.View, day string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(day), v.Zone)
	if err != nil {
		return time.Time{}
	}
	return t.AddDate(0, 0, 1).Add(-time.Second)
}
