// Package wiretest compares messages with the golden files of their first version.
package wiretest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kuayu/kuayu/internal/wire"
)

// Golden checks the message m points to, of a version, against testdata/wire/name: the golden bytes are read and written
// as they are, what a newer version adds is left out of account, and an unknown field of this version is refused.
func Golden(t *testing.T, name string, version int, m any) {
	t.Helper()
	golden, err := os.ReadFile(filepath.Join("testdata", "wire", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.Decode(golden, version, m); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil || string(b) != strings.TrimSpace(string(golden)) {
		t.Errorf("%s: written %s %v, golden %s", name, b, err, golden)
	}
	newer := strings.Replace(string(golden), `"v":1`, `"v":2,"urgent":true`, 1)
	if err := wire.Decode([]byte(newer), version, m); err != nil {
		t.Errorf("%s, of a newer version: %v", name, err)
	}
	if err := wire.Decode([]byte(strings.Replace(newer, `"v":2`, `"v":1`, 1)), version, m); err == nil {
		t.Errorf("%s: an unknown field of this version is taken", name)
	}
}
