package process

import (
	"strings"
	"unicode/utf8"

	"github.com/kuayu/kuayu/internal/errs"
)

// MaxLines bounds the lists people write down.
const MaxLines = 64

// Text reports whether somebody wrote something of sensible length.
func Text(s string) bool { return strings.TrimSpace(s) != "" && Brief(s) }

// Brief is text that may be left empty.
func Brief(s string) bool { return len(s) <= MaxNote && utf8.ValidString(s) }

// Faults collects everything wrong with what was said, so that all of it is answered at once.
type Faults []errs.Field

// Need notes a fault unless ok.
func (f *Faults) Need(ok bool, name, zh, en string) {
	if !ok {
		*f = append(*f, errs.Field{Name: name, Zh: zh, En: en})
	}
}

// Err is the error with all faults, nil if there are none.
func (f Faults) Err(e *errs.Def) error {
	if len(f) == 0 {
		return nil
	}
	return e.With().WithFields(f...)
}
