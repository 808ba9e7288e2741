package federation

import (
	"crypto/x509"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"

	"github.com/kuayu/kuayu/support/seal"
)

// Directory answers who is a member and which keys count, from memory. Safe for concurrent use; reads never block.
type Directory struct {
	mu   sync.Mutex // serialises changes
	view atomic.Pointer[view]
}

type view struct {
	chain      Chain
	versions   []*Constitution
	statements map[string]*Statement
	signed     map[string]*SignedStatement
	bundles    map[string]*x509bundle.Bundle
}

// NewDirectory is an empty directory: nobody is a member.
func NewDirectory() *Directory {
	d := &Directory{}
	d.view.Store(&view{statements: map[string]*Statement{}, signed: map[string]*SignedStatement{}, bundles: map[string]*x509bundle.Bundle{}})
	return d
}

// SetChain verifies and installs a chain that extends the one installed; a shorter or different one is refused.
func (d *Directory) SetChain(chain Chain, genesis string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.view.Load()
	versions, err := d.extend(chain, genesis)
	if err != nil {
		return err
	}
	n := &view{chain: chain, versions: versions, statements: map[string]*Statement{}, signed: map[string]*SignedStatement{}, bundles: map[string]*x509bundle.Bundle{}}
	cur := versions[len(versions)-1]
	for id, s := range old.signed { // a statement counts only under the root key of today
		if m := cur.Member(id); m != nil {
			if st, err := s.Verify(m.RootKey); err == nil {
				n.put(st, s)
			}
		}
	}
	d.view.Store(n)
	return nil
}

// extend verifies a chain that extends the one installed.
func (d *Directory) extend(chain Chain, genesis string) ([]*Constitution, error) {
	versions, err := VerifyChain(chain, genesis)
	if err != nil {
		return nil, err
	}
	for i, old := range d.view.Load().chain {
		if i >= len(chain) || Hash(old.Document) != Hash(chain[i].Document) {
			return nil, ErrConstitution.With("it contradicts the chain known here", "与本节点已有的章程链矛盾")
		}
	}
	return versions, nil
}

func (v *view) put(st *Statement, s *SignedStatement) {
	v.statements[st.Member], v.signed[st.Member] = st, s
	certs, err := parseBundle(st.CABundle)
	if err != nil {
		return
	}
	td := spiffeid.RequireTrustDomainFromString(trustDomain(st.Member))
	v.bundles[trustDomain(st.Member)] = x509bundle.FromX509Authorities(td, certs)
}

// SetStatement verifies and installs a member's statement; an older sequence is ignored without error.
func (d *Directory) SetStatement(s *SignedStatement) (*Statement, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.view.Load()
	if len(old.versions) == 0 || s == nil {
		return nil, ErrNotMember.With("?", "?")
	}
	var probe Statement
	if err := jsonLoose(s.Document, &probe); err != nil {
		return nil, err
	}
	m := old.current().Member(probe.Member)
	if m == nil {
		return nil, ErrNotMember.With(probe.Member)
	}
	st, err := s.Verify(m.RootKey)
	if err != nil {
		return nil, err
	}
	if prev := old.statements[st.Member]; prev != nil {
		if prev.Sequence >= st.Sequence {
			return prev, nil
		}
		if !st.keeps(prev) {
			return nil, ErrStatement.With("it takes back that a key was lost", "收回了密钥失密的声明")
		}
	}
	n := &view{chain: old.chain, versions: old.versions, statements: map[string]*Statement{}, signed: map[string]*SignedStatement{}, bundles: map[string]*x509bundle.Bundle{}}
	for id := range old.statements {
		n.statements[id], n.signed[id] = old.statements[id], old.signed[id]
	}
	for td, b := range old.bundles {
		n.bundles[td] = b
	}
	n.put(st, s)
	d.view.Store(n)
	return st, nil
}

func (v *view) current() *Constitution {
	if len(v.versions) == 0 {
		return &Constitution{}
	}
	return v.versions[len(v.versions)-1]
}

// Current is the version in force; an empty one before the first.
func (d *Directory) Current() *Constitution { return d.view.Load().current() }

// Chain returns all versions as signed.
func (d *Directory) Chain() Chain { return d.view.Load().chain }

// Versions returns all versions decoded.
func (d *Directory) Versions() []*Constitution { return d.view.Load().versions }

// Member returns a member of the constitution in force; ErrNotMember.
func (d *Directory) Member(id string) (*Member, error) {
	if m := d.Current().Member(id); m != nil {
		return m, nil
	}
	return nil, ErrNotMember.With(id)
}

// Statement returns the latest statement of a member in force; ErrNotMember.
func (d *Directory) Statement(id string) (*Statement, error) {
	v := d.view.Load()
	if v.current().Member(id) == nil {
		return nil, ErrNotMember.With(id)
	}
	if s := v.statements[id]; s != nil {
		return s, nil
	}
	return nil, ErrNoStatement.With(id)
}

// SignedStatement returns the statement as signed, nil if there is none.
func (d *Directory) SignedStatement(id string) *SignedStatement { return d.view.Load().signed[id] }

// Statements returns all statements as signed.
func (d *Directory) Statements() []*SignedStatement {
	v := d.view.Load()
	out := make([]*SignedStatement, 0, len(v.signed))
	for _, m := range v.current().Members {
		if s := v.signed[m.ID]; s != nil {
			out = append(out, s)
		}
	}
	return out
}

// LogKey returns the key under which facts of a log count at a time; ErrNotMember, ErrUnknownKey.
func (d *Directory) LogKey(log seal.Log, at time.Time) (*LogKey, error) {
	s, err := d.Statement(log.Node)
	if err != nil {
		return nil, err
	}
	return s.LogKeyAt(log, at)
}

// GetX509BundleForTrustDomain implements x509bundle.Source over the members of the constitution in force: whoever is
// not a member fails in the TLS handshake.
func (d *Directory) GetX509BundleForTrustDomain(td spiffeid.TrustDomain) (*x509bundle.Bundle, error) {
	if b := d.view.Load().bundles[td.Name()]; b != nil {
		return b, nil
	}
	return nil, ErrNotMember.With(strings.TrimSuffix(td.Name(), ".kuayu"))
}

// MemberOf returns the member whose node presented the certificate, by its SPIFFE identity.
func MemberOf(cert *x509.Certificate) (member, instance string) {
	if len(cert.URIs) != 1 || cert.URIs[0].Scheme != "spiffe" {
		return "", ""
	}
	u := cert.URIs[0]
	return strings.TrimSuffix(u.Host, ".kuayu"), strings.TrimPrefix(u.Path, "/node/")
}

// Document is the chain with the members' statements: all that offline verification needs.
type Document struct {
	Genesis    string             `json:"genesis"` // hash of the first version
	Chain      Chain              `json:"chain"`
	Statements []*SignedStatement `json:"statements"`
}

// Document is what anyone needs to verify this federation's receipts offline.
func (d *Directory) Document() *Document {
	chain := d.Chain()
	out := &Document{Chain: chain, Statements: d.Statements()}
	if len(chain) > 0 {
		out.Genesis = Hash(chain[0].Document)
	}
	return out
}
