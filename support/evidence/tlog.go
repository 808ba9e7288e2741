package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	tlog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/support/seal"
)

// Tlog is the transparency log of one epoch: entry i is batch i. It is derived from the segments and can be rebuilt
// from them byte for byte.
type Tlog struct {
	log      *Log
	dir      string
	signer   note.Signer
	verifier note.Verifier
	interval time.Duration

	latest atomic.Pointer[Checkpoint]
	floor  uint64 // smaller checkpoints are not shown: the log is being rebuilt, and others have seen it longer
	ready  chan struct{}

	mu       sync.Mutex
	proofs   map[[2]uint64][][]byte // consistency proofs to the latest checkpoint
	cosigned *Checkpoint            // the latest checkpoint with a cosignature
	recent   map[uint64]*Checkpoint // published lately, by size
	order    []uint64
	kept     *Checkpoint // in the file of the cosigned one
	keptAt   time.Time
}

// Checkpoint is a signed tree head of a transparency log.
type Checkpoint struct {
	Raw  []byte // signed note
	Size uint64
	Root []byte
}

// NewTlog prepares the transparency log of l; Run opens it. verifier belongs to signer. interval is the time between
// checkpoints, at least 100 ms.
func NewTlog(l *Log, signer note.Signer, verifier note.Verifier, interval time.Duration) *Tlog {
	return &Tlog{
		log: l, dir: filepath.Join(l.cfg.Dir, "tlog"), signer: signer, verifier: verifier, interval: interval,
		ready: make(chan struct{}), proofs: map[[2]uint64][][]byte{}, recent: map[uint64]*Checkpoint{},
	}
}

// ID is the log that this is the transparency log of.
func (t *Tlog) ID() seal.Log { return t.log.ID() }

// Ready is closed when the first checkpoint can be read.
func (t *Tlog) Ready() <-chan struct{} { return t.ready }

// Latest returns the newest checkpoint, nil before there is one.
func (t *Tlog) Latest() *Checkpoint { return t.latest.Load() }

// Run carries durable batches into the transparency log until ctx ends. Whatever fails ends it; it can be run again, and
// goes on from what it published last. ErrCorrupt says that log and segments contradict each other.
func (t *Tlog) Run(ctx context.Context) error {
	cp, err := t.check()
	if err != nil {
		return err
	}
	t.loadCosigned()
	files, err := openTiles(t.dir, t.signer, cp)
	if err != nil {
		return err
	}
	// Once per interval: every round of integration flushes a handful of files and folders, which the segments' flushes
	// have to share the disk with. Logs that share a machine take turns.
	ticker := time.NewTicker(t.turn())
	defer ticker.Stop()
	for {
		if err := t.carry(ctx, files); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			if err := t.carry(context.WithoutCancel(ctx), files); err != nil {
				return err
			}
			return t.keepCosigned(0)
		case <-ticker.C:
			ticker.Reset(t.interval)
		}
		if err := t.keepCosigned(keepEvery); err != nil {
			return err
		}
	}
}

// cosignedFile holds the newest checkpoint that others cosigned, beside the log: with it a fact can be shown to be as old
// as it says after a restart, and when its epoch is long over.
const cosignedFile = "cosigned"

// keepEvery is how often that file is written while the log grows.
const keepEvery = time.Minute

// keepCosigned writes the newest cosigned checkpoint, if there is a newer one than the file has and the last writing is
// long enough ago.
func (t *Tlog) keepCosigned(every time.Duration) error {
	cp, now := t.Cosigned(), t.log.cfg.Clock.Now()
	if cp == nil || cp == t.kept || now.Sub(t.keptAt) < every {
		return nil
	}
	if err := disk.WriteFile(filepath.Join(filepath.Dir(t.dir), cosignedFile), cp.Raw); err != nil {
		return fmt.Errorf("cosigned checkpoint: %w", err)
	}
	t.kept, t.keptAt = cp, now
	return nil
}

// loadCosigned reads what keepCosigned wrote; what is unreadable is as if nobody had cosigned yet.
func (t *Tlog) loadCosigned() {
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(t.dir), cosignedFile))
	if err != nil {
		return
	}
	cp, err := parseCheckpoint(raw, t.verifier)
	if err != nil || cp.Size > t.log.Durable() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cosigned == nil {
		t.cosigned, t.kept = cp, cp
	}
}

