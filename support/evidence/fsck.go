package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// Finding is one fault fsck found, with the file it is in.
type Finding struct {
	File string `json:"file"`
	What string `json:"what"`
}

// Report is what fsck did and found.
type Report struct {
	Batches  uint64    `json:"batches"`
	Facts    uint64    `json:"facts"`
	Erased   uint64    `json:"erased"`
	Logged   uint64    `json:"logged"` // entries of the transparency log
	Files    int       `json:"files"`  // log files compared byte for byte
	Findings []Finding `json:"findings"`
	// Aside are facts that are intact and provable, but that the index can't take: they are found by their place alone.
	Aside []Finding `json:"aside"`
}

func (r *Report) find(file, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{File: file, What: fmt.Sprintf(format, args...)})
}

// Fsck checks the evidence in dir without changing it, independently of the code that writes it: every frame, every
// signature, the chain of batches, each fact against its commitment; then it computes the transparency log anew from
// the segments and compares the checkpoint and every bundle and tile reachable from it byte for byte.
func Fsck(ctx context.Context, dir string, key seal.PublicKey, log seal.Log, v note.Verifier) (*Report, error) {
	r := &Report{Findings: []Finding{}, Aside: []Finding{}}
	leaves, err := r.segments(ctx, dir, key, log)
	if err != nil {
		return nil, err
	}
	return r, r.tlog(ctx, dir, v, leaves)
}

// leafOf is what the transparency log must hold for a batch.
type leafOf struct {
	hash  []byte
	entry []byte
}

func (r *Report) segments(ctx context.Context, dir string, key seal.PublicKey, log seal.Log) ([]leafOf, error) {
	var leaves []leafOf
	var prev seal.Hash
	segDir := filepath.Join(dir, "segments")
	last, end := 0, int64(0)
	err := walk(disk.OS{}, segDir, func(s *stored) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		name := filepath.Base(segmentName(segDir, s.segment))
		h := s.entry.Header
		if h.Number != uint64(len(leaves)) || h.Prev != prev || h.Log != log {
			r.find(name, "offset %d: batch %d does not follow batch %d", s.off, h.Number, len(leaves)-1)
		}
		if err := s.entry.Verify(key); err != nil {
			r.find(name, "offset %d: the signature of batch %d does not verify", s.off, h.Number)
		}
		for i := range s.facts {
			r.fact(name, s, i)
		}
		prev = s.entry.Root()
		last, end = s.segment, s.end
		r.Batches++
		leaves = append(leaves, leafOf{rfc6962.DefaultHasher.HashLeaf(s.rawEntry), append([]byte(nil), s.rawEntry...)})
		return true, nil
	})
	var torn *tornError
	switch {
	case errors.As(err, &torn):
		r.find(torn.name, "offset %d: %v", torn.off, torn.cause)
	case err != nil && ctx.Err() == nil:
		r.find("segments", "%v", err)
	case err != nil:
		return nil, err
	default:
		r.tail(segmentName(segDir, last), end)
	}
	return leaves, nil
}

