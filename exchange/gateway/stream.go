package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"time"

	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/evidence"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/seal"
)

// Stream runs a query of any size as a chain of governed queries, one page each, so that memory stays bounded at both
// ends. An open fact is durable before the first page is asked for, a running digest covers every page, and a close fact
// is durable before closed is called with its id: without it nothing counts as delivered.
func (g *Gateway) Stream(ctx context.Context, sess *identity.Session, id string, q Query, page func(*Result) error, closed func(receipt string)) error {
	streamID := g.ids.NewID()
	actor := seal.Actor{Department: sess.Department, Officer: sess.Actor}
	first := true
	limit := q.Plan.Limit
	var rows int64
	digest := sha256.New()
	for {
		if limit > 0 {
			q.Plan.Limit = limit - rows
		}
		q.ID = ""
		if first {
			// A refusal before the first byte is an error of the query, not an unfinished stream.
			if _, _, err := g.decide(ctx, sess, id, &q, "query", nil); err == nil {
				h := evidence.Header{Agreement: id, Purpose: q.Purpose}
				if _, err := g.log.Seal(ctx, evidence.Draft{Kind: "stream.open", ID: streamID, Actor: actor, Header: h.Encode()}); err != nil {
					return err
				}
			}
		}
		res, err := g.Ask(ctx, sess, id, q)
		if err == nil {
			rows += res.Rows
			add(digest, res.Receipt.Digest)
			err = page(res)
			res.Release()
		}
		if err != nil {
			if !first {
				err = errors.Join(err, g.closeStream(ctx, streamID, id, actor, digest, rows, errs.As(err).Code))
			}
			return err
		}
		first = false
		if res.Next == "" || (limit > 0 && rows >= limit) {
			break
		}
		q.Plan.Cursor = res.Next
	}
	if err := g.closeStream(ctx, streamID, id, actor, digest, rows, "ok"); err != nil {
		return err
	}
	closed(streamID)
	return nil
}

func add(h hash.Hash, digest string) { _, _ = h.Write([]byte(digest + "\n")) }

func (g *Gateway) closeStream(ctx context.Context, streamID, id string, actor seal.Actor, digest hash.Hash, rows int64, outcome string) error {
	h := evidence.Header{Agreement: id, Outcome: outcome, Rows: rows, Digest: hex.EncodeToString(digest.Sum(nil))}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := g.log.Seal(ctx, evidence.Draft{Kind: "stream.close", ID: streamID, Actor: actor, Header: h.Encode()})
	return err
}