// past is the transparency log of an earlier epoch, read from its files, with the newest checkpoint there that covers a
// batch: one that others cosigned, else the log's own. No checkpoint: the batch was never logged.
func past(epoch string, batch uint64) (*Tlog, *Checkpoint) {
	t := &Tlog{dir: filepath.Join(epoch, "tlog")}
	for _, file := range []string{filepath.Join(epoch, cosignedFile), filepath.Join(t.dir, layout.CheckpointPath)} {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		var none *note.UnverifiedNoteError
		if _, err := note.Open(raw, note.VerifierList()); !errors.As(err, &none) {
			continue // no note
		}
		if cp, err := unverified(raw); err == nil && cp.Size > batch {
			return t, &Checkpoint{Raw: raw, Size: cp.Size, Root: cp.Hash}
		}
	}
	return t, nil
}

// turn is after how long the first round of integration follows the start: from half an interval to a whole one, by the
// log's name, so that nodes started together do not all integrate at the same moment.
func (t *Tlog) turn() time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.signer.Name()))
	return t.interval/2 + t.interval/2*time.Duration(h.Sum32()%16)/16
}

// carryStep is how many batches go under one checkpoint at most: what a log that is rebuilt holds in memory.
const carryStep = 4096

// carryPace is how many are hashed in one go while the log keeps up: exchanges share the processors.
const carryPace = 32

