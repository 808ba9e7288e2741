package evidence

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	tlog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
)

// Announcement is the checkpoint a node sends with every message, with the proof that it extends what the receiver
// last cosigned.
type Announcement struct {
	Checkpoint []byte
	OldSize    uint64   // where Proof starts
	Proof      [][]byte // RFC 6962 consistency proof; empty when OldSize is 0 or the size is unchanged
}

// MaxAnnouncement bounds an encoded announcement, in bytes.
const MaxAnnouncement = 16 << 10

// Encode appends the wire form.
func (a *Announcement) Encode(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(a.Checkpoint))) //nolint:gosec // a checkpoint is some hundred bytes
	b = append(b, a.Checkpoint...)
	b = binary.BigEndian.AppendUint64(b, a.OldSize)
	b = append(b, byte(len(a.Proof))) //nolint:gosec // a proof has at most 64 hashes
	for _, h := range a.Proof {
		b = append(b, h...)
	}
	return b
}

// DecodeAnnouncement reads exactly one announcement.
func DecodeAnnouncement(b []byte) (*Announcement, error) {
	bad := ErrCheckpoint.With("announcement malformed")
	if len(b) < 2 || len(b) > MaxAnnouncement {
		return nil, bad
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if len(b) < n+9 {
		return nil, bad
	}
	a := &Announcement{Checkpoint: b[:n:n], OldSize: binary.BigEndian.Uint64(b[n:])}
	k := int(b[n+8])
	b = b[n+9:]
	if k > 64 || len(b) != k*32 {
		return nil, bad
	}
	for i := range k {
		a.Proof = append(a.Proof, b[i*32:(i+1)*32:(i+1)*32])
	}
	return a, nil
}

// Witness checks that the logs of other members only ever grow, and cosigns what it saw, with the time.
type Witness struct {
	db     *db.DB
	signer note.Signer
	clock  clock.Clock

	mu   sync.Mutex
	seen map[string]*seenLog // by origin
}

type seenLog struct {
	mu     sync.Mutex
	loaded bool
	member string
	size   uint64
	root   []byte
	raw    []byte       // announcement checkpoint last accepted
	cosig  *Cosignature // ours over it
	stale  []byte       // a checkpoint whose proof began elsewhere: not looked at twice
	forked bool
	recent map[uint64][]byte // roots of the checkpoints accepted last, by size
	order  []uint64
}

// NewWitness keeps its memory in d and cosigns with signer.
func NewWitness(d *db.DB, signer note.Signer, c clock.Clock) *Witness {
	return &Witness{db: d, signer: signer, clock: c, seen: map[string]*seenLog{}}
}

func (w *Witness) of(origin string) *seenLog {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen[origin]
	if s == nil {
		s = &seenLog{}
		w.seen[origin] = s
	}
	return s
}

// Forked reports whether the log of this origin was caught rewriting history.
func (w *Witness) Forked(origin string) bool {
	s := w.of(origin)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forked
}

// Cosignature is a witness's signature line over a checkpoint of a size.
type Cosignature struct {
	Size uint64
	Line []byte
}

// Known returns what this witness would tell the log's owner: the size seen last and its cosignature, nil after a
// restart until the next checkpoint.
func (w *Witness) Known(ctx context.Context, origin string) (uint64, *Cosignature) {
	s := w.of(origin)
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.load(ctx, s, origin) != nil {
		return 0, nil
	}
	return s.size, s.cosig
}

// Observe checks a checkpoint of a member's log against what was seen before and returns this witness's cosignature
// line for it. What was seen is durable before the cosignature exists.
//
// Errors: ErrCheckpoint (signature, format), ErrStaleProof (the proof starts elsewhere; the error names the size to
// start from; nothing is wrong), ErrFork (history was rewritten: remembered, and refused from then on).
func (w *Witness) Observe(ctx context.Context, member string, v note.Verifier, a *Announcement) (*Cosignature, error) {
	s := w.of(v.Name())
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := w.load(ctx, s, v.Name()); err != nil {
		return nil, err
	}
	if s.forked {
		return nil, ErrFork.With(member)
	}
	if bytes.Equal(a.Checkpoint, s.raw) && s.cosig != nil {
		return s.cosig, nil
	}
	if a.OldSize != s.size && bytes.Equal(a.Checkpoint, s.stale) {
		return nil, ErrStaleProof.With(s.size)
	}
	cp, err := parseCheckpoint(a.Checkpoint, v)
	if err != nil {
		return nil, err
	}
	switch {
	case cp.Size < s.size:
		return nil, w.older(ctx, s, member, v.Name(), cp, a)
	case cp.Size == s.size && s.size > 0:
		if !bytes.Equal(cp.Root, s.root) {
			return nil, w.fork(ctx, s, member, v.Name())
		}
	case s.size > 0:
		if a.OldSize != s.size {
			s.stale = a.Checkpoint
			return nil, ErrStaleProof.With(s.size)
		}
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, s.size, cp.Size, a.Proof, s.root, cp.Root); err != nil {
			return nil, w.fork(ctx, s, member, v.Name())
		}
	}
	err = w.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(`INSERT INTO evidence_seen (origin, member, size, root, checkpoint, forked, time) VALUES (?, ?, ?, ?, ?, 0, ?)
			ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, checkpoint = excluded.checkpoint, time = excluded.time`,
			v.Name(), member, int64(cp.Size), cp.Root, a.Checkpoint, w.clock.Now().UnixMicro()).Exec(ctx) //nolint:gosec // sizes fit
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("remember checkpoint: %w", err)
	}
	line, err := cosign(a.Checkpoint, cp, w.signer)
	if err != nil {
		return nil, err
	}
	s.member, s.size, s.root, s.raw = member, cp.Size, cp.Root, a.Checkpoint
	s.cosig = &Cosignature{Size: cp.Size, Line: line}
	s.remember(cp.Size, cp.Root)
	return s.cosig, nil
}

