package federation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/kuayu/kuayu/internal/db"
)

// Reader asks a member for papers, unsealed: whatever it answers is signed by who it is about. support/peer has one.
type Reader func(ctx context.Context, member string, body []byte) ([]byte, error)

// SetReader tells the service how to ask other members. Call before serving.
func (s *Service) SetReader(r Reader) { s.reader = r }

const (
	// fewVoters vote and tell one another everything at once. Among more of them the proposer counts, with a deputy; the
	// others hear how the vote stands if it is not over soon.
	fewVoters = 8
	deputies  = 1
	// spreadAfter is how long a vote waits for its count before it goes to all voters: those who count may be gone.
	spreadAfter = 30 * time.Second
)

// counters are the voters to whom a vote goes at once: all of them if they are few or nobody knows who proposed.
func counters(c *Constitution, proposer string) map[string]bool {
	var voters []string
	for i := range c.Members {
		if c.Members[i].Voter {
			voters = append(voters, c.Members[i].ID)
		}
	}
	out := map[string]bool{}
	at := slices.Index(voters, proposer)
	if at < 0 || len(voters) <= fewVoters {
		for _, id := range voters {
			out[id] = true
		}
		return out
	}
	for i := range 1 + deputies {
		out[voters[(at+i)%len(voters)]] = true
	}
	return out
}

// Spread sends this member's votes that are not counted yet to the voters that have not got them.
func (s *Service) Spread(ctx context.Context) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	cur := s.dir.Current()
	me := cur.Member(s.self)
	if me == nil || !me.Voter {
		return nil
	}
	ps, err := s.Proposals(ctx)
	if err != nil {
		return err
	}
	for i := range ps {
		p := &ps[i]
		if s.spread[p.Hash] || s.clock.Now().Sub(p.created) < spreadAfter || p.Proposer == s.self || !p.Signed.has(me) {
			continue
		}
		had := counters(cur, p.Proposer)
		if err := s.sendVote(ctx, p, func(m *Member) bool { return m.Voter && !had[m.ID] }); err != nil {
			return err
		}
		if s.spread == nil {
			s.spread = map[string]bool{}
		}
		s.spread[p.Hash] = true
	}
	return nil
}

// Run spreads votes until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTicker(spreadAfter / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if err := s.Spread(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// sendVote sends this member's signature of a proposal.
func (s *Service) sendVote(ctx context.Context, p *Proposal, to func(*Member) bool) error {
	c, err := ParseConstitution(p.Signed.Document)
	if err != nil {
		return err
	}
	v := ballot{V: MessageVersion, Number: c.Number, Hash: p.Hash}
	for _, sig := range p.Signed.Signatures {
		if sig.Member == s.self {
			v.Sig = sig.Sig
		}
	}
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.broadcast(ctx, KindVote, body, to)
}

// said are the hashes of the statements that count here.
func (s *Service) said() map[string]string { return hashes(s.dir.Statements()) }

// Papers answers another member's want with what this member has and the other does not.
func (s *Service) Papers(ctx context.Context, body []byte) ([]byte, error) {
	var w want
	if err := decode(body, &w); err != nil {
		return nil, err
	}
	s.deciding.Lock() // a version and what is said under it are told together
	defer s.deciding.Unlock()
	chain := s.dir.Chain()
	if w.Versions < 0 || len(w.Said) > MaxMembers {
		return nil, ErrConstitution.With("it asks for what cannot be", "请求的内容不合格")
	}
	out, size := papers{V: MessageVersion}, 0
	for _, v := range chain[min(w.Versions, len(chain)):] {
		if size += len(v.Document); size > maxPapers && len(out.Chain) > 0 {
			break
		}
		out.Chain = append(out.Chain, v)
	}
	if w.Versions+len(out.Chain) >= len(chain) { // statements count under the latest version
		for _, st := range s.dir.Statements() {
			var said Statement
			if jsonLoose(st.Document, &said) != nil || w.Said[said.Member] == Hash(st.Document) {
				continue
			}
			out.Statements = append(out.Statements, st)
		}
	}
	if w.Proposal != "" {
		p, err := s.proposal(ctx, w.Proposal)
		if err != nil {
			return nil, err
		}
		if p != nil {
			out.Proposal = &ballotPaper{V: MessageVersion, Signed: p.Signed, Statement: p.Statement, Reason: p.Reason}
		}
	}
	return json.Marshal(out)
}

