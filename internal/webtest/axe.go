package webtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// axe-core judges pages. It comes from npm when a test first needs it, in this version and with this digest, and is kept
// in the user's cache; it never lies in the tree.
const (
	axePackage = "axe-core@4.14.1"
	axeDigest  = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c" // SHA-256 of package/axe.min.js
	axeMost    = 4 << 20
)

var errAxe = errors.New("the package is not what was pinned")

// axe is the script; without npm or its registry the test is skipped, unless KUAYU_REQUIRE_SERVICES is 1.
func axe(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	file := filepath.Join(cache, "kuayu", axePackage, "axe.min.js")
	if b, err := os.ReadFile(file); err == nil && digestOf(b) == axeDigest {
		return string(b)
	}
	b, err := fetchAxe(t)
	if err != nil {
		if os.Getenv("KUAYU_REQUIRE_SERVICES") == "1" {
			t.Fatalf("%s cannot be had, and KUAYU_REQUIRE_SERVICES is 1: %v", axePackage, err)
		}
		t.Skipf("%s cannot be had (npm and its registry are needed once): %v", axePackage, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err == nil {
		kept := file + "." + filepath.Base(t.TempDir())
		if os.WriteFile(kept, b, 0o600) == nil {
			_ = os.Rename(kept, file)
		}
	}
	return string(b)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func fetchAxe(t testing.TB) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "npm", "pack", axePackage, "--pack-destination", dir) //nolint:gosec // a pinned package, into the test's own folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Join(err, errors.New(string(out)))
	}
	packs, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packs) != 1 {
		return nil, errAxe
	}
	raw, err := os.ReadFile(packs[0])
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, errors.Join(errAxe, err)
		}
		if h.Name != "package/axe.min.js" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(r, axeMost))
		if err != nil || digestOf(b) != axeDigest {
			return nil, errors.Join(errAxe, err)
		}
		return b, nil
	}
}