// tail checks that nothing but zeros follows the last batch.
func (r *Report) tail(name string, end int64) {
	f, err := disk.OS{}.Open(name, false)
	if err != nil {
		return // no segment at all: nothing to check
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil || !zeros(f, end, size) {
		r.find(filepath.Base(name), "offset %d: something follows the last batch", end)
	}
}

func (r *Report) fact(name string, s *stored, i int) {
	f := &s.facts[i]
	r.Facts++
	if f.erased {
		r.Erased++
		return
	}
	suite := s.entry.Header.Suite
	if suite.Commit(f.salt, f.fact) != s.entry.Commitments[i] {
		r.find(name, "offset %d: fact %d of batch %d does not match its commitment", f.off, i, s.entry.Header.Number)
		return
	}
	d, err := seal.DecodeFact(f.fact)
	if err != nil {
		r.find(name, "offset %d: fact %d of batch %d: %v", f.off, i, s.entry.Header.Number, err)
		return
	}
	if f.hasBody && suite.Body(f.bodySalt, f.body) != d.BodyHash {
		r.find(name, "offset %d: the body of fact %d of batch %d does not match its hash", f.off, i, s.entry.Header.Number)
	}
	if _, _, err := entryOf(f.fact); err != nil {
		r.Aside = append(r.Aside, Finding{File: name, What: fmt.Sprintf("offset %d: fact %d of batch %d is not indexed: %s", f.off, i, s.entry.Header.Number, reasonOf(err))})
	}
}

// tlog compares the files of the transparency log with what the segments say they must be.
func (r *Report) tlog(ctx context.Context, dir string, v note.Verifier, leaves []leafOf) error {
	base := filepath.Join(dir, "tlog")
	raw, err := os.ReadFile(filepath.Join(base, layout.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		if len(leaves) > 0 {
			r.find(layout.CheckpointPath, "missing")
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	cp, err := parseCheckpoint(raw, v)
	if err != nil {
		r.find(layout.CheckpointPath, "the signature or format does not verify")
		return nil //nolint:nilerr // reported as a finding
	}
	r.Logged = cp.Size
	if cp.Size > uint64(len(leaves)) {
		r.find(layout.CheckpointPath, "it covers %d batches, the segments hold %d", cp.Size, len(leaves))
		return nil
	}
	hashes := make([][]byte, cp.Size)
	for i := range hashes {
		hashes[i] = leaves[i].hash
	}
	if root := rootOf(hashes); !bytes.Equal(root, cp.Root) {
		r.find(layout.CheckpointPath, "its root is not the root of the batches in the segments")
	}
	for i := uint64(0); i*layout.EntryBundleWidth < cp.Size; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.bundle(base, i, cp.Size, leaves)
	}
	level := hashes
	for l := uint64(0); len(level) > 0; l++ {
		for i := 0; i*layout.TileWidth < len(level); i++ {
			r.tile(base, l, uint64(i), cp.Size, level[i*layout.TileWidth:min(len(level), (i+1)*layout.TileWidth)])
		}
		var up [][]byte
		for i := 0; (i+1)*layout.TileWidth <= len(level); i++ {
			up = append(up, rootOf(level[i*layout.TileWidth:(i+1)*layout.TileWidth]))
		}
		level = up
	}
	return nil
}

func (r *Report) bundle(base string, i, size uint64, leaves []leafOf) {
	p := layout.PartialTileSize(0, i, size)
	path := layout.EntriesPath(i, p)
	raw, err := readPartial(base, func(p uint8) string { return layout.EntriesPath(i, p) }, p)
	if err != nil {
		r.find(path, "missing or unreadable")
		return
	}
	r.Files++
	first := i * layout.EntryBundleWidth
	n := min(size-first, layout.EntryBundleWidth)
	var want []byte
	for _, l := range leaves[first : first+n] {
		want = append(want, byte(len(l.entry)>>8), byte(len(l.entry))) //nolint:gosec // entries are below 64 KiB
		want = append(want, l.entry...)
	}
	if !bytes.Equal(raw[:min(len(raw), len(want))], want) || (p != 0 && len(raw) < len(want)) {
		r.find(path, "it does not hold the batches of the segments")
	}
}

func (r *Report) tile(base string, level, index, size uint64, want [][]byte) {
	p := layout.PartialTileSize(level, index, size)
	path := layout.TilePath(level, index, p)
	raw, err := readPartial(base, func(p uint8) string { return layout.TilePath(level, index, p) }, p)
	if err != nil {
		r.find(path, "missing or unreadable")
		return
	}
	r.Files++
	joined := bytes.Join(want, nil)
	if !bytes.Equal(raw[:min(len(raw), len(joined))], joined) {
		r.find(path, "its hashes are not those of the batches in the segments")
	}
}

// rootOf is the RFC 6962 Merkle tree hash over leaf or node hashes.
func rootOf(level [][]byte) []byte {
	if len(level) == 0 {
		return rfc6962.DefaultHasher.EmptyRoot()
	}
	for len(level) > 1 {
		next := make([][]byte, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			next = append(next, rfc6962.DefaultHasher.HashChildren(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			next = append(next, level[len(level)-1])
		}
		level = next
	}
	return level[0]
}
