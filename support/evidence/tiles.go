package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	flog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// tiles writes the files of a transparency log (C2SP tlog-tiles): bundles of entries, tiles of hashes, and last the
// checkpoint that covers them. It is the one writer of its folder. Nothing of it runs by itself, so that whatever fails is
// an error of the call: what was written without a checkpoint is written again, byte for byte the same.
type tiles struct {
	dir    string
	signer note.Signer
	size   uint64 // under the checkpoint
	full   []string
}

// tileHeight is the height of a tile: 256 hashes.
const tileHeight = 8

// openTiles goes on from a checkpoint, nil for a new log, whose first checkpoint is of nothing.
func openTiles(dir string, signer note.Signer, cp *Checkpoint) (*tiles, error) {
	t := &tiles{dir: dir, signer: signer}
	if cp == nil {
		if err := (disk.OS{}).MkdirAll(dir); err != nil {
			return nil, err
		}
		return t, t.publish(0, rfc6962.DefaultHasher.EmptyRoot())
	}
	t.size = cp.Size
	return t, nil
}

// verify recomputes the root of a checkpoint from the tiles at the tree's edge.
func (t *tiles) verify(cp *Checkpoint) error {
	if cp.Size == 0 {
		return nil
	}
	root, err := tlog.TreeHash(int64(cp.Size), t.reader(nil)) //nolint:gosec // far below
	if err != nil {
		return err
	}
	if !bytes.Equal(root[:], cp.Root) {
		return errors.New("the tiles do not give the root of the checkpoint")
	}
	return nil
}

// add appends entries and publishes the checkpoint that covers them.
func (t *tiles) add(entries [][]byte) error {
	if len(entries) == 0 {
		return nil
	}
	from := int64(t.size) //nolint:gosec // far below
	to := from + int64(len(entries))
	fresh := map[int64]tlog.Hash{}
	r := t.reader(fresh)
	for i, e := range entries {
		n := from + int64(i)
		hs, err := tlog.StoredHashesForRecordHash(n, tlog.RecordHash(e), r)
		if err != nil {
			return fmt.Errorf("transparency log: entry %d: %w", n, err)
		}
		at := tlog.StoredHashIndex(0, n)
		for j, h := range hs {
			fresh[at+int64(j)] = h
		}
	}
	if err := t.bundles(entries); err != nil {
		return err
	}
	for _, x := range tlog.NewTiles(tileHeight, from, to) {
		b, err := tlog.ReadTileData(x, r)
		if err != nil {
			return fmt.Errorf("transparency log: tile %s: %w", x.Path(), err)
		}
		if err := t.write(layout.TilePath(uint64(x.L), uint64(x.N), part(x.W)), b); err != nil { //nolint:gosec // not negative
			return err
		}
		if x.W == 1<<tileHeight {
			t.full = append(t.full, layout.TilePath(uint64(x.L), uint64(x.N), 0)) //nolint:gosec // not negative
		}
	}
	root, err := tlog.TreeHash(to, r)
	if err != nil {
		return fmt.Errorf("transparency log: root: %w", err)
	}
	return t.publish(uint64(to), root[:]) //nolint:gosec // not negative
}

// part is the width of a tile as paths have it: 0 for a full one.
func part(width int) uint8 { return uint8(width % (1 << tileHeight)) } //nolint:gosec // below 256

// bundles writes the bundles that the entries fall into.
func (t *tiles) bundles(entries [][]byte) error {
	index, width := t.size/layout.EntryBundleWidth, int(t.size%layout.EntryBundleWidth)
	var b []byte
	if width > 0 {
		var err error
		if b, err = os.ReadFile(filepath.Join(t.dir, layout.EntriesPath(index, part(width)))); err != nil {
			return fmt.Errorf("transparency log: %w", err)
		}
	}
	for i, e := range entries {
		b = binary.BigEndian.AppendUint16(b, uint16(len(e))) //nolint:gosec // seal.MaxBatch keeps entries below 64 KiB
		b = append(b, e...)
		width++
		if width == layout.EntryBundleWidth || i == len(entries)-1 {
			if err := t.write(layout.EntriesPath(index, part(width)), b); err != nil {
				return err
			}
		}
		if width == layout.EntryBundleWidth {
			t.full = append(t.full, layout.EntriesPath(index, 0))
			index, width, b = index+1, 0, nil
		}
	}
	return nil
}

func (t *tiles) write(path string, b []byte) error {
	name := filepath.Join(t.dir, path)
	dir := filepath.Dir(name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := (disk.OS{}).MkdirAll(dir); err != nil {
			return fmt.Errorf("transparency log: %w", err)
		}
	}
	if err := disk.WriteFile(name, b); err != nil {
		return fmt.Errorf("transparency log: %w", err)
	}
	return nil
}

// publish signs a checkpoint. Files of unfinished tiles that are full by now are removed after it: readers of an older
// checkpoint take the full ones (C2SP tlog-tiles, "partial tiles").
func (t *tiles) publish(size uint64, root []byte) error {
	text := flog.Checkpoint{Origin: t.signer.Name(), Size: size, Hash: root}.Marshal()
	raw, err := note.Sign(&note.Note{Text: string(text)}, t.signer)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	if err := t.write(layout.CheckpointPath, raw); err != nil {
		return err
	}
	t.size = size
	for _, path := range t.full {
		_ = os.RemoveAll(filepath.Join(t.dir, path+".p")) // what stays is in nobody's way
	}
	t.full = nil
	return nil
}

// reader reads hashes of the tree: fresh ones, and those in the tiles under the checkpoint.
func (t *tiles) reader(fresh map[int64]tlog.Hash) tlog.HashReader {
	read := map[tlog.Tile][]byte{}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			if h, ok := fresh[index]; ok {
				out[i] = h
				continue
			}
			x := tlog.TileForIndex(tileHeight, index)
			wide := int64(t.size>>(tileHeight*x.L)) - x.N<<tileHeight //nolint:gosec // far below
			if x.W = int(min(wide, 1<<tileHeight)); x.W <= 0 {
				return nil, fmt.Errorf("hash %d is not in the tree", index)
			}
			b, ok := read[x]
			if !ok {
				var err error
				p := func(p uint8) string { return layout.TilePath(uint64(x.L), uint64(x.N), p) } //nolint:gosec // not negative
				if b, err = readPartial(t.dir, p, part(x.W)); err != nil {
					return nil, err
				}
				if len(b) < x.W*seal.HashSize {
					return nil, errTorn
				}
				b = b[:x.W*seal.HashSize] // the full tile begins with the unfinished one
				read[x] = b
			}
			h, err := tlog.HashFromTile(x, b, index)
			if err != nil {
				return nil, err
			}
			out[i] = h
		}
		return out, nil
	})
}
