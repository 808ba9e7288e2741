package federation

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/seal"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Courier sends a sealed message to a member within a transaction. support/peer is one.
type Courier interface {
	Send(ctx context.Context, tx *db.Tx, to, subject, kind string, body []byte) error
}

// The kinds of message this package sends and takes.
const (
	KindProposal     = "federation.proposal"
	KindVote         = "federation.vote"
	KindConstitution = "federation.constitution"
	KindStatement    = "federation.statement"
)

// Service keeps the directory durable and changes it by the rules.
type Service struct {
	db       *db.DB
	dir      *Directory
	clock    clock.Clock
	self     string
	root     *seal.PrivateKey
	courier  Courier
	reader   Reader
	notifier Notifier
	deciding sync.Mutex                          // votes and versions: what is read of them is what is written over
	spread   map[string]bool                     // proposals for which this member's vote went to all voters, by hash
	asking   sync.Mutex                          // what is lacking is asked for once
	observer func(context.Context, *db.Tx) error // nil: nobody
}

// NewService wires the service. SetCourier must follow before proposals are sent.
func NewService(d *db.DB, dir *Directory, c clock.Clock, self string, root *seal.PrivateKey) *Service {
	return &Service{db: d, dir: dir, clock: c, self: self, root: root}
}

// Notifier tells people, in the transaction that does it, that a proposal waits for their vote, or that a version is in force.
type Notifier interface {
	Proposed(ctx context.Context, tx *db.Tx, from, hash, reason string) error
	Adopted(ctx context.Context, tx *db.Tx, number int) error
}

// SetNotifier names who tells people. Call before serving.
func (s *Service) SetNotifier(h Notifier) { s.notifier = h }

// SetCourier tells the service how to reach other members.
func (s *Service) SetCourier(c Courier) { s.courier = c }

// SetObserver names who hears, in the transaction that does it, that who is a member or what a member says of itself
// changes.
func (s *Service) SetObserver(f func(context.Context, *db.Tx) error) { s.observer = f }

func (s *Service) changed(ctx context.Context, tx *db.Tx) error {
	if s.observer == nil {
		return nil
	}
	return s.observer(ctx, tx)
}

// Migrate creates the tables of this package.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "federation", migrations, "migrations")
}

// Load fills the directory from the database.
func (s *Service) Load(ctx context.Context) error {
	var rows []struct {
		Number     int
		Document   []byte
		Signatures string
	}
	if err := s.db.Read().NewRaw("SELECT number, document, signatures FROM federation_version ORDER BY number").Scan(ctx, &rows); err != nil {
		return fmt.Errorf("load constitution: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	chain := make(Chain, len(rows))
	for i, r := range rows {
		chain[i].Document = r.Document
		if err := json.Unmarshal([]byte(r.Signatures), &chain[i].Signatures); err != nil {
			return fmt.Errorf("load constitution: %w", err)
		}
	}
	if err := s.dir.SetChain(chain, ""); err != nil {
		return err
	}
	var sts []SignedStatement
	if err := s.db.Read().NewRaw("SELECT document, sig FROM federation_statement").Scan(ctx, &sts); err != nil {
		return fmt.Errorf("load statements: %w", err)
	}
	for i := range sts {
		// Whoever left, or has another root key by now, is not reached under what was said before.
		if _, err := s.dir.SetStatement(&sts[i]); err != nil && !errors.Is(err, ErrNotMember) && !errors.Is(err, ErrStatement) {
			return err
		}
	}
	return nil
}

// Adopt verifies a chain that extends what is known and stores it.
func (s *Service) Adopt(ctx context.Context, chain Chain, genesis string) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	return s.adopt(ctx, chain, genesis, func(context.Context, *db.Tx) error { return nil })
}

// adopt is Adopt by whoever decides; with is done in the transaction that stores the version.
func (s *Service) adopt(ctx context.Context, chain Chain, genesis string, with func(context.Context, *db.Tx) error) error {
	old, before := s.dir.Chain(), s.dir.Current()
	if len(chain) <= len(old) {
		return nil
	}
	if _, err := s.dir.extend(chain, genesis); err != nil {
		return err
	}
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := len(old); i < len(chain); i++ {
			sigs, err := json.Marshal(chain[i].Signatures)
			if err != nil {
				return err
			}
			if _, err := tx.NewRaw("INSERT INTO federation_version (number, document, signatures) VALUES (?, ?, ?) ON CONFLICT (number) DO NOTHING", i+1, chain[i].Document, string(sigs)).Exec(ctx); err != nil {
				return fmt.Errorf("store constitution: %w", err)
			}
		}
		if _, err := tx.NewRaw("DELETE FROM federation_proposal WHERE number <= ?", len(chain)).Exec(ctx); err != nil {
			return fmt.Errorf("store constitution: %w", err)
		}
		if s.notifier != nil && len(old) > 0 { // the first that is known is no change
			if err := s.notifier.Adopted(ctx, tx, len(chain)); err != nil {
				return err
			}
		}
		return with(ctx, tx)
	})
	if err != nil {
		return err
	}
	if err := s.dir.SetChain(chain, genesis); err != nil { // durable first: what counts in memory counts after a crash, too
		return err
	}
	// Everybody reads everybody's catalogue when who is a member changes: not when a version changes something else.
	if len(old) > 0 && sameMembers(before, s.dir.Current()) {
		return nil
	}
	return s.db.Write(ctx, s.changed)
}

