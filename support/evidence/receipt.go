package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	tlog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	fnote "github.com/transparency-dev/formats/note"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/seal"
)

// ReceiptVersion is the version of the receipt format.
const ReceiptVersion = 1

// Receipt proves one fact to whoever holds the constitution chain, offline. Everything else needed is inside: the
// statement with the log's keys is signed by the root key that the constitution lists.
type Receipt struct {
	Version   int                         `json:"version"`
	Sealed    []byte                      `json:"sealed"` // seal.Sealed, wire form
	BodySalt  []byte                      `json:"body_salt,omitempty"`
	Body      []byte                      `json:"body,omitempty"` // only in receipts for those who may see it
	Statement *federation.SignedStatement `json:"statement"`
	Inclusion *Inclusion                  `json:"inclusion,omitempty"` // absent in the first moments after the fact
}

// Inclusion proves that the batch of the fact is in the member's public log as other members saw it.
type Inclusion struct {
	Checkpoint []byte                       `json:"checkpoint"` // signed note with cosignatures
	Proof      [][]byte                     `json:"proof"`
	Entry      []byte                       `json:"entry"`               // the log entry of the batch: commitments only
	Witnesses  []federation.SignedStatement `json:"witnesses,omitempty"` // statements of cosigners, for their keys
}

// Verified is what a valid receipt says.
type Verified struct {
	Fact       seal.Fact `json:"-"`
	Member     string    `json:"member"`
	Kind       string    `json:"kind"`
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	Header     Header    `json:"header"`
	Body       []byte    `json:"-"`
	HasBody    bool      `json:"has_body"`
	Logged     bool      `json:"logged"`      // inclusion proven
	CosignedBy []string  `json:"cosigned_by"` // members whose cosignature verified
	CosignedAt time.Time `json:"cosigned_at"` // the earliest trusted time at which the fact is proven to have existed
}

// ParseReceipt decodes a receipt file, at most 8 MiB.
func ParseReceipt(b []byte) (*Receipt, error) {
	if len(b) > 8<<20 {
		return nil, ErrReceipt.With("over 8 MiB", "超过 8 MiB")
	}
	var r Receipt
	if err := httpx.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	if r.Version != ReceiptVersion || r.Statement == nil {
		return nil, ErrReceipt.With("unknown version or no statement", "版本未知或缺少成员声明")
	}
	return &r, nil
}

// Step is one thing that verifying a receipt checks.
type Step string

// The steps, in order. A receipt may lack what a step checks: Body, and all from Checkpoint on.
const (
	StepMember     Step = "member"     // the statement is signed by the root key that the constitution gave the member
	StepSeal       Step = "seal"       // the fact leads to the root of its batch, and the member's evidence key signed that
	StepBody       Step = "body"       // the body is the one the fact commits to
	StepCheckpoint Step = "checkpoint" // the checkpoint is signed by the member's log key
	StepLogged     Step = "logged"     // the batch is in the log under that checkpoint
	StepCosigned   Step = "cosigned"   // other members' signatures on the checkpoint hold
)

// Steps lists the steps in order.
func Steps() []Step {
	return []Step{StepMember, StepSeal, StepBody, StepCheckpoint, StepLogged, StepCosigned}
}

// Has reports whether the receipt holds what a step checks.
func (r *Receipt) Has(s Step) bool {
	switch s {
	case StepBody:
		return r.Body != nil
	case StepCheckpoint, StepLogged:
		return r.Inclusion != nil
	case StepCosigned:
		return r.Inclusion != nil && len(r.Inclusion.Witnesses) > 0
	case StepMember, StepSeal:
	}
	return true
}

// Verify checks the receipt against the constitution chain alone. ErrReceipt says what failed.
//
// The fact's time picks the version of the constitution: an old receipt verifies under the root key that counted then.
//
// known are the members' statements of today, as far as whoever verifies has them: a receipt brings its own, which cannot
// know that a key was lost since.
func (r *Receipt) Verify(versions []*federation.Constitution, known ...*federation.SignedStatement) (*Verified, error) {
	v, _, err := r.Examine(versions, known...)
	return v, err
}

