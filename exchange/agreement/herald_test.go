package agreement

import (
	"slices"
	"testing"

	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

// TestEveryEventTellsSomebody: each event has a line or a reason why not; a line names a kind that has texts, and an end
// and roles that can hear it.
func TestEveryEventTellsSomebody(t *testing.T) {
	lines, kinds := map[Event]int{}, map[notice.Kind]bool{}
	for _, k := range notice.Kinds() {
		kinds[k.Kind] = true
	}
	twice := map[[2]string]bool{}
	for _, r := range toldTable() {
		lines[r.on]++
		key := [2]string{string(r.on), string(r.at)}
		if twice[key] || len(r.to) == 0 || (r.at != Consumer && r.at != Provider) {
			t.Errorf("%s: %+v", r.on, r)
		}
		twice[key] = true
		if !kinds[r.kind] {
			t.Errorf("%s: no text for %s", r.on, r.kind)
		}
		if !slices.Contains(Events(), r.on) {
			t.Errorf("unknown event %s", r.on)
		}
		if slices.Contains(r.to, identity.Authority) && len(r.to) > 1 {
			t.Errorf("%s: the authority belongs to no department", r.on)
		}
	}
	for _, e := range Events() {
		why := untold()[e]
		if (lines[e] == 0) != (why != "") {
			t.Errorf("%s: %d lines, and the reason against is %q", e, lines[e], why)
		}
	}
}