// sameMembers reports whether two versions have the same members under the same keys.
func sameMembers(a, b *Constitution) bool {
	return slices.EqualFunc(a.Members, b.Members, func(x, y Member) bool { return x.ID == y.ID && x.RootKey.Equal(y.RootKey) })
}

// AcceptStatement verifies and stores a member's statement. One that is stored already costs a look.
func (s *Service) AcceptStatement(ctx context.Context, st *SignedStatement) error {
	v, err := s.dir.SetStatement(st)
	if err != nil {
		return err
	}
	var had []SignedStatement
	if err := s.db.Read().NewRaw("SELECT document, sig FROM federation_statement WHERE member = ?", v.Member).Scan(ctx, &had); err != nil {
		return fmt.Errorf("read statement: %w", err)
	}
	if len(had) == 1 && bytes.Equal(had[0].Document, st.Document) {
		return nil
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.storeStatement(ctx, tx, v, st) })
}

// storeStatement stores a statement that the directory took, unless it is an older one, or was overtaken.
func (s *Service) storeStatement(ctx context.Context, tx *db.Tx, v *Statement, st *SignedStatement) error {
	if now := s.dir.SignedStatement(v.Member); now == nil || !bytes.Equal(now.Document, st.Document) {
		return nil
	}
	if err := insertStatement(ctx, tx, v, st); err != nil {
		return err
	}
	return s.changed(ctx, tx)
}

func insertStatement(ctx context.Context, tx *db.Tx, v *Statement, st *SignedStatement) error {
	_, err := tx.NewRaw(`INSERT INTO federation_statement (member, sequence, document, sig) VALUES (?, ?, ?, ?)
		ON CONFLICT (member) DO UPDATE SET sequence = excluded.sequence, document = excluded.document, sig = excluded.sig`, v.Member, v.Sequence, st.Document, st.Sig).Exec(ctx)
	if err != nil {
		return fmt.Errorf("store statement: %w", err)
	}
	return nil
}

// Announce signs a new statement of this member, stores it and sends it to all others.
func (s *Service) Announce(ctx context.Context, st *Statement) error {
	// A node restored from a backup does not know the last number it used, but it is later now than it was then.
	st.Sequence = max(st.Sequence, int(s.clock.Now().Unix()))
	if old, err := s.dir.Statement(s.self); err == nil {
		st.Sequence = max(st.Sequence, old.Sequence+1)
	}
	st.Format, st.Member, st.Issued = FormatVersion, s.self, s.clock.Now()
	signed, err := SignStatement(st, s.root)
	if err != nil {
		return err
	}
	body, err := json.Marshal(saying{V: MessageVersion, Statement: signed})
	if err != nil {
		return err
	}
	v, err := s.dir.SetStatement(signed)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { // both or neither: what is stored is not announced again
		if err := s.storeStatement(ctx, tx, v, signed); err != nil {
			return err
		}
		return s.send(ctx, tx, KindStatement, body, func(*Member) bool { return true })
	})
}

func (s *Service) broadcast(ctx context.Context, kind string, body []byte, to func(*Member) bool) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.send(ctx, tx, kind, body, to) })
}

func (s *Service) send(ctx context.Context, tx *db.Tx, kind string, body []byte, to func(*Member) bool) error {
	cur := s.dir.Current()
	for i := range cur.Members {
		m := &cur.Members[i]
		if m.ID == s.self || !to(m) {
			continue
		}
		if err := s.courier.Send(ctx, tx, m.ID, "federation", kind, body); err != nil {
			return err
		}
	}
	return nil
}