// proposal is one that waits for votes; nil: there is none of the hash.
func (s *Service) proposal(ctx context.Context, hash string) (*Proposal, error) {
	ps, err := s.Proposals(ctx)
	if err != nil {
		return nil, err
	}
	for i := range ps {
		if ps[i].Hash == hash {
			return &ps[i], nil
		}
	}
	return nil, nil //nolint:nilnil // none is no error: it is asked for, or was adopted
}

// ask asks a member for what is lacking here.
func (s *Service) ask(ctx context.Context, from, proposal string) (*papers, error) {
	if s.reader == nil {
		return nil, ErrAhead.With()
	}
	body, err := json.Marshal(want{V: MessageVersion, Versions: len(s.dir.Chain()), Proposal: proposal, Said: s.said()})
	if err != nil {
		return nil, err
	}
	b, err := s.reader(ctx, from, body)
	if err != nil {
		return nil, err
	}
	var got papers
	return &got, decode(b, &got)
}

// catchUp asks a member for the versions up to a number, and for what members said under the last.
func (s *Service) catchUp(ctx context.Context, from string, number int, said string) error {
	s.asking.Lock() // several tell the same: one of them is asked
	defer s.asking.Unlock()
	for {
		had := len(s.dir.Chain())
		if had > number || (had == number && digest(s.said()) == said) {
			return nil
		}
		got, err := s.ask(ctx, from, "")
		if err != nil {
			return err
		}
		if err := s.Adopt(ctx, append(slices.Clone(s.dir.Chain()), got.Chain...), ""); err != nil {
			return err
		}
		for _, st := range got.Statements {
			if err := s.AcceptStatement(ctx, st); err != nil && !errors.Is(err, ErrNotMember) && !errors.Is(err, ErrStatement) {
				return err
			}
		}
		switch {
		case len(s.dir.Chain()) >= number:
			return nil // what its sender does not know either is learnt from others
		case len(got.Chain) == 0:
			return ErrAhead.With()
		}
	}
}

// receiveBulletin takes the news that a version is in force.
func (s *Service) receiveBulletin(ctx context.Context, from string, body []byte) error {
	var b bulletin
	if err := decode(body, &b); err != nil {
		return err
	}
	if len(b.Signatures) > MaxMembers {
		return ErrConstitution.With("too many signatures", "签名过多")
	}
	if err := s.adoptKnown(ctx, &b); err != nil {
		return err
	}
	chain := s.dir.Chain()
	if b.Number < 1 || b.Number > MaxChain || (b.Number <= len(chain) && Hash(chain[b.Number-1].Document) != b.Hash) {
		return ErrConstitution.With("it contradicts the chain known here", "与本节点已有的章程链矛盾")
	}
	if b.Number < len(chain) {
		return nil
	}
	return s.catchUp(ctx, from, b.Number, b.Said)
}

// adoptKnown adopts the version of a bulletin if its document is here as a proposal.
func (s *Service) adoptKnown(ctx context.Context, b *bulletin) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	cur := s.dir.Current()
	if b.Number != cur.Number+1 {
		return nil
	}
	p, err := s.proposal(ctx, b.Hash)
	if err != nil || p == nil {
		return err
	}
	next := Signed{Document: p.Signed.Document, Signatures: slices.Clone(b.Signatures)}
	if n := ValidVotes(cur, &next); n < cur.Quorum {
		return ErrQuorum.With(b.Number, n, cur.Quorum)
	}
	err = s.adopt(ctx, append(slices.Clone(s.dir.Chain()), next), "", func(ctx context.Context, tx *db.Tx) error {
		if p.Statement == nil {
			return nil
		}
		var said Statement
		if err := jsonLoose(p.Statement.Document, &said); err != nil {
			return err
		}
		return insertStatement(ctx, tx, &said, p.Statement)
	})
	if err != nil || p.Statement == nil {
		return err
	}
	_, err = s.dir.SetStatement(p.Statement)
	return err
}
