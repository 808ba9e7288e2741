package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"

	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/node"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/seal"
)

// publicLog is what anybody can fetch from a node: every file of its transparency log, and the entries in them.
type publicLog struct {
	files   map[string][]byte
	entries []*seal.Entry
	raw     [][]byte
}

// fetchLog fetches the public log of a node, when it covers everything durable, through its public listener.
func (f *fixture) fetchLog(member string) *publicLog {
	f.t.Helper()
	n := f.c.Node(member)
	f.await(func() bool { cp := n.Tlog.Latest(); return cp != nil && cp.Size >= n.Log.Durable() })
	l := &publicLog{files: map[string][]byte{}}
	web := f.c.Client(member).HTTP
	get := func(path string) []byte {
		f.t.Helper()
		req, err := http.NewRequestWithContext(f.ctx, http.MethodGet, "https://"+n.Addr("public")+"/log/"+path, nil)
		if err != nil {
			f.t.Fatal(err)
		}
		res, err := web.Do(req)
		if err != nil {
			f.t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			f.t.Fatalf("%s: %d %v", path, res.StatusCode, err)
		}
		l.files[path] = b
		return b
	}
	lines := strings.Split(string(get(layout.CheckpointPath)), "\n")
	var size uint64
	if _, err := fmt.Sscan(lines[1], &size); err != nil {
		f.t.Fatal(err)
	}
	for i := range (size + layout.EntryBundleWidth - 1) / layout.EntryBundleWidth {
		var b api.EntryBundle
		if err := b.UnmarshalText(get(layout.EntriesPath(i, layout.PartialTileSize(0, i, size)))); err != nil {
			f.t.Fatal(err)
		}
		for _, raw := range b.Entries {
			e, err := seal.DecodeEntry(raw)
			if err != nil {
				f.t.Fatal(err)
			}
			l.entries, l.raw = append(l.entries, e), append(l.raw, raw)
		}
	}
	for level, width := uint64(0), size; width > 0; level, width = level+1, width/layout.TileWidth {
		for i := range (width + layout.TileWidth - 1) / layout.TileWidth {
			get(layout.TilePath(level, i, layout.PartialTileSize(level, i, size)))
		}
	}
	return l
}

// trial is one query by one of two departments, and what it left in the public logs of both nodes.
type trial struct {
	asker   int // the secret bit
	id      string
	from    [2]uint64
	to      [2]uint64
	entries []*seal.Entry
	raw     []byte
}

// asker is one of the two departments, with everything about it that an adversary may know.
type asker struct {
	tenant
	sess      *identity.Session
	agreement string
	subject   string
	known     [][]byte
}

// TestPublicLogTellsNothing: in each trial one of two departments, by a secret toss, asks about its subject. An
// adversary who knows both departments, their officers, agreements, subjects and every query word for word has the
// public logs of both nodes and guesses who asked. It may do no better than chance, whatever it tries; and no identifier
// stands anywhere in the public files, plain, hexadecimal, base64 or hashed.
func TestPublicLogTellsNothing(t *testing.T) {
	s := newStrangers(t)
	var askers [2]asker
	for i := range askers {
		d := s.tenants[i]
		s.apply(d, s.tenants[2], 4)
		a := asker{tenant: d, sess: s.session(d.member, "officer-"+d.short), agreement: s.ids[d.code]["agreement"][0], subject: fmt.Sprintf("91330000MY%06dXX", i+1)}
		a.known = [][]byte{[]byte(a.code), []byte(a.sess.Actor), []byte(a.agreement), []byte(a.subject)}
		askers[i] = a
	}
	for attempt := range 2 { // what leaks does so twice; chance hardly ever
		if s.guessing(&askers) {
			break
		}
		if attempt == 1 {
			t.Error("the public log tells who asked")
		}
	}
	logs := []*publicLog{s.fetchLog("shanghai"), s.fetchLog("zhejiang")}
	words := [][]byte{[]byte("enterprise-service"), []byte(s.tenants[2].resource), []byte("query.open"), []byte("query.serve")}
	for _, d := range s.tenants {
		words = append(words, []byte(d.code), []byte("officer-"+d.short))
	}
	for _, x := range s.secrets {
		words = append(words, []byte(x.text))
	}
	for i := range askers {
		words = append(words, askers[i].known...)
	}
	for _, m := range []string{"shanghai", "zhejiang"} {
		words = append(words, s.privateWords(s.c.Node(m))...)
	}
	for _, l := range logs {
		for path, b := range l.files {
			for _, w := range words {
				if form := hit(b, w); form != "" {
					t.Errorf("the public file %s holds %q as %s", path, w, form)
				}
			}
		}
	}
	t.Logf("%d identifiers, digests, salts and bodies looked for in %d public files", len(words), len(logs[0].files)+len(logs[1].files))
}