// Proposal is a version that waits for its quorum.
type Proposal struct {
	Hash      string           `json:"hash"`
	Signed    Signed           `json:"signed"`
	Statement *SignedStatement `json:"statement,omitempty"` // of a member to be, so that it can be reached
	Reason    string           `json:"reason"`
	Proposer  string           `json:"proposer,omitempty"` // member; empty: a vote came before the proposal did. Not sent to others: they see who sends it
	Votes     int              `json:"votes"`
	Quorum    int              `json:"quorum"`

	created time.Time
}

// ProposeChange proposes the version of the constitution in which a change is made: this member votes for it and sends it
// to the voters.
func (s *Service) ProposeChange(ctx context.Context, c Change) (*Proposal, error) {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	next, err := s.Draft(ctx, c)
	if err != nil {
		return nil, err
	}
	doc, err := next.Encode()
	if err != nil {
		return nil, err
	}
	p := &Proposal{Hash: Hash(doc), Signed: Signed{Document: doc}, Statement: c.State, Reason: c.Reason, Proposer: s.self}
	if err := s.saveProposal(ctx, p); err != nil {
		return nil, err
	}
	if err := s.vote(ctx, p, true); err != nil {
		return nil, err
	}
	return p, nil
}

// Approve votes for a proposal. A member signs one document of each version only: ErrVoted otherwise.
func (s *Service) Approve(ctx context.Context, hash string) (*Proposal, error) {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	if m := s.dir.Current().Member(s.self); m == nil || !m.Voter {
		return nil, ErrNotVoter.With()
	}
	ps, err := s.Proposals(ctx)
	if err != nil {
		return nil, err
	}
	for i := range ps {
		if ps[i].Hash == hash {
			return &ps[i], s.vote(ctx, &ps[i], false)
		}
	}
	return nil, ErrNoProposal.With()
}

func (s *Service) vote(ctx context.Context, p *Proposal, first bool) error {
	c, err := ParseConstitution(p.Signed.Document)
	if err != nil {
		return err
	}
	// The vote is durable before the signature exists: no crash makes this member sign twice.
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		had, err := votedFor(ctx, tx, c.Number)
		if err != nil {
			return err
		}
		if had != "" && had != p.Hash {
			return ErrVoted.With(c.Number)
		}
		_, err = tx.NewRaw("INSERT INTO federation_vote (number, hash) VALUES (?, ?) ON CONFLICT (number) DO NOTHING", c.Number, p.Hash).Exec(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if err := p.Signed.Sign(s.self, s.root); err != nil {
		return err
	}
	if err := s.saveProposal(ctx, p); err != nil {
		return err
	}
	if first {
		err = s.sendProposal(ctx, p)
	} else {
		to := counters(s.dir.Current(), p.Proposer)
		err = s.sendVote(ctx, p, func(m *Member) bool { return to[m.ID] })
	}
	if err != nil {
		return err
	}
	return s.tryAdopt(ctx, p)
}

// sendProposal sends the document to all who vote on it.
func (s *Service) sendProposal(ctx context.Context, p *Proposal) error {
	body, err := json.Marshal(ballotPaper{V: MessageVersion, Signed: p.Signed, Statement: p.Statement, Reason: p.Reason})
	if err != nil {
		return err
	}
	return s.broadcast(ctx, KindProposal, body, func(m *Member) bool { return m.Voter })
}

// votedFor is the hash of what this member has signed for a version; "" if it has signed nothing yet.
func votedFor(ctx context.Context, tx *db.Tx, number int) (string, error) {
	var had string
	err := tx.NewRaw("SELECT hash FROM federation_vote WHERE number = ?", number).Scan(ctx, &had)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("vote: %w", err)
	}
	return had, nil
}

