package federation

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/seal"
)

// LogKey is a member's announcement of one of its logs: facts of that log are signed by Key, checkpoints of its
// transparency log verify under VKey.
type LogKey struct {
	Log   seal.Log       `json:"log"`
	Key   seal.PublicKey `json:"key"`
	VKey  string         `json:"vkey"` // C2SP signed-note verifier key; its name is the origin
	From  time.Time      `json:"from"`
	Until *time.Time     `json:"until,omitempty"` // rotated away: no fact is later than this
	// CompromisedSince: facts not provably older than this moment don't count.
	CompromisedSince *time.Time `json:"compromised_since,omitempty"`
}

// Statement is what a member says of itself.
type Statement struct {
	Format     int       `json:"format"`
	Member     string    `json:"member"`
	Sequence   int       `json:"sequence"` // grows with each statement
	Issued     time.Time `json:"issued"`
	PeerURL    string    `json:"peer_url"`
	PublicURL  string    `json:"public_url"`
	CABundle   string    `json:"ca_bundle"` // PEM
	Logs       []LogKey  `json:"logs"`
	WitnessKey string    `json:"witness_key"` // C2SP cosignature/v1 verifier key
	Divisions  []string  `json:"divisions,omitempty"`
	// FormerWitnesses are keys with which it cosigned before.
	FormerWitnesses []FormerWitness `json:"former_witness_keys,omitempty"`
}

// FormerWitness is a key with which a member cosigned. One that was lost proves no time: whoever found it can claim any.
type FormerWitness struct {
	Key  string `json:"key"`
	Lost bool   `json:"lost,omitempty"`
}

// Cosigned are the keys whose cosignatures count: the present one and former ones that were not lost.
func (s *Statement) Cosigned() []string {
	out := []string{s.WitnessKey}
	for _, f := range s.FormerWitnesses {
		if !f.Lost {
			out = append(out, f.Key)
		}
	}
	return out
}

// Same reports whether two statements of a member say the same, whenever they were made.
func (s *Statement) Same(o *Statement) bool {
	when := func(a, b *time.Time) bool { return a == b || (a != nil && b != nil && a.Equal(*b)) }
	logs := slices.EqualFunc(s.Logs, o.Logs, func(a, b LogKey) bool {
		return a.Log == b.Log && a.Key.Equal(b.Key) && a.VKey == b.VKey && when(a.Until, b.Until) && when(a.CompromisedSince, b.CompromisedSince)
	})
	return logs && s.PeerURL == o.PeerURL && s.PublicURL == o.PublicURL && s.CABundle == o.CABundle && s.WitnessKey == o.WitnessKey && slices.Equal(s.Divisions, o.Divisions) && slices.Equal(s.FormerWitnesses, o.FormerWitnesses)
}

// keeps reports whether a statement says of every key that was lost what an earlier one said: a node restored from an old
// backup must not bring it back.
func (s *Statement) keeps(before *Statement) bool {
	for i := range before.Logs {
		old := &before.Logs[i]
		if old.CompromisedSince == nil {
			continue
		}
		kept := slices.ContainsFunc(s.Logs, func(l LogKey) bool {
			return l.Log == old.Log && l.CompromisedSince != nil && !l.CompromisedSince.After(*old.CompromisedSince)
		})
		if !kept {
			return false
		}
	}
	return true
}

// SignedStatement is a statement's exact bytes with the member's signature.
type SignedStatement struct {
	Document []byte `json:"document"`
	Sig      []byte `json:"sig"`
}

// SignStatement encodes and signs a statement.
func SignStatement(s *Statement, root *seal.PrivateKey) (*SignedStatement, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode statement: %w", err)
	}
	sig, err := root.Sign(append([]byte(statementTag), b...))
	if err != nil {
		return nil, err
	}
	return &SignedStatement{Document: b, Sig: sig}, nil
}

// Verify decodes the statement and checks it against the root key the constitution gives the member.
func (s *SignedStatement) Verify(root seal.PublicKey) (*Statement, error) {
	if s == nil || len(s.Document) > MaxDocument {
		return nil, ErrStatement.With("missing, or over 1 MiB", "缺失，或超过 1 MiB")
	}
	if !root.Verify(append([]byte(statementTag), s.Document...), s.Sig) {
		return nil, ErrStatement.With("it is not signed by the member's root key", "不是由该成员的根密钥签发")
	}
	var st Statement
	if err := httpx.Unmarshal(s.Document, &st); err != nil {
		return nil, err
	}
	return &st, st.check()
}

