package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/kuayu/kuayu/internal/httpx"
)

//go:embed assets/ui.css assets/icons.svg assets/mark.svg assets/screen.css assets/screen.js
var files embed.FS

const pathAssets = "/assets/"

// asset is one file as it is sent: named by its content, so that it may be kept for ever.
type asset struct {
	media     string
	plain, gz []byte
}

type assets struct {
	path map[string]string // name in a page → address
	file map[string]asset  // last part of the address → file
}

func readAssets() *assets {
	a := &assets{path: map[string]string{}, file: map[string]asset{}}
	for name, media := range map[string]string{
		"icons.svg": "image/svg+xml", "mark.svg": "image/svg+xml", "ui.css": "text/css; charset=utf-8",
		"screen.css": "text/css; charset=utf-8", "screen.js": "text/javascript; charset=utf-8",
	} {
		b, err := files.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // the compiler put it there
		}
		sum := sha256.Sum256(b)
		ext := path.Ext(name)
		hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.path[name] = pathAssets + hashed
		a.file[hashed] = asset{media: media, plain: b, gz: zip(b)}
	}
	return a
}

// zip compresses; writing to memory does not fail.
func zip(b []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level exists
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// Asset is the address of an embedded file.
func (v *View) Asset(name string) string { return v.assets.path[name] }

// serve sends an asset by its hashed name; any other name is no address, so that an old page never gets a new file.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	f, ok := a.file[r.PathValue("name")]
	if !ok {
		httpx.WriteError(w, r, httpx.ErrRoute.With())
		return
	}
	h := w.Header()
	Headers(h)
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	send(w, r, http.StatusOK, f.plain, f.gz)
}

// compressed sends a page, compressed where that is wanted and worth it.
func compressed(w http.ResponseWriter, r *http.Request, status int, b []byte) {
	var gz []byte
	if len(b) > 1<<10 && takesGzip(r) {
		gz = zip(b)
	}
	send(w, r, status, b, gz)
}

func send(w http.ResponseWriter, r *http.Request, status int, plain, gz []byte) {
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	body := plain
	if gz != nil && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = gz
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// takesGzip reports whether the caller accepts gzip (RFC 9110 section 12.5.3).
func takesGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" || name == "*" {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}
