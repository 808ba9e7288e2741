package federation

import (
	"encoding/json"
	"sort"
	"strings"

	"github.com/kuayu/kuayu/internal/httpx"
)

// MessageVersion is the version of the messages between members about the constitution.
const MessageVersion = 1

// A document goes to a member once: voters get it with the proposal, all others ask for it when they hear of its hash.

// ballotPaper is the message KindProposal, and how a proposal is told to whoever asks for it: the document to vote on.
type ballotPaper struct {
	V         int              `json:"v"`
	Signed    Signed           `json:"signed"`
	Statement *SignedStatement `json:"statement,omitempty"`
	Reason    string           `json:"reason"`
}

// ballot is the message KindVote: its sender's signature over a document that the receiver has, or asks the sender for.
type ballot struct {
	V      int    `json:"v"`
	Number int    `json:"number"`
	Hash   string `json:"hash"`
	Sig    []byte `json:"sig"`
}

// bulletin is the message KindConstitution: a version is in force. Whoever has its document needs the signatures alone.
type bulletin struct {
	V          int         `json:"v"`
	Number     int         `json:"number"`
	Hash       string      `json:"hash"`
	Signatures []Signature `json:"signatures"`
	Said       string      `json:"said"` // digest of the members' statements that count under it
}

// saying is the message KindStatement.
type saying struct {
	V         int              `json:"v"`
	Statement *SignedStatement `json:"statement"`
}

// want is what a member asks another for: what it lacks, said by what it has.
type want struct {
	V        int               `json:"v"`
	Versions int               `json:"versions"`           // of the constitution, that it has
	Proposal string            `json:"proposal,omitempty"` // hash of one it lacks
	Said     map[string]string `json:"said"`               // member to hash of the statement it has
}

// papers answer a want. Many versions come in parts: whoever wants them asks again.
type papers struct {
	V          int                `json:"v"`
	Chain      Chain              `json:"chain,omitempty"` // the versions after those it has
	Statements []*SignedStatement `json:"statements,omitempty"`
	Proposal   *ballotPaper       `json:"proposal,omitempty"`
}

// maxPapers bounds, in bytes, the documents of one answer, the first of them aside.
const maxPapers = 2 * MaxDocument

// versioned is a message that says of which version it is.
type versioned interface{ version() int }

func (m *ballotPaper) version() int { return m.V }
func (m *ballot) version() int      { return m.V }
func (m *bulletin) version() int    { return m.V }
func (m *saying) version() int      { return m.V }
func (m *want) version() int        { return m.V }
func (m *papers) version() int      { return m.V }

// decode decodes a message strictly. Of a version that is not known here, that alone is said: its members may be others.
func decode(b []byte, m versioned) error {
	err := httpx.Unmarshal(b, m)
	if err == nil && m.version() == MessageVersion {
		return nil
	}
	var probe struct {
		V int `json:"v"`
	}
	if perr := json.Unmarshal(b, &probe); perr == nil && probe.V != MessageVersion {
		return ErrConstitution.With("unknown version of the message", "消息的版本未知")
	}
	return err
}

// digest is the hash of what members said: equal where two members know the same.
func digest(said map[string]string) string {
	lines := make([]string, 0, len(said))
	for member, hash := range said {
		lines = append(lines, member+" "+hash+"\n")
	}
	sort.Strings(lines)
	return Hash([]byte(strings.Join(lines, "")))
}

// hashes are the hashes of statements, by member.
func hashes(sts []*SignedStatement) map[string]string {
	out := make(map[string]string, len(sts))
	for _, st := range sts {
		var said Statement
		if jsonLoose(st.Document, &said) == nil {
			out[said.Member] = Hash(st.Document)
		}
	}
	return out
}
