package rest

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/kuayu/kuayu/exchange/gateway"
	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/text"
	"github.com/kuayu/kuayu/support/identity"
)

// Media types of query answers.
const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
)

func (a *API) queryRoutes(mux *http.ServeMux) {
	who := roles{identity.DataOfficer, identity.Machine}
	a.rawRoute(mux, operation{
		method: "POST", path: "/api/v1/agreements/{id}/query", zh: "受控查询", en: "Governed query", roles: who,
		media: []string{mediaJSON, mediaNDJSON, gateway.MediaArrow}, in: typeOf[gateway.Query](),
	}, a.query)
	route(a, mux, "POST", "/api/v1/agreements/{id}/verify", "核验", "Verify claims", who, func(c call, in *gateway.VerifyRequest) (*VerifyAnswer, error) {
		if err := asserted(in.Purpose, in.Case); err != nil {
			return nil, err
		}
		res, err := a.Gateway.Verify(c.ctx, c.sess, c.r.PathValue("id"), *in)
		if err != nil {
			return nil, err
		}
		return &VerifyAnswer{Findings: res.Findings, Receipt: res.Receipt}, nil
	})
}

// VerifyAnswer is a yes or no for each claim, with the receipt.
type VerifyAnswer struct {
	Findings []gateway.Finding  `json:"findings"`
	Receipt  gateway.ReceiptRef `json:"receipt"`
}

// maxAsserted bounds purpose and case here, in bytes. What is longer than a provider takes the gateway refuses, with
// evidence of the refusal.
const maxAsserted = 32 << 10

// asserted checks what an asker asserts about a request: it goes into evidence of both ends.
func asserted(purpose, matter string) error {
	if err := text.Check(text.Name{En: "The purpose", Zh: "用途"}, purpose, maxAsserted); err != nil {
		return err
	}
	return text.Check(text.Name{En: "The case", Zh: "事由"}, matter, maxAsserted)
}

// query runs a governed query. JSON holds one page and its receipt; NDJSON and Arrow stream all pages, each of them a
// governed query of its own, and end with a sealed close (see gateway.Stream).
func (a *API) query(w http.ResponseWriter, c call) {
	var q gateway.Query
	err := httpx.Decode(c.r, maxBody, &q)
	if err == nil {
		err = asserted(q.Purpose, q.Case)
	}
	if err != nil {
		writeErr(w, c, err)
		return
	}
	accept := c.r.Header.Get("Accept")
	id := c.r.PathValue("id")
	switch {
	case strings.Contains(accept, gateway.MediaArrow):
		a.stream(w, c, id, q, true)
	case strings.Contains(accept, mediaNDJSON):
		a.stream(w, c, id, q, false)
	default:
		res, err := a.Gateway.Ask(c.ctx, c.sess, id, q)
		if err != nil {
			writeErr(w, c, err)
			return
		}
		defer res.Release()
		a.writePage(w, res)
	}
}

// writePage writes {"rows":[…],"count":n,"next":…,"receipt":{…}} without reflection.
func (a *API) writePage(w http.ResponseWriter, res *gateway.Result) {
	kept, _ := a.buffers.Get().(*[]byte)
	if kept == nil {
		kept = new([]byte)
	}
	b := append((*kept)[:0], `{"rows":[`...)
	first := true
	for _, rec := range res.Batches {
		if rec.NumRows() == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = columnar.AppendJSONRows(b, rec, columnar.Elements)
	}
	b = append(b, `],"count":`...)
	b = strconv.AppendInt(b, res.Rows, 10)
	b = append(b, `,"next":"`...)
	b = append(b, res.Next...)
	b = append(b, `","receipt":{"id":"`...)
	b = append(b, res.Receipt.ID...)
	b = append(b, `","provider":"`...)
	b = base64.StdEncoding.AppendEncode(b, res.Receipt.Provider)
	b = append(b, `","body_salt":"`...)
	b = base64.StdEncoding.AppendEncode(b, res.Receipt.BodySalt)
	b = append(b, `","digest":"`...)
	b = append(b, res.Receipt.Digest...)
	b = append(b, "\"}}\n"...)
	h := w.Header()
	h["Content-Type"] = []string{mediaJSON}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	_, _ = w.Write(b)
	if *kept = b; cap(b) <= maxKeptPage {
		a.buffers.Put(kept)
	}
}

// maxKeptPage is how large a page's buffer may be to be used again, in bytes.
const maxKeptPage = 64 << 10

// stream writes all pages. An error after the first byte breaks the connection off, so that a truncated answer can't
// be taken for a whole one.
func (a *API) stream(w http.ResponseWriter, c call, id string, q gateway.Query, arrowForm bool) {
	var out *ipc.Writer
	started := false
	err := a.Gateway.Stream(c.ctx, c.sess, id, q, func(res *gateway.Result) error {
		if !started {
			started = true
			if arrowForm {
				w.Header().Set("Content-Type", gateway.MediaArrow)
				out = ipc.NewWriter(w, ipc.WithSchema(res.Schema))
			} else {
				w.Header().Set("Content-Type", mediaNDJSON)
			}
			w.Header().Set("Trailer", "Kuayu-Receipt")
		}
		for _, b := range res.Batches {
			if arrowForm {
				if err := out.Write(b); err != nil {
					return err
				}
				continue
			}
			if _, err := w.Write(columnar.AppendJSONRows(nil, b, columnar.Lines)); err != nil {
				return err
			}
		}
		return nil
	}, func(receipt string) { w.Header().Set("Kuayu-Receipt", receipt) })
	if err != nil && !started {
		writeErr(w, c, err)
		return
	}
	if err != nil {
		httpx.Logger(c.ctx).WarnContext(c.ctx, "stream broken off", "error", err)
		panic(http.ErrAbortHandler)
	}
	if out != nil {
		_ = out.Close()
	}
}
