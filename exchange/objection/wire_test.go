package objection

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/wire"
)

// TestWire: the golden message of version 1 is read and written as it is; a newer version's field is left out of account.
func TestWire(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join("testdata", "wire", "notice.v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m notice
	if err := wire.Decode(golden, noticeVersion, &m); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil || string(b) != strings.TrimSpace(string(golden)) {
		t.Errorf("written %s %v, golden %s", b, err, golden)
	}
	newer := strings.Replace(string(golden), `"v":1`, `"v":2,"urgent":true`, 1)
	if err := wire.Decode([]byte(newer), noticeVersion, &m); err != nil {
		t.Errorf("of a newer version: %v", err)
	}
	if err := wire.Decode([]byte(strings.Replace(newer, `"v":2`, `"v":1`, 1)), noticeVersion, &m); err == nil {
		t.Error("an unknown field of this version is taken")
	}
}