// Examine is Verify that also tells which steps hold; an error belongs to the step after the last of them that the
// receipt has.
func (r *Receipt) Examine(versions []*federation.Constitution, known ...*federation.SignedStatement) (*Verified, []Step, error) {
	var held []Step
	s, err := seal.DecodeSealed(r.Sealed)
	if err != nil {
		return nil, held, err
	}
	member := s.Header.Log.Node
	if _, err := federation.MemberAt(versions, member, s.Header.Time); err != nil {
		return nil, held, err
	}
	st, lost, err := federation.VerifyStatement(versions, r.Statement)
	if err != nil {
		return nil, held, err
	}
	if st.Member != member {
		return nil, held, ErrReceipt.With("the statement is another member's", "声明属于另一成员")
	}
	held = append(held, StepMember)
	k, err := st.LogKeyAt(s.Header.Log, s.Header.Time)
	if err != nil {
		return nil, held, err
	}
	lost = earlier(lost, k.CompromisedSince)
	now := latest(versions, known, member)
	if now != nil {
		for i := range now.Logs {
			l := &now.Logs[i]
			if l.Log != s.Header.Log {
				continue
			}
			if l.Until != nil && s.Header.Time.After(*l.Until) {
				return nil, held, federation.ErrUnknownKey.With(member)
			}
			lost = earlier(lost, l.CompromisedSince)
		}
	}
	f, err := s.Open(k.Key, nil)
	if err != nil {
		return nil, held, err
	}
	v := &Verified{Fact: f, Member: member, Kind: f.Kind, ID: f.ID, Time: f.Time}
	if err := json.Unmarshal(nonEmpty(f.Header), &v.Header); err != nil {
		return nil, held, ErrReceipt.Because(err, "header malformed", "头部格式不正确")
	}
	held = append(held, StepSeal)
	if r.Body != nil {
		var salt [seal.BodySaltSize]byte
		copy(salt[:], r.BodySalt)
		if len(r.BodySalt) != seal.BodySaltSize || f.Suite.Body(salt, r.Body) != f.BodyHash {
			return nil, held, ErrReceipt.With("the body does not match its hash", "正文与散列不符")
		}
		v.Body, v.HasBody, held = r.Body, true, append(held, StepBody)
	}
	if r.Inclusion != nil {
		more, err := r.Inclusion.verify(s, k, versions, known, v)
		held = append(held, more...)
		if err != nil {
			return nil, held, err
		}
	}
	// What was sealed or said under a key that is lost counts as far as others have seen it before.
	if lost != nil && (v.CosignedAt.IsZero() || !v.CosignedAt.Before(*lost)) {
		return nil, held, ErrReceipt.With("its member has lost the key behind it, and nobody cosigned it before that", "其成员的密钥已失密，而此前没有其他成员共签")
	}
	return v, held, nil
}

// latest is the newest of the statements known of a member that verifies; nil if there is none.
func latest(versions []*federation.Constitution, known []*federation.SignedStatement, member string) *federation.Statement {
	var out *federation.Statement
	for _, s := range known {
		st, lost, err := federation.VerifyStatement(versions, s)
		if err == nil && lost == nil && st.Member == member && (out == nil || st.Sequence > out.Sequence) {
			out = st
		}
	}
	return out
}