// tryAdopt adopts a proposal that has its quorum and tells everybody, the newcomer included.
func (s *Service) tryAdopt(ctx context.Context, p *Proposal) error {
	cur := s.dir.Current()
	p.Quorum, p.Votes = cur.Quorum, ValidVotes(cur, &p.Signed)
	c, err := ParseConstitution(p.Signed.Document)
	if err != nil {
		return err
	}
	if p.Votes < cur.Quorum || c.Number != cur.Number+1 {
		return nil
	}
	chain := append(append(Chain(nil), s.dir.Chain()...), p.Signed)
	statements := s.statements(c, p.Statement)
	body, err := json.Marshal(bulletin{V: MessageVersion, Number: c.Number, Hash: p.Hash, Signatures: p.Signed.Signatures, Said: digest(hashes(statements))})
	if err != nil {
		return err
	}
	// Version, statement and bulletin are durable together: whoever is a member by the version is reached by the statement.
	err = s.adopt(ctx, chain, "", func(ctx context.Context, tx *db.Tx) error {
		for _, st := range statements {
			var said Statement
			if err := jsonLoose(st.Document, &said); err != nil {
				return err
			}
			if st == p.Statement {
				if err := insertStatement(ctx, tx, &said, st); err != nil {
					return err
				}
			}
			if said.Member == s.self || cur.Member(said.Member) == nil {
				continue
			}
			if err := s.courier.Send(ctx, tx, said.Member, "federation", KindConstitution, body); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || p.Statement == nil {
		return err
	}
	st, err := s.dir.SetStatement(p.Statement)
	if err != nil || cur.Member(st.Member) != nil {
		return err
	}
	// A newcomer is told when it is one here, too: until then nothing can be sent to it.
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.courier.Send(ctx, tx, st.Member, "federation", KindConstitution, body)
	})
}

// statements are those of a version's members that count under it, one of them perhaps new.
func (s *Service) statements(c *Constitution, fresh *SignedStatement) []*SignedStatement {
	var out []*SignedStatement
	for i := range c.Members {
		m := &c.Members[i]
		switch st := s.dir.SignedStatement(m.ID); {
		case fresh.by(m):
			out = append(out, fresh)
		case st.by(m):
			out = append(out, st)
		}
	}
	return out
}

func (s *Service) saveProposal(ctx context.Context, p *Proposal) error {
	c, err := ParseConstitution(p.Signed.Document)
	if err != nil {
		return err
	}
	sigs, err := json.Marshal(p.Signed.Signatures)
	if err != nil {
		return err
	}
	st, err := json.Marshal(p.Statement)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var known []string
		if err := tx.NewRaw("SELECT proposer FROM federation_proposal WHERE hash = ?", p.Hash).Scan(ctx, &known); err != nil {
			return fmt.Errorf("store proposal: %w", err)
		}
		if s.notifier != nil && p.Proposer != "" && p.Proposer != s.self && (len(known) == 0 || known[0] == "") {
			if err := s.notifier.Proposed(ctx, tx, p.Proposer, p.Hash, p.Reason); err != nil {
				return err
			}
		}
		_, err := tx.NewRaw(`INSERT INTO federation_proposal (hash, number, document, signatures, statement, reason, proposer, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (hash) DO UPDATE SET signatures = excluded.signatures,
			proposer = CASE federation_proposal.proposer WHEN '' THEN excluded.proposer ELSE federation_proposal.proposer END`,
			p.Hash, c.Number, p.Signed.Document, string(sigs), string(st), p.Reason, p.Proposer, s.clock.Now().UnixMicro()).Exec(ctx)
		return err
	})
}

// Proposals lists what waits for votes.
func (s *Service) Proposals(ctx context.Context) ([]Proposal, error) {
	var rows []struct {
		Hash, Signatures, Statement, Reason, Proposer string
		Document                                      []byte
		Created                                       int64
	}
	if err := s.db.Read().NewRaw("SELECT hash, document, signatures, statement, reason, proposer, created FROM federation_proposal ORDER BY created").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("proposals: %w", err)
	}
	cur := s.dir.Current()
	out := make([]Proposal, len(rows))
	for i, r := range rows {
		p := Proposal{Hash: r.Hash, Reason: r.Reason, Proposer: r.Proposer, Quorum: cur.Quorum, Signed: Signed{Document: r.Document}, created: time.UnixMicro(r.Created)}
		if err := json.Unmarshal([]byte(r.Signatures), &p.Signed.Signatures); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(r.Statement), &p.Statement); err != nil {
			return nil, err
		}
		p.Votes = ValidVotes(cur, &p.Signed)
		out[i] = p
	}
	return out, nil
}

// Receive takes a message of this package from another member.
func (s *Service) Receive(ctx context.Context, from, kind string, body []byte) error {
	switch kind {
	case KindStatement:
		var m saying
		if err := decode(body, &m); err != nil {
			return err
		}
		return s.AcceptStatement(ctx, m.Statement)
	case KindConstitution:
		return s.receiveBulletin(ctx, from, body)
	case KindProposal:
		var m ballotPaper
		if err := decode(body, &m); err != nil {
			return err
		}
		return s.receiveProposal(ctx, from, &Proposal{Signed: m.Signed, Statement: m.Statement, Reason: m.Reason, Proposer: from})
	case KindVote:
		return s.receiveVote(ctx, from, body)
	}
	return ErrConstitution.With("unknown message", "未知的消息")
}