// privateWords are what a node's evidence holds about its facts beyond their commitments.
func (s *strangers) privateWords(n *node.Node) [][]byte {
	var out [][]byte
	err := n.Log.Replay(0, func(r *evidence.Record) error {
		f, err := r.Fact()
		if err != nil {
			return err
		}
		h, err := evidence.HeaderOf(&f)
		if err != nil {
			return err
		}
		out = append(out, []byte(f.ID), r.Sealed.Salt[:], r.Sealed.Fact)
		if r.Body != nil {
			out = append(out, r.BodySalt[:], r.Body)
		}
		// ReqHash is left out: it is the public commitment of the request, and only the parties hold the header that names it.
		for _, w := range append([]string{h.Agreement, h.Digest, h.Content}, h.Subjects...) {
			if len(w) >= 16 {
				out = append(out, []byte(w))
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// hit says in which form a word stands in a file, if it does.
func hit(b, word []byte) string {
	if len(word) < 8 || (len(word) < 16 && isHex(word)) {
		return ""
	}
	if bytes.Contains(b, word) {
		return "itself"
	}
	if bytes.Contains(b, []byte(hex.EncodeToString(word))) {
		return "hexadecimal"
	}
	if raw, err := hex.DecodeString(string(word)); err == nil && bytes.Contains(b, raw) {
		return "bytes of its hexadecimal"
	}
	if e := base64.RawStdEncoding.EncodeToString(word); bytes.Contains(b, []byte(e[:len(e)-1])) {
		return "base64"
	}
	for name, sum := range digests(word) {
		if bytes.Contains(b, sum) {
			return name
		}
	}
	return ""
}

func isHex(b []byte) bool { _, err := hex.DecodeString(string(b)); return err == nil }

// digests are the hashes under which somebody would look for a text whose salt is unknown.
func digests(word []byte) map[string][]byte {
	a, b, c := sha256.Sum256(word), sha512.Sum512(word), seal.Ed25519SHA256.Object(word)
	zero := seal.Ed25519SHA256.Commit(seal.Hash{}, word)
	body := seal.Ed25519SHA256.Body([seal.BodySaltSize]byte{}, word)
	return map[string][]byte{"SHA-256": a[:], "SHA-512": b[:32], "object hash": c[:], "commitment without salt": zero[:], "body hash without salt": body[:]}
}

// guessing runs the trials and every strategy; it reports whether none beats chance.
func (s *strangers) guessing(askers *[2]asker) bool {
	const trials = 400
	nodes := [2]*node.Node{s.c.Node("shanghai"), s.c.Node("zhejiang")}
	all := make([]trial, trials)
	for i := range all {
		x := &all[i]
		x.asker, x.id = s.rand.IntN(2), ids.Random{}.NewID()
		for j, n := range nodes {
			x.from[j] = n.Log.Durable()
		}
		s.ask(&askers[x.asker], x.id)
		for j, n := range nodes {
			x.to[j] = n.Log.Durable()
		}
	}
	logs := [2]*publicLog{s.fetchLog("shanghai"), s.fetchLog("zhejiang")}
	for i := range all {
		x := &all[i]
		for j, l := range logs {
			x.entries = append(x.entries, l.entries[x.from[j]:x.to[j]]...)
			for _, raw := range l.raw[x.from[j]:x.to[j]] {
				x.raw = append(x.raw, raw...)
			}
		}
		if len(x.entries) < 3 {
			s.t.Fatalf("a query left only %d batches in the public logs", len(x.entries))
		}
	}
	names := []string{"identifiers and their hashes", "the query word for word", "facts without salt", "sizes", "times", "regression"}
	chance := true
	for i, strategy := range []func(*[2]asker, []trial) []int{byWords, s.byBodies, s.byFacts, bySizes, byTimes, byRegression} {
		guesses := strategy(askers, all)
		right, made := 0, 0
		for j, g := range guesses {
			if g < 0 {
				continue // that part was for learning
			}
			made++
			if g == all[j].asker {
				right++
			}
		}
		p := binomial(right, made)
		s.t.Logf("by %s: %d of %d right, p = %.3f", names[i], right, made, p)
		chance = chance && p > 0.001/float64(len(names)) && made >= 200
	}
	return chance
}

func (s *strangers) ask(a *asker, id string) {
	res, err := s.node(a.tenant).Gateway.Ask(s.ctx, a.sess, a.agreement, gateway.Query{
		ID: id, Purpose: "enterprise-service", Plan: policy.Plan{Project: []string{"uscc"}, Where: eq("uscc", a.subject)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	res.Release()
}

// choose picks the asker with more hits, and tosses a coin when there is none.
func choose(a, b int) int {
	switch {
	case a > b:
		return 0
	case b > a:
		return 1
	}
	return rand.IntN(2)
}

// each guesses trial by trial from hits for either asker.
func each(all []trial, hits func(x *trial, who int) int) []int {
	out := make([]int, len(all))
	for i := range all {
		out[i] = choose(hits(&all[i], 0), hits(&all[i], 1))
	}
	return out
}

func byWords(askers *[2]asker, all []trial) []int {
	return each(all, func(x *trial, who int) (n int) {
		for _, w := range askers[who].known {
			if hit(x.raw, w) != "" {
				n++
			}
		}
		return n
	})
}

// byBodies knows both queries to the byte, and their ids.
func (s *strangers) byBodies(askers *[2]asker, all []trial) []int {
	return each(all, func(x *trial, who int) (n int) {
		a := &askers[who]
		in, err := s.node(a.tenant).Agreements.Get(s.ctx, db.System("test"), a.agreement)
		if err != nil {
			s.t.Fatal(err)
		}
		body := fmt.Appendf(nil, `{"version":1,"agreement":%q,"hash":%q,"mode":"query","purpose":"enterprise-service","plan":{"project":["uscc"],"where":{"op":"eq","item":"uscc","values":[%q]}}}`, a.agreement, in.Hash, a.subject)
		if hit(x.raw, body) != "" {
			n++
		}
		return n
	})
}

// byFacts has every fact as both might have left it, to the byte and the microsecond, and lacks only the salt.
func (s *strangers) byFacts(askers *[2]asker, all []trial) []int {
	facts := map[string][][]byte{} // by query
	for _, m := range []string{"shanghai", "zhejiang"} {
		err := s.c.Node(m).Log.Replay(0, func(r *evidence.Record) error {
			f, err := r.Fact()
			facts[f.ID] = append(facts[f.ID], r.Sealed.Fact)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return each(all, func(x *trial, who int) (n int) {
		a, b := &askers[x.asker], &askers[who]
		for _, fact := range facts[x.id] {
			for i := range a.known { // as it would be, had the other asked: the texts are of the same length
				fact = bytes.ReplaceAll(fact, a.known[i][:min(len(a.known[i]), len(b.known[i]))], b.known[i][:min(len(a.known[i]), len(b.known[i]))])
			}
			if hit(x.raw, fact) != "" {
				n++
			}
		}
		return n
	})
}

func bySizes(_ *[2]asker, all []trial) []int {
	return learnt(all, func(x *trial) float64 { return float64(len(x.raw)) })
}

func byTimes(_ *[2]asker, all []trial) []int {
	return learnt(all, func(x *trial) float64 {
		first, last := x.entries[0].Header.Time, x.entries[0].Header.Time
		for _, e := range x.entries {
			if e.Header.Time.Before(first) {
				first = e.Header.Time
			}
			if e.Header.Time.After(last) {
				last = e.Header.Time
			}
		}
		return float64(last.Sub(first))
	})
}

// learnt learns from the first half on which side of the median of a feature each asker is, and guesses the second.
func learnt(all []trial, feature func(*trial) float64) []int {
	half := len(all) / 2
	var sorted []float64
	for i := range all[:half] {
		sorted = append(sorted, feature(&all[i]))
	}
	slices.Sort(sorted)
	median := sorted[half/2]
	above := 0
	for i := range all[:half] {
		if feature(&all[i]) > median {
			above += 2*all[i].asker - 1
		}
	}
	out := make([]int, len(all))
	for i := range all {
		out[i] = -1
		if i >= half {
			out[i] = choose(0, above)
			if feature(&all[i]) <= median {
				out[i] = choose(above, 0)
			}
		}
	}
	return out
}

// byRegression learns a logistic regression over everything there is to count from the first half.
func byRegression(_ *[2]asker, all []trial) []int {
	half := len(all) / 2
	rows := make([][]float64, len(all))
	for i := range all {
		rows[i] = counts(&all[i])
	}
	for c := range rows[0] { // to mean 0 and deviation 1
		var sum, square float64
		for _, r := range rows {
			sum += r[c]
			square += r[c] * r[c]
		}
		n := float64(len(rows))
		dev := math.Sqrt(max(square/n-sum*sum/n/n, 0))
		for _, r := range rows {
			r[c] -= sum / n
			if dev > 1e-9 {
				r[c] /= dev
			} else {
				r[c] = 0
			}
		}
	}
	w := make([]float64, len(rows[0])+1)
	score := func(r []float64) float64 {
		z := w[len(r)]
		for c, v := range r {
			z += w[c] * v
		}
		return 1 / (1 + math.Exp(-z))
	}
	for range 300 {
		grad := make([]float64, len(w))
		for i, r := range rows[:half] {
			d := float64(all[i].asker) - score(r)
			for c, v := range r {
				grad[c] += d * v
			}
			grad[len(r)] += d
		}
		for c := range w {
			w[c] += 0.5 * (grad[c]/float64(half) - 0.01*w[c])
		}
	}
	out := make([]int, len(all))
	for i := range all {
		out[i] = -1
		if i >= half {
			out[i] = 0
			if score(rows[i]) > 0.5 {
				out[i] = 1
			}
		}
	}
	return out
}

// counts are the features of a trial: numbers of batches and facts, lengths, pauses, and bits of the commitments.
func counts(x *trial) []float64 {
	facts, ones := 0, 0
	bits := make([]float64, 8)
	for _, e := range x.entries {
		facts += len(e.Commitments)
		for i, c := range e.Commitments {
			for _, b := range c {
				for ; b > 0; b &= b - 1 {
					ones++
				}
			}
			if i < len(bits) {
				bits[i] += float64(c[0])
			}
		}
	}
	out := append([]float64{float64(len(x.entries)), float64(facts), float64(len(x.raw)), float64(ones)}, bits...)
	for i := range 3 {
		out = append(out, float64(x.entries[min(i+1, len(x.entries)-1)].Header.Time.Sub(x.entries[i].Header.Time)))
	}
	return out
}

// binomial is the probability of being at least that far from one half by tossing coins.
func binomial(k, n int) float64 {
	far := max(k, n-k)
	var p float64
	for i := far; i <= n; i++ {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(i + 1))
		c, _ := math.Lgamma(float64(n - i + 1))
		p += math.Exp(a - b - c - float64(n)*math.Ln2)
	}
	return min(1, 2*p)
}

// TestReceiptShowsOneFact: a receipt given to an auditor holds its own fact and nothing of any other, also of those
// sealed in the same batch; and a fact that is erased takes no other with it.
func TestReceiptShowsOneFact(t *testing.T) {
	s := newStrangers(t)
	s.apply(s.tenants[0], s.tenants[2], 4)
	n := s.c.Node("shanghai")
	a := asker{tenant: s.tenants[0], sess: s.session("shanghai", "officer-sh"), agreement: s.ids[s.tenants[0].code]["agreement"][0], subject: "91330000MY000001XX"}
	done := make(chan struct{})
	for range 16 { // at once, so that they share batches
		go func() {
			defer func() { done <- struct{}{} }()
			for range 4 {
				s.ask(&a, "")
			}
		}()
	}
	for range 16 {
		<-done
	}
	s.settle()
	s.fetchLog("shanghai") // everything is logged
	var all []*evidence.Record
	shared := map[uint64]int{}
	if err := n.Log.Replay(0, func(r *evidence.Record) error { all = append(all, r); shared[r.Batch]++; return nil }); err != nil {
		t.Fatal(err)
	}
	receipts := map[int][]byte{}
	most := 0
	for i := len(all) - 1; i >= 0 && len(receipts) < 40; i-- {
		if shared[all[i].Batch] < 2 {
			continue
		}
		most = max(most, shared[all[i].Batch])
		receipts[i] = s.onlyItself(n, all, i)
	}
	if len(receipts) < 10 {
		t.Fatalf("only %d facts share a batch with another", len(receipts))
	}
	t.Logf("%d receipts of facts in batches of up to %d, each searched for %d other facts", len(receipts), most, len(all)-1)
	s.erasedAlone(n, all, receipts)
}

// flat is a receipt with every field decoded, so that nothing hides in an encoding.
func flat(t *testing.T, r *evidence.Receipt, text []byte) []byte {
	t.Helper()
	out := slices.Concat(text, r.Sealed, r.BodySalt, r.Body)
	if r.Inclusion == nil {
		t.Fatal("a receipt without inclusion")
	}
	out = slices.Concat(out, r.Inclusion.Checkpoint, r.Inclusion.Entry)
	for _, p := range r.Inclusion.Proof {
		out = append(out, p...)
	}
	return out
}

// onlyItself makes the receipt of a fact, verifies it, and looks for others in it.
func (s *strangers) onlyItself(n *node.Node, all []*evidence.Record, i int) []byte {
	s.t.Helper()
	text, v := s.receipt(n, all[i])
	r, err := evidence.ParseReceipt(text)
	if err != nil {
		s.t.Fatal(err)
	}
	mine, err := all[i].Fact()
	if err != nil {
		s.t.Fatal(err)
	}
	if v.ID != mine.ID || v.Kind != mine.Kind || !v.Logged || !bytes.Equal(v.Body, all[i].Body) {
		s.t.Errorf("the receipt of %s %s says %s %s, logged %v", mine.Kind, mine.ID, v.Kind, v.ID, v.Logged)
	}
	b := flat(s.t, r, text)
	for j, o := range all {
		f, err := o.Fact()
		if err != nil {
			s.t.Fatal(err)
		}
		if j == i {
			continue
		}
		parts := map[string][]byte{"salt": o.Sealed.Salt[:], "fact": o.Sealed.Fact}
		if f.ID != mine.ID && !strings.Contains(mine.ID, f.ID) && !bytes.Contains(mine.Header, []byte(f.ID)) && !bytes.Contains(all[i].Body, []byte(f.ID)) {
			parts["id"] = []byte(f.ID)
		}
		if len(o.Body) > 2 && !bytes.Equal(o.Body, all[i].Body) {
			parts["body"], parts["body salt"] = o.Body, o.BodySalt[:]
		}
		for what, p := range parts {
			if bytes.Contains(b, p) {
				s.t.Errorf("the receipt of %s %s holds the %s of %s %s", mine.Kind, mine.ID, what, f.Kind, f.ID)
			}
		}
	}
	return text
}

func (s *strangers) receipt(n *node.Node, rec *evidence.Record) ([]byte, *evidence.Verified) {
	s.t.Helper()
	r, err := n.Issuer.Receipt(s.ctx, rec, true)
	if err != nil {
		s.t.Fatal(err)
	}
	text := encode(s.t, r)
	back, err := evidence.ParseReceipt(text)
	if err != nil {
		s.t.Fatal(err)
	}
	v, err := back.Verify(n.Directory.Versions())
	if err != nil {
		s.t.Fatal(err)
	}
	return text, v
}

// erasedAlone erases one fact of a shared batch: receipts of the others, old and new, verify; the public log and fsck
// are as before.
func (s *strangers) erasedAlone(n *node.Node, all []*evidence.Record, receipts map[int][]byte) {
	s.t.Helper()
	gone := -1
	for i := range receipts {
		gone = i
	}
	victim := all[gone]
	before := s.fetchLog("shanghai")
	if _, err := n.Log.Erase(context.WithoutCancel(s.ctx), victim.Batch, int(victim.Sealed.Index), evidence.Draft{Kind: "fact.erased", ID: ids.Random{}.NewID()}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := n.Log.Get(victim.Batch, int(victim.Sealed.Index)); err == nil {
		s.t.Error("the erased fact can still be read")
	}
	for i, text := range receipts {
		old, err := evidence.ParseReceipt(text)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := old.Verify(n.Directory.Versions()); err != nil {
			s.t.Errorf("an older receipt: %v", err)
		}
		if i == gone {
			continue
		}
		again, err := n.Log.Get(all[i].Batch, int(all[i].Sealed.Index))
		if err != nil {
			s.t.Fatal(err)
		}
		s.receipt(n, again)
	}
	after := s.fetchLog("shanghai")
	for i := range before.raw {
		if !bytes.Equal(before.raw[i], after.raw[i]) {
			s.t.Errorf("erasing changed entry %d of the public log", i)
		}
	}
	s.c.Stop()
	rep := s.fsck("shanghai")
	if len(rep.Findings) > 0 || rep.Erased != 1 {
		s.t.Errorf("fsck after an erasure: %+v", rep)
	}
}

func (f *fixture) fsck(member string) *evidence.Report {
	f.t.Helper()
	n := f.c.Node(member)
	_, vkey, err := n.Keys.CheckpointSigner(n.Log.ID())
	if err != nil {
		f.t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		f.t.Fatal(err)
	}
	rep, err := evidence.Fsck(context.WithoutCancel(f.ctx), node.EvidenceDir(n.Dir, n.Log.ID().Epoch), n.Log.Key(), n.Log.ID(), v)
	if err != nil {
		f.t.Fatal(err)
	}
	return rep
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
