package dataspace

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/internal/columnar"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/policy"
)

// Pull reads one page under an agreement for a participant, as an Arrow stream, and says where the next one begins.
type Pull func(ctx context.Context, who policy.Party, agreement, purpose string, plan policy.Plan) (body []byte, next string, err error)

// SetPull tells the package how started transfers are served. Call before serving.
func (s *Service) SetPull(p Pull) { s.pull = p }

// pullRequest is the body of a pull; empty asks for the first page of everything the agreement allows.
type pullRequest struct {
	Purpose string      `json:"purpose,omitempty"`
	Plan    policy.Plan `json:"plan,omitzero"`
}

// ErrNotStarted is a pull under a transfer that does not run.
var ErrNotStarted = errs.Define(errs.Precondition, "dataspace.not_started", "传输处于 %s 状态，此时不能取数。", "The transfer is %s: no data can be had now.")

// serveData serves a started transfer to whoever has its token: what the data address says.
func (s *Service) serveData(w http.ResponseWriter, r *http.Request) {
	t, err := s.opened(r)
	if err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	var q pullRequest
	body, err := httpx.ReadBody(r, 256<<10)
	if err == nil && len(body) > 0 {
		err = httpx.Unmarshal(body, &q)
	}
	if err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	rows, next, err := s.pull(r.Context(), policy.Party{Member: t.Member, Department: t.Other}, t.Agreement, q.Purpose, q.Plan)
	if err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	h := w.Header()
	if next != "" {
		h.Set("Kuayu-Next", next)
	}
	if t.Format == FormatArrow {
		h.Set("Content-Type", "application/vnd.apache.arrow.stream")
		_, _ = w.Write(rows)
		return
	}
	_, batches, err := columnar.Decode(rows, columnar.Limits{})
	if err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	out := []byte(`{"rows":[`)
	for _, b := range batches {
		if b.NumRows() > 0 {
			if out[len(out)-1] != '[' {
				out = append(out, ',')
			}
			out = columnar.AppendJSONRows(out, b, columnar.Elements)
		}
		b.Release()
	}
	cursor, err := json.Marshal(next)
	if err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	out = append(append(append(out, `],"next":`...), cursor...), "}\n"...)
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(out)
}

// opened finds the started transfer that a token opens. A wrong token and an unknown transfer look the same.
func (s *Service) opened(r *http.Request) (*Transfer, error) {
	got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	t, err := oneTransfer(r.Context(), s.db.Read(), db.System("pull"), "id = ?", r.PathValue("id"))
	if err != nil {
		t = &Transfer{}
	}
	if s.pull == nil || t.Token == "" || subtle.ConstantTimeCompare([]byte(got), []byte(t.Token)) != 1 || t.Role != agreement.Provider {
		return nil, ErrStranger.With()
	}
	if t.State != Started {
		return nil, ErrNotStarted.With(string(t.State))
	}
	return t, nil
}