// receiveVote takes a vote for a document that is here, or that its sender is asked for.
func (s *Service) receiveVote(ctx context.Context, from string, body []byte) error {
	var v ballot
	if err := decode(body, &v); err != nil {
		return err
	}
	cur := s.dir.Current()
	if m := cur.Member(from); m == nil || !m.Voter {
		return ErrNotVoter.With()
	}
	if v.Number <= cur.Number {
		return nil // adopted meanwhile
	}
	p, err := s.proposal(ctx, v.Hash)
	if err != nil {
		return err
	}
	if p == nil {
		if v.Number > cur.Number+1 {
			return ErrAhead.With()
		}
		if p, err = s.askProposal(ctx, from, v.Hash); err != nil {
			return err
		}
	}
	p.Proposer = "" // whoever votes is not taken for the proposer
	p.Signed.Signatures = []Signature{{Member: from, Sig: v.Sig}}
	return s.receiveProposal(ctx, from, p)
}

// askProposal asks a voter for the document it voted for.
func (s *Service) askProposal(ctx context.Context, from, hash string) (*Proposal, error) {
	got, err := s.ask(ctx, from, hash)
	switch {
	case err != nil:
		return nil, err
	case got.Proposal == nil:
		return nil, ErrAhead.With() // adopted there: that news is on its way
	case Hash(got.Proposal.Signed.Document) != hash:
		return nil, ErrConstitution.With("it is not the document that was voted for", "不是所表决的文件")
	}
	return &Proposal{Signed: got.Proposal.Signed, Statement: got.Proposal.Statement, Reason: got.Proposal.Reason}, nil
}

// receiveProposal takes a document with a vote of the member that sent it.
func (s *Service) receiveProposal(ctx context.Context, from string, p *Proposal) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	cur := s.dir.Current()
	if m := cur.Member(from); m == nil || !m.Voter {
		return ErrNotVoter.With()
	}
	c, err := ParseConstitution(p.Signed.Document)
	if err != nil {
		return err
	}
	if c.Number <= cur.Number {
		return nil // adopted meanwhile
	}
	if err := s.sound(cur, c, p, from); err != nil {
		return err
	}
	p.Hash = Hash(p.Signed.Document)
	ps, err := s.Proposals(ctx)
	if err != nil {
		return err
	}
	for i := range ps {
		// A member that signed two documents of one version is no reason to refuse the votes of others.
		for o := FindOffence(cur, ps[i].Signed, p.Signed); o != nil; o = FindOffence(cur, ps[i].Signed, p.Signed) {
			if o.Member == from {
				return ErrOffence.With(o.Member, c.Number)
			}
			p.Signed.drop(o.Member)
		}
		if ps[i].Hash == p.Hash { // keep the votes seen before
			for _, sig := range ps[i].Signed.Signatures {
				if sig.Member != from {
					p.Signed.Add(sig)
				}
			}
		}
	}
	if err := s.saveProposal(ctx, p); err != nil {
		return err
	}
	return s.tryAdopt(ctx, p)
}

// sound checks a proposal as it arrives: the version follows the one in force, whoever sends it has signed it, and the
// statement that comes with it is that of a member under the root key proposed. Whatever else would be kept could never be
// adopted, and would take the vote of whoever approves it.
func (s *Service) sound(cur, c *Constitution, p *Proposal, from string) error {
	chain := s.dir.Chain()
	if c.Number > cur.Number+1 {
		return ErrAhead.With() // its sender heard of a version before this node did
	}
	if c.Number != cur.Number+1 || c.Federation != cur.Federation || c.Previous != Hash(chain[len(chain)-1].Document) {
		return ErrConstitution.With("it does not follow the version in force", "不是现行版本的后继")
	}
	if !p.Signed.has(cur.Member(from)) {
		return ErrConstitution.With("its sender has not signed it", "发送方没有签名")
	}
	if utf8.RuneCountInString(p.Reason) > maxReason {
		return ErrConstitution.With("its reason is too long", "理由过长")
	}
	if p.Statement != nil {
		var said Statement
		if err := jsonLoose(p.Statement.Document, &said); err != nil {
			return err
		}
		if m := c.Member(said.Member); m == nil || !p.Statement.by(m) {
			return ErrStatement.With("it is not signed by the root key proposed", "不是由提案中的根密钥签发")
		}
	}
	return nil
}

// jsonLoose decodes without strictness; used only to find out whose document it is before it is verified.
func jsonLoose(b []byte, v any) error {
	if len(b) > MaxDocument {
		return ErrStatement.With("over 1 MiB", "超过 1 MiB")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return ErrStatement.Because(err, "not JSON", "不是 JSON")
	}
	return nil
}
