package evidence

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/kuayu/kuayu/support/seal"
)

// TestHeaderScanAgrees: whatever Encode writes, the fast decoder and the general one read the same.
func TestHeaderScanAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[a-z0-9/ :.]{0,12}`), rapid.String())
		h := Header{
			To: text.Draw(t, "to"), Route: text.Draw(t, "route"), Agreement: text.Draw(t, "agreement"), Outcome: text.Draw(t, "outcome"),
			Rows: rapid.Int64().Draw(t, "rows"), Took: rapid.Int64().Draw(t, "took"), Expires: rapid.Int64Min(0).Draw(t, "expires"), Seq: rapid.Uint64().Draw(t, "seq"),
			Policies: rapid.SliceOfN(text, 0, 3).Draw(t, "policies"), Subjects: rapid.SliceOfN(text, 0, 3).Draw(t, "subjects"), Note: text.Draw(t, "note"),
		}
		b := h.Encode()
		var want Header
		if err := json.Unmarshal(b, &want); err != nil {
			t.Skip("not representable")
		}
		got, err := HeaderOf(&seal.Fact{Header: b})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %+v want %+v (%v)", b, got, want, err)
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte(`{"to":"a","rows":3,"policies":["x"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var fast, slow Header
		if fast.scan(b) && json.Unmarshal(b, &slow) == nil && !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%s: %+v against %+v", b, fast, slow)
		}
	})
}