// older judges a checkpoint smaller than the largest one seen. Messages overtake one another on the wire, so that alone
// proves nothing; but it must agree with what was seen at its size, or extend a known one, and a sender that answers our
// size with a smaller log has lost or hidden its past.
func (w *Witness) older(ctx context.Context, s *seenLog, member, origin string, cp *Checkpoint, a *Announcement) error {
	if root, ok := s.recent[cp.Size]; ok {
		if bytes.Equal(root, cp.Root) {
			return nil
		}
		return w.fork(ctx, s, member, origin)
	}
	if a.OldSize == s.size {
		return w.fork(ctx, s, member, origin)
	}
	if root, ok := s.recent[a.OldSize]; ok && a.OldSize < cp.Size {
		if proof.VerifyConsistency(rfc6962.DefaultHasher, a.OldSize, cp.Size, a.Proof, root, cp.Root) != nil {
			return w.fork(ctx, s, member, origin)
		}
		return nil
	}
	return ErrStaleProof.With(s.size)
}

// recentLimit is how many accepted checkpoints of a log are kept to judge late messages.
const recentLimit = 512

func (s *seenLog) remember(size uint64, root []byte) {
	if s.recent == nil {
		s.recent = map[uint64][]byte{}
	}
	if _, ok := s.recent[size]; !ok {
		s.order = append(s.order, size)
	}
	s.recent[size] = root
	if len(s.order) > recentLimit {
		delete(s.recent, s.order[0])
		s.order = s.order[1:]
	}
}

// cosign returns the signature line over the checkpoint's text.
func cosign(raw []byte, cp *Checkpoint, signer note.Signer) ([]byte, error) {
	i := bytes.Index(raw, []byte("\n\n"))
	if i < 0 {
		return nil, ErrCheckpoint.With("no text")
	}
	var c tlog.Checkpoint
	if _, err := c.Unmarshal(raw[:i+1]); err != nil || c.Size != cp.Size {
		return nil, ErrCheckpoint.With("text")
	}
	signed, err := note.Sign(&note.Note{Text: string(raw[:i+1])}, signer)
	if err != nil {
		return nil, fmt.Errorf("cosign: %w", err)
	}
	return signed[i+2:], nil
}

func (w *Witness) load(ctx context.Context, s *seenLog, origin string) error {
	if s.loaded {
		return nil
	}
	var rows []struct {
		Member     string
		Size       int64
		Root       []byte
		Checkpoint []byte
		Forked     int
	}
	if err := w.db.Read().NewRaw("SELECT member, size, root, checkpoint, forked FROM evidence_seen WHERE origin = ?", origin).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("recall checkpoint: %w", err)
	}
	for _, r := range rows {
		s.member, s.size, s.root, s.raw, s.forked = r.Member, uint64(r.Size), r.Root, r.Checkpoint, r.Forked != 0 //nolint:gosec // sizes fit
		s.remember(s.size, s.root)
	}
	s.loaded = true
	return nil
}

func (w *Witness) fork(ctx context.Context, s *seenLog, member, origin string) error {
	s.forked = true
	err := w.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw("UPDATE evidence_seen SET forked = 1 WHERE origin = ?", origin).Exec(ctx)
		return err
	})
	return ErrFork.Because(err, member)
}

// Seen is what this node knows of another member's log.
type Seen struct {
	Origin string `json:"origin"`
	Member string `json:"member"`
	Size   uint64 `json:"size"`
	Forked bool   `json:"forked"`
	Time   int64  `json:"time"` // when its latest checkpoint was cosigned here, Unix microseconds; 0: not noted
}

// At is when its latest checkpoint was cosigned here; zero if that was not noted.
func (s *Seen) At() time.Time {
	if s.Time == 0 {
		return time.Time{}
	}
	return time.UnixMicro(s.Time).UTC()
}

// List returns what was seen of all logs.
func (w *Witness) List(ctx context.Context) ([]Seen, error) {
	var rows []Seen
	err := w.db.Read().NewRaw("SELECT origin, member, size, forked, time FROM evidence_seen ORDER BY origin").Scan(ctx, &rows)
	return rows, err
}