// carry adds the batches that became durable since, and publishes.
func (t *Tlog) carry(ctx context.Context, files *tiles) error {
	end := t.log.Durable()
	for files.size < end && ctx.Err() == nil {
		var entries [][]byte
		err := t.log.scanBriefly(files.size, func(s *stored) (bool, error) {
			if s.entry.Header.Number >= end || len(entries) == carryStep {
				return false, nil
			}
			entries = append(entries, bytes.Clone(s.rawEntry))
			if end-files.size < carryStep && len(entries)%carryPace == 0 {
				time.Sleep(time.Millisecond)
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break // the end of the segments reads as torn: next time
		}
		if err := files.add(entries); err != nil {
			return err
		}
		if err := t.refresh(); err != nil {
			return err
		}
	}
	return t.refresh()
}

// refresh reads the published checkpoint.
func (t *Tlog) refresh() error {
	raw, err := os.ReadFile(filepath.Join(t.dir, layout.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if old := t.latest.Load(); old != nil && string(old.Raw) == string(raw) {
		return nil
	}
	cp, err := parseCheckpoint(raw, t.verifier)
	if err != nil {
		return err
	}
	if cp.Size < t.floor {
		return nil
	}
	first := t.latest.Swap(cp) == nil
	t.mu.Lock()
	t.proofs = map[[2]uint64][][]byte{}
	t.recent[cp.Size] = cp
	if t.order = append(t.order, cp.Size); len(t.order) > recentLimit {
		delete(t.recent, t.order[0])
		t.order = t.order[1:]
	}
	t.mu.Unlock()
	if first {
		close(t.ready)
	}
	return nil
}

func parseCheckpoint(raw []byte, v note.Verifier) (*Checkpoint, error) {
	if len(raw) > 64<<10 {
		return nil, ErrCheckpoint.With("too long")
	}
	cp, _, _, err := tlog.ParseCheckpoint(raw, v.Name(), v)
	if err != nil {
		return nil, ErrCheckpoint.Because(err, "signature or format")
	}
	return &Checkpoint{Raw: raw, Size: cp.Size, Root: cp.Hash}, nil
}

// check compares the end of an existing transparency log with the segments, and gives its checkpoint. A folder that is
// unreadable at the end is moved aside and rebuilt, and so is one that was never begun: nil. The segments are the record.
func (t *Tlog) check() (*Checkpoint, error) {
	raw, err := os.ReadFile(filepath.Join(t.dir, layout.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		t.floor = max(t.floor, t.log.Durable())
		return nil, nil //nolint:nilnil // none is what there is
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	cp, err := parseCheckpoint(raw, t.verifier)
	if err != nil {
		return nil, t.moveAside()
	}
	if cp.Size > t.log.Durable() {
		return nil, ErrCorrupt.With(fmt.Sprintf("a published checkpoint covers %d batches, the segments hold only %d", cp.Size, t.log.Durable()))
	}
	if cp.Size == 0 {
		return cp, nil
	}
	if err := (&tiles{dir: t.dir, size: cp.Size}).verify(cp); err != nil {
		return nil, t.damaged(err)
	}
	last := (cp.Size - 1) / layout.EntryBundleWidth
	if _, err := t.readBundle(context.Background(), last, layout.PartialTileSize(0, last, cp.Size)); err != nil {
		return nil, t.damaged(err) // as the system says it, which the client below does not
	}
	bundle, err := client.GetEntryBundle(context.Background(), t.readBundle, last, cp.Size)
	if err != nil {
		return nil, t.damaged(err)
	}
	same := false
	err = t.log.scan(cp.Size-1, func(s *stored) (bool, error) {
		i := int((cp.Size - 1) % layout.EntryBundleWidth)
		same = i < len(bundle.Entries) && string(bundle.Entries[i]) == string(s.rawEntry)
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, t.moveAside()
	}
	return cp, nil
}

// damaged moves the log aside if its files are not what they must be; that they can't be read right now proves nothing.
func (t *Tlog) damaged(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("transparency log: %w", err)
	}
	return t.moveAside()
}

func (t *Tlog) moveAside() error {
	t.floor = t.log.Durable()
	return os.Rename(t.dir, fmt.Sprintf("%s.damaged-%d", t.dir, t.log.cfg.Clock.Now().UnixNano()))
}

func (t *Tlog) readTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	return readPartial(t.dir, func(p uint8) string { return layout.TilePath(level, index, p) }, p)
}

func (t *Tlog) readBundle(_ context.Context, index uint64, p uint8) ([]byte, error) {
	return readPartial(t.dir, func(p uint8) string { return layout.EntriesPath(index, p) }, p)
}

// readPartial reads a resource; where the partial one was replaced by the full one meanwhile, that serves as well.
func readPartial(dir string, path func(uint8) string, p uint8) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, path(p)))
	if errors.Is(err, fs.ErrNotExist) && p != 0 {
		return os.ReadFile(filepath.Join(dir, path(0)))
	}
	return b, err
}

// Resource returns a file of the public log by its tlog-tiles path; the caller has checked the path's shape.
func (t *Tlog) Resource(path string) ([]byte, error) {
	path = filepath.Clean("/" + path)
	if path == "/"+layout.CheckpointPath {
		if cp := t.Latest(); cp != nil {
			return cp.Raw, nil
		}
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(filepath.Join(t.dir, path))
}

// Inclusion proves batch number under checkpoint cp.
func (t *Tlog) Inclusion(ctx context.Context, number uint64, cp *Checkpoint) ([][]byte, error) {
	pb, err := client.NewProofBuilder(ctx, cp.Size, t.readTile)
	if err != nil {
		return nil, fmt.Errorf("inclusion proof: %w", err)
	}
	p, err := pb.InclusionProof(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("inclusion proof: %w", err)
	}
	return p, nil
}

// Consistency proves that the latest checkpoint extends the log of the given size. Proofs are cached per checkpoint.
func (t *Tlog) Consistency(ctx context.Context, from uint64, cp *Checkpoint) ([][]byte, error) {
	if from == 0 || from >= cp.Size {
		return nil, nil
	}
	key := [2]uint64{from, cp.Size}
	t.mu.Lock()
	p, ok := t.proofs[key]
	t.mu.Unlock()
	if ok {
		return p, nil
	}
	pb, err := client.NewProofBuilder(ctx, cp.Size, t.readTile)
	if err != nil {
		return nil, fmt.Errorf("consistency proof: %w", err)
	}
	if p, err = pb.ConsistencyProof(ctx, from, cp.Size); err != nil {
		return nil, fmt.Errorf("consistency proof: %w", err)
	}
	t.mu.Lock()
	t.proofs[key] = p
	t.mu.Unlock()
	return p, nil
}

// AddCosignature adds a witness's signature line for this log's checkpoint of a size. v has the witness's key. It
// reports whether the line verifies for a checkpoint published lately.
func (t *Tlog) AddCosignature(size uint64, line []byte, v note.Verifier) bool {
	t.mu.Lock()
	cp := t.recent[size]
	t.mu.Unlock()
	if cp == nil {
		return false
	}
	n, err := note.Open(append(append([]byte(nil), cp.Raw...), line...), note.VerifierList(v))
	if err != nil || len(n.Sigs) == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.cosigned
	if old != nil && old.Size > cp.Size {
		return true
	}
	raw := cp.Raw
	if old != nil && old.Size == cp.Size && bytes.HasPrefix(old.Raw, cp.Raw) {
		raw = old.Raw // keep the other witnesses' lines
	}
	if !bytes.Contains(raw, line) {
		raw = withLine(raw, line)
	}
	t.cosigned = &Checkpoint{Raw: raw, Size: cp.Size, Root: cp.Root}
	return true
}

// maxCosigners bounds the lines of a checkpoint: a note with a hundred is none any more.
const maxCosigners = 64

// withLine adds a cosignature to a checkpoint, in place of an earlier one by the same key.
func withLine(raw, line []byte) []byte {
	name, hash := signedBy(string(line))
	var out []byte
	lines := 0
	for l := range bytes.Lines(raw) {
		if by, h := signedBy(string(l)); by != "" {
			if by == name && h == hash {
				continue
			}
			lines++
		}
		out = append(out, l...)
	}
	if lines >= maxCosigners {
		return raw
	}
	return append(out, line...)
}

// Cosigned returns the newest checkpoint that another member cosigned, nil if there is none yet.
func (t *Tlog) Cosigned() *Checkpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cosigned
}
