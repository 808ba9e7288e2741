package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

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

// Verify checks the receipt against the constitution chain alone. ErrReceipt says what failed.
//
// The fact's time picks the version of the constitution: an old receipt verifies under the root key that counted then.
func (r *Receipt) Verify(versions []*federation.Constitution) (*Verified, error) {
	s, err := seal.DecodeSealed(r.Sealed)
	if err != nil {
		return nil, err
	}
	member := s.Header.Log.Node
	root, err := rootKeyAt(versions, member, s.Header.Time)
	if err != nil {
		return nil, err
	}
	st, err := r.Statement.Verify(root)
	if err != nil {
		return nil, err
	}
	if st.Member != member {
		return nil, ErrReceipt.With("the statement is another member's", "声明属于另一成员")
	}
	k, err := st.LogKeyAt(s.Header.Log, s.Header.Time)
	if err != nil {
		return nil, err
	}
	f, err := s.Open(k.Key, nil)
	if err != nil {
		return nil, err
	}
	v := &Verified{Fact: f, Member: member, Kind: f.Kind, ID: f.ID, Time: f.Time}
	if err := json.Unmarshal(nonEmpty(f.Header), &v.Header); err != nil {
		return nil, ErrReceipt.Because(err, "header malformed", "头部格式不正确")
	}
	if r.Body != nil {
		var salt [seal.BodySaltSize]byte
		copy(salt[:], r.BodySalt)
		if len(r.BodySalt) != seal.BodySaltSize || f.Suite.Body(salt, r.Body) != f.BodyHash {
			return nil, ErrReceipt.With("the body does not match its hash", "正文与散列不符")
		}
		v.Body, v.HasBody = r.Body, true
	}
	if r.Inclusion != nil {
		if err := r.Inclusion.verify(s, k, versions, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func nonEmpty(b []byte) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

func rootKeyAt(versions []*federation.Constitution, member string, at time.Time) (seal.PublicKey, error) {
	for i := len(versions) - 1; i >= 0; i-- {
		if i > 0 && versions[i].ValidFrom.After(at) {
			continue
		}
		m := versions[i].Member(member)
		if m == nil {
			continue // removed later, or not yet a member: look at the version before
		}
		if m.CompromisedSince != nil && !at.Before(*m.CompromisedSince) {
			return seal.PublicKey{}, federation.ErrUnknownKey.With(member)
		}
		return m.RootKey, nil
	}
	return seal.PublicKey{}, federation.ErrNotMember.With(member)
}

func (in *Inclusion) verify(s *seal.Sealed, k *federation.LogKey, versions []*federation.Constitution, v *Verified) error {
	logV, err := note.NewVerifier(k.VKey)
	if err != nil {
		return ErrReceipt.Because(err, "log key malformed", "日志密钥格式不正确")
	}
	cp, err := parseCheckpoint(in.Checkpoint, logV)
	if err != nil {
		return err
	}
	e, err := seal.DecodeEntry(in.Entry)
	if err != nil {
		return err
	}
	root, err := s.Root()
	if err != nil {
		return err
	}
	if e.Header != s.Header || e.Root() != root || string(e.Signature) != string(s.Signature) {
		return ErrReceipt.With("the log entry is of another batch", "日志条目属于另一批")
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(in.Entry)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, e.Header.Number, cp.Size, leaf, in.Proof, cp.Root); err != nil {
		return ErrReceipt.Because(err, "the batch is not in the log", "该批次不在日志中")
	}
	v.Logged = true
	for i := range in.Witnesses {
		if err := in.cosignature(&in.Witnesses[i], versions, logV, v); err != nil {
			return err
		}
	}
	return nil
}

func (in *Inclusion) cosignature(ws *federation.SignedStatement, versions []*federation.Constitution, logV note.Verifier, v *Verified) error {
	var who federation.Statement
	if err := json.Unmarshal(ws.Document, &who); err != nil {
		return ErrReceipt.Because(err, "witness statement malformed", "见证成员的声明格式不正确")
	}
	root, err := rootKeyAt(versions, who.Member, v.Time)
	if err != nil {
		return err
	}
	st, err := ws.Verify(root)
	if err != nil {
		return err
	}
	cv, err := WitnessVerifier(st.WitnessKey)
	if err != nil {
		return err
	}
	n, err := note.Open(in.Checkpoint, note.VerifierList(logV, cv))
	if err != nil {
		return ErrReceipt.Because(err, "checkpoint signatures", "检查点签名")
	}
	for _, sig := range n.Sigs {
		if sig.Name != cv.Name() || sig.Hash != cv.KeyHash() {
			continue
		}
		at, err := fnote.CoSigV1Timestamp(sig)
		if err != nil {
			return ErrReceipt.Because(err, "cosignature time", "共签时间")
		}
		v.CosignedBy = append(v.CosignedBy, st.Member)
		if v.CosignedAt.IsZero() || at.Before(v.CosignedAt) {
			v.CosignedAt = at.UTC()
		}
	}
	return nil
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
	if r.Sealed.Header.Log != i.Log.ID() {
		return out, nil // another member's fact: its own log proves it
	}
	cp := i.Tlog.Cosigned()
	if cp == nil || cp.Size <= r.Batch {
		cp = i.Tlog.Latest() // not yet seen by others: the member's own checkpoint says at least that it is logged
	}
	if cp == nil || cp.Size <= r.Batch {
		return out, nil
	}
	p, err := i.Tlog.Inclusion(ctx, r.Batch, cp)
	if err != nil {
		return nil, err
	}
	in := &Inclusion{Checkpoint: cp.Raw, Proof: p}
	err = i.Log.scan(r.Batch, func(s *stored) (bool, error) { in.Entry = s.rawEntry; return false, nil })
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	for _, m := range i.Dir.Current().Members {
		ws := i.Dir.SignedStatement(m.ID)
		if ws == nil || m.ID == r.Sealed.Header.Log.Node {
			continue
		}
		if st, err := i.Dir.Statement(m.ID); err == nil && cosignedBy(cp.Raw, st.WitnessKey) {
			in.Witnesses = append(in.Witnesses, *ws)
		}
	}
	out.Inclusion = in
	return out, nil
}
