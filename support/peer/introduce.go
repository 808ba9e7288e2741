package peer

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
)

// PathStatement is where members hand each other their statements unsealed. A node that began a new epoch, or changed its
// keys, seals with a key that nobody knows yet, so nothing sealed can carry the statement that names it. A statement needs
// no seal: the member's root key signs it, and a higher number replaces a lower one.
const PathStatement = "/federation/v1/statement"

// PathPapers is where a member asks another for documents of the federation that it lacks. They need no seal either: what
// is in them is signed by who it is about.
const PathPapers = "/federation/v1/papers"

// maxWant bounds a member's want, in bytes: a line for each member.
const maxWant = 1 << 20

// ServePapers answers a member that lacks documents.
func (l *Link) ServePapers(w http.ResponseWriter, r *http.Request) {
	if _, _, err := l.Caller(r); err != nil {
		l.Refuse(w, r, err)
		return
	}
	body, err := httpx.ReadBody(r, maxWant)
	if err != nil {
		l.Refuse(w, r, err)
		return
	}
	if l.Papers == nil {
		l.Refuse(w, r, errs.ErrInternal.With())
		return
	}
	b, err := l.Papers(r.Context(), body)
	if err != nil {
		l.Refuse(w, r, err)
		return
	}
	httpx.WriteJSON(w, r, http.StatusOK, json.RawMessage(b))
}

// AskPapers asks a member for documents.
func (l *Link) AskPapers(ctx context.Context, member string, body []byte) ([]byte, error) {
	return l.Ask(ctx, member, http.MethodPost, PathPapers, body)
}

// learnAgain is how long after asking a member for its statement in vain it is not asked again.
const learnAgain = 5 * time.Second

// ServeStatement tells this node's statement to a member (GET), or takes the member's own (POST).
func (l *Link) ServeStatement(w http.ResponseWriter, r *http.Request) {
	member, _, err := l.Caller(r)
	if err != nil {
		l.Refuse(w, r, err)
		return
	}
	if r.Method == http.MethodPost {
		var st federation.SignedStatement
		if err := httpx.Decode(r, 2*federation.MaxDocument, &st); err != nil {
			l.Refuse(w, r, err)
			return
		}
		if err := l.take(r.Context(), member, &st); err != nil {
			l.Refuse(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	own := l.Dir.SignedStatement(l.Self)
	if own == nil {
		l.Refuse(w, r, federation.ErrNotMember.With(l.Self))
		return
	}
	httpx.WriteJSON(w, r, http.StatusOK, own)
}

// take accepts a statement that must be the member's own.
func (l *Link) take(ctx context.Context, member string, s *federation.SignedStatement) error {
	m, err := l.Dir.Member(member)
	if err != nil {
		return err
	}
	st, err := s.Verify(m.RootKey)
	if err != nil {
		return err
	}
	if st.Member != member {
		return federation.ErrStatement.With("it is another member's", "是其他成员的声明")
	}
	if l.Accept == nil {
		return errs.ErrInternal.With()
	}
	return l.Accept(ctx, s)
}

// introduce hands this node's statement to a member that did not know the key of a request.
func (l *Link) introduce(ctx context.Context, to string) error {
	own := l.Dir.SignedStatement(l.Self)
	if own == nil {
		return federation.ErrNotMember.With(l.Self)
	}
	body, err := json.Marshal(own)
	if err != nil {
		return err
	}
	_, err = l.Ask(ctx, to, http.MethodPost, PathStatement, body)
	return err
}

// learn asks a member for its statement, when it answers under a key that is not known here: once for all who wait for
// its answers, and after a failure not again for a while.
func (l *Link) learn(ctx context.Context, member string) {
	_, _, _ = l.learning.Do(member, func() (any, error) { return nil, l.learnOnce(ctx, member) }) // whoever asked looks for the key again
}

func (l *Link) learnOnce(ctx context.Context, member string) error {
	now := l.Clock.Now()
	l.mu.Lock()
	last, failed := l.unlearned[member]
	l.mu.Unlock()
	if failed && now.Sub(last).Abs() < learnAgain {
		return federation.ErrUnknownKey.With(member)
	}
	err := l.learnFrom(ctx, member)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		delete(l.unlearned, member)
		return nil
	}
	if l.unlearned == nil {
		l.unlearned = map[string]time.Time{}
	}
	l.unlearned[member] = now
	return err
}

func (l *Link) learnFrom(ctx context.Context, member string) error {
	b, err := l.Ask(ctx, member, http.MethodGet, PathStatement, nil)
	if err != nil {
		return err
	}
	var st federation.SignedStatement
	if err := httpx.Unmarshal(b, &st); err != nil {
		return err
	}
	return l.take(ctx, member, &st)
}