func (s *Statement) check() error {
	bad := func(en, zh string) error { return ErrStatement.With(en, zh) }
	if s.Format != FormatVersion || !memberID().MatchString(s.Member) || s.Sequence < 1 {
		return bad("format, member or sequence", "格式、成员或序号")
	}
	if u, err := url.Parse(s.PeerURL); err != nil || u.Scheme != "https" || u.Host == "" {
		return bad("the peer address must be an https URL", "节点间地址必须是 https 地址")
	}
	if _, err := parseBundle(s.CABundle); err != nil {
		return bad("the CA bundle holds no certificate", "CA 证书包中没有证书")
	}
	if len(s.FormerWitnesses) > 10_000 {
		return bad("too many former keys", "原密钥过多")
	}
	if len(s.Logs) == 0 || len(s.Logs) > 10_000 {
		return bad("it names no log", "没有列出日志")
	}
	for i := range s.Logs {
		l := &s.Logs[i]
		if l.Log.Node != s.Member {
			return bad("a log belongs to somebody else", "日志不属于该成员")
		}
		if _, err := note.NewVerifier(l.VKey); err != nil {
			return bad("a log key is malformed", "日志密钥格式不正确")
		}
	}
	return nil
}

// LogKeyAt returns the key of a log as it stood at the time.
func (s *Statement) LogKeyAt(log seal.Log, at time.Time) (*LogKey, error) {
	for i := range s.Logs {
		k := &s.Logs[i]
		if k.Log != log || at.Before(k.From.Add(-time.Minute)) || (k.Until != nil && at.After(*k.Until)) {
			continue
		}
		if k.CompromisedSince != nil && !at.Before(*k.CompromisedSince) {
			continue
		}
		return k, nil
	}
	return nil, ErrUnknownKey.With(s.Member)
}

func parseBundle(text string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	rest := []byte(text)
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("ca bundle: %w", err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("ca bundle: empty")
	}
	return out, nil
}

// MemberAt is a member as the version in force at a time names it; ErrNotMember.
func MemberAt(versions []*Constitution, id string, at time.Time) (*Member, error) {
	for i := len(versions) - 1; i >= 0; i-- {
		if i > 0 && versions[i].ValidFrom.After(at) {
			continue
		}
		if m := versions[i].Member(id); m != nil {
			return m, nil
		} // removed later, or not yet a member: look at the version before
	}
	return nil, ErrNotMember.With(id)
}

// VerifyStatement checks a statement against a chain: it is signed by the root key that its member has, or by the one that
// the member had when it was issued. lost, if not nil, is since when nothing signed by that key counts: what rests on the
// statement must be shown to be older.
func VerifyStatement(versions []*Constitution, s *SignedStatement) (st *Statement, lost *time.Time, err error) {
	var said Statement
	if s == nil {
		return nil, nil, ErrStatement.With("missing", "缺失")
	}
	if err := jsonLoose(s.Document, &said); err != nil {
		return nil, nil, err
	}
	now, err := lastNaming(versions, said.Member)
	if err != nil {
		return nil, nil, err
	}
	if st, err := s.Verify(now.RootKey); err == nil {
		return st, nil, nil
	}
	then, err := MemberAt(versions, said.Member, said.Issued)
	if err != nil {
		return nil, nil, err
	}
	if st, err = s.Verify(then.RootKey); err != nil {
		return nil, nil, err
	}
	for i := range now.Retired {
		if r := &now.Retired[i]; r.Key.Equal(then.RootKey) {
			return st, &r.Since, nil
		}
	}
	return st, nil, nil
}

// lastNaming is a member as the latest version that names it does.
func lastNaming(versions []*Constitution, id string) (*Member, error) {
	for _, c := range slices.Backward(versions) {
		if m := c.Member(id); m != nil {
			return m, nil
		}
	}
	return nil, ErrNotMember.With(id)
}