func earlier(a, b *time.Time) *time.Time {
	if a == nil || (b != nil && b.Before(*a)) {
		return b
	}
	return a
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

func (in *Inclusion) verify(s *seal.Sealed, k *federation.LogKey, versions []*federation.Constitution, known []*federation.SignedStatement, v *Verified) (held []Step, err error) {
	logV, err := note.NewVerifier(k.VKey)
	if err != nil {
		return held, ErrReceipt.Because(err, "log key malformed", "日志密钥格式不正确")
	}
	cp, err := parseCheckpoint(in.Checkpoint, logV)
	if err != nil {
		return held, err
	}
	held = append(held, StepCheckpoint)
	e, err := seal.DecodeEntry(in.Entry)
	if err != nil {
		return held, err
	}
	root, err := s.Root()
	if err != nil {
		return held, err
	}
	if e.Header != s.Header || e.Root() != root || string(e.Signature) != string(s.Signature) {
		return held, ErrReceipt.With("the log entry is of another batch", "日志条目属于另一批")
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(in.Entry)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, e.Header.Number, cp.Size, leaf, in.Proof, cp.Root); err != nil {
		return held, ErrReceipt.Because(err, "the batch is not in the log", "该批次不在日志中")
	}
	v.Logged, held = true, append(held, StepLogged)
	for i := range in.Witnesses {
		if err := in.cosignature(&in.Witnesses[i], versions, known, logV, v); err != nil {
			return held, err
		}
	}
	if len(v.CosignedBy) > 0 {
		held = append(held, StepCosigned)
	}
	return held, nil
}

func (in *Inclusion) cosignature(ws *federation.SignedStatement, versions []*federation.Constitution, known []*federation.SignedStatement, logV note.Verifier, v *Verified) error {
	st, lost, err := federation.VerifyStatement(versions, ws)
	if err != nil || lost != nil {
		return nil //nolint:nilerr // a witness that can't be judged proves nothing, and takes nothing away; a lost key could have cosigned with any time
	}
	if now := latest(versions, known, st.Member); now != nil {
		st = now
	}
	verifiers := []note.Verifier{logV}
	for _, key := range st.Cosigned() {
		if cv, err := WitnessVerifier(key); err == nil {
			verifiers = append(verifiers, cv)
		}
	}
	n, err := note.Open(in.Checkpoint, note.VerifierList(verifiers...))
	if err != nil {
		return ErrReceipt.Because(err, "checkpoint signatures", "检查点签名")
	}
	for _, sig := range n.Sigs {
		if sig.Name == logV.Name() {
			continue
		}
		at, err := fnote.CoSigV1Timestamp(sig)
		if err != nil {
			return ErrReceipt.Because(err, "cosignature time", "共签时间")
		}
		if !slices.Contains(v.CosignedBy, st.Member) {
			v.CosignedBy = append(v.CosignedBy, st.Member)
		}
		if v.CosignedAt.IsZero() || at.Before(v.CosignedAt) {
			v.CosignedAt = at.UTC()
		}
	}
	return nil
}

// Sibling is what stands beside the way up a Merkle tree at one height.
type Sibling struct {
	Hash []byte
	Left bool
}

// Way is the way of a leaf to the root of its tree.
type Way struct {
	Leaf, Root []byte
	Siblings   []Sibling // from the bottom up
	Index      uint64
	Size       uint64 // leaves of the tree
}

// Ways are the ways that a receipt proves: from the fact to the root of its batch, and, once that is logged, from the batch
// to the root of the log. For drawing: they are checked by Verify alone.
func (r *Receipt) Ways() (batch, log *Way, err error) {
	s, err := seal.DecodeSealed(r.Sealed)
	if err != nil {
		return nil, nil, err
	}
	root, err := s.Root()
	if err != nil {
		return nil, nil, err
	}
	c := s.Header.Suite.Commit(s.Salt, s.Fact)
	path := make([][]byte, len(s.Path))
	for i := range s.Path {
		path[i] = s.Path[i][:]
	}
	batch = way(c[:], root[:], path, uint64(s.Index), uint64(s.Header.Count))
	if r.Inclusion == nil {
		return batch, nil, nil
	}
	cp, err := unverified(r.Inclusion.Checkpoint)
	if err != nil {
		return nil, nil, err
	}
	return batch, way(rfc6962.DefaultHasher.HashLeaf(r.Inclusion.Entry), cp.Hash, r.Inclusion.Proof, s.Header.Number, cp.Size), nil
}

// way says on which side of the way each hash of a path stands (RFC 6962 section 2.1.1).
func way(leaf, root []byte, path [][]byte, index, size uint64) *Way {
	w := &Way{Leaf: leaf, Root: root, Index: index, Size: size}
	at, end := index, size-1
	for _, h := range path {
		for at&1 == 0 && at == end && at > 0 { // an odd node rises unchanged
			at, end = at>>1, end>>1
		}
		w.Siblings = append(w.Siblings, Sibling{Hash: h, Left: at&1 == 1})
		at, end = at>>1, end>>1
	}
	return w
}

func unverified(raw []byte) (*tlog.Checkpoint, error) {
	i := bytes.Index(raw, []byte("\n\n"))
	var cp tlog.Checkpoint
	if i < 0 {
		return nil, ErrCheckpoint.With("no text")
	}
	if _, err := cp.Unmarshal(raw[:i+1]); err != nil {
		return nil, ErrCheckpoint.Because(err, "text")
	}
	return &cp, nil
}

// Cosigners are the members whose cosignature stands on a checkpoint of this node.
func (i *Issuer) Cosigners(cp *Checkpoint) []string {
	var out []string
	for _, m := range i.Dir.Current().Members {
		if st, err := i.Dir.Statement(m.ID); err == nil && cosignedBy(cp.Raw, st.Cosigned()) {
			out = append(out, m.ID)
		}
	}
	return out
}

// State is how far this node's own log has come.
type State struct {
	Durable    uint64   // batches written
	Logged     uint64   // of them, under a checkpoint
	Cosigned   uint64   // of them, under a checkpoint that another member has cosigned
	CosignedBy []string // who has
}

// State reads how far this node's own log has come.
func (i *Issuer) State() State {
	s := State{Durable: i.Log.Durable()}
	if cp := i.Tlog.Latest(); cp != nil {
		s.Logged = cp.Size
	}
	if cp := i.Tlog.Cosigned(); cp != nil {
		s.Cosigned, s.CosignedBy = cp.Size, i.Cosigners(cp)
	}
	return s
}

// Issuer makes receipts from what a node holds.
type Issuer struct {
	Log  *Log
	Tlog *Tlog
	Dir  *federation.Directory
}

// Receipt builds the receipt of a record. withBody says whether whoever asks may see the body. The inclusion is there
// once another member has cosigned a checkpoint that covers the batch.
func (i *Issuer) Receipt(ctx context.Context, r *Record, withBody bool) (*Receipt, error) {
	st := i.Dir.SignedStatement(r.Sealed.Header.Log.Node)
	if st == nil {
		return nil, federation.ErrNotMember.With(r.Sealed.Header.Log.Node)
	}
	out := &Receipt{Version: ReceiptVersion, Sealed: r.Sealed.Encode(nil), Statement: st}
	if withBody && r.Body != nil {
		out.Body, out.BodySalt = r.Body, r.BodySalt[:]
	}
	return out, i.include(ctx, r, out)
}

// include proves in a receipt that a batch of this node is in its log, if it is logged already. Another member's batch is
// proven by that member's own log.
func (i *Issuer) include(ctx context.Context, r *Record, out *Receipt) error {
	id, own := r.Sealed.Header.Log, i.Log.ID()
	if id.Node != own.Node || id.Instance != own.Instance {
		return nil
	}
	t, cp, find := i.Tlog, i.Tlog.Cosigned(), i.Log.scan
	if id != own {
		epoch := filepath.Join(filepath.Dir(i.Log.cfg.Dir), fmt.Sprintf("e%04d", id.Epoch))
		t, cp = past(epoch, r.Batch)
		find = func(_ uint64, visit func(*stored) (bool, error)) error {
			return walk(i.Log.cfg.FS, filepath.Join(epoch, "segments"), visit)
		}
	} else if cp == nil || cp.Size <= r.Batch {
		cp = i.Tlog.Latest() // not yet seen by others: the member's own checkpoint says at least that it is logged
	}
	if cp == nil || cp.Size <= r.Batch {
		return nil // not logged yet
	}
	p, err := t.Inclusion(ctx, r.Batch, cp)
	if err != nil {
		return err
	}
	in := &Inclusion{Checkpoint: cp.Raw, Proof: p}
	err = find(r.Batch, func(s *stored) (bool, error) {
		if s.entry.Header.Number < r.Batch {
			return true, nil
		}
		in.Entry = s.rawEntry
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	for _, m := range i.Dir.Current().Members {
		ws := i.Dir.SignedStatement(m.ID)
		if ws == nil || m.ID == id.Node {
			continue
		}
		if st, err := i.Dir.Statement(m.ID); err == nil && cosignedBy(cp.Raw, st.Cosigned()) {
			in.Witnesses = append(in.Witnesses, *ws)
		}
	}
	out.Inclusion = in
	return nil
}

// Spoken is a fact whose seal holds under the key that the directory has for its log.
type Spoken struct {
	Fact  seal.Fact
	Print string // the beginning of the key's digest, to be compared by eye
}

// printBytes is how much of a key's digest people compare.
const printBytes = 8

// Spoken verifies a sealed fact against the directory, as it stood when the fact was sealed.
func (i *Issuer) Spoken(s *seal.Sealed) (*Spoken, error) {
	k, err := i.Dir.LogKey(s.Header.Log, s.Header.Time)
	if err != nil {
		return nil, err
	}
	f, err := s.Open(k.Key, nil)
	if err != nil {
		return nil, err
	}
	return &Spoken{Fact: f, Print: k.Key.Print(printBytes)}, nil
}
