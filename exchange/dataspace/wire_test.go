package dataspace

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
	golden, err := os.ReadFile(filepath.Join("testdata", "wire", "own.v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m ownMessage
	if err := wire.Decode(golden, ownVersion, &m); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil || string(b) != strings.TrimSpace(string(golden)) {
		t.Errorf("written %s %v, golden %s", b, err, golden)
	}
	newer := strings.Replace(string(golden), `"v":1`, `"v":2,"urgent":true`, 1)
	if err := wire.Decode([]byte(newer), ownVersion, &m); err != nil {
		t.Errorf("of a newer version: %v", err)
	}
	if err := wire.Decode([]byte(strings.Replace(newer, `"v":2`, `"v":1`, 1)), ownVersion, &m); err == nil {
		t.Error("an unknown field of this version is taken")
	}
}
