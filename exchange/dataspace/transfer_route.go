package dataspace

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/peer"
)

// transferArrival is one kind of transfer message that may arrive.
type transferArrival struct {
	path  string
	kind  string
	apply func(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*Transfer, error)
}

func (s *Service) transferArrivals() []transferArrival {
	on := func(e TransferEvent) func(context.Context, *db.Tx, sender, string, *message) (*Transfer, error) {
		return func(ctx context.Context, tx *db.Tx, from sender, pid string, m *message) (*Transfer, error) {
			return s.onTransfer(ctx, tx, from, pid, e, m)
		}
	}
	return []transferArrival{
		{"request", "TransferRequestMessage", func(ctx context.Context, tx *db.Tx, from sender, _ string, m *message) (*Transfer, error) {
			return s.onTransferRequest(ctx, tx, from, m)
		}},
		{"{pid}/start", "TransferStartMessage", on(Start)},
		{"{pid}/completion", "TransferCompletionMessage", on(Complete)},
		{"{pid}/suspension", "TransferSuspensionMessage", on(Suspend)},
		{"{pid}/termination", "TransferTerminationMessage", on(Terminate)},
	}
}

// transferRoutes adds the members' endpoints.
func (s *Service) transferRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+Base+"/transfers/{pid}", func(w http.ResponseWriter, r *http.Request) {
		id, _, err := s.link.Caller(r)
		if err != nil {
			s.link.Refuse(w, r, err)
			return
		}
		t, err := s.viewTransfer(r, id)
		if err != nil {
			s.link.Refuse(w, r, err)
			return
		}
		httpx.WriteJSON(w, r, http.StatusOK, transferDoc(t))
	})
	for _, a := range s.transferArrivals() {
		mux.HandleFunc("POST "+Base+"/transfers/"+a.path, func(w http.ResponseWriter, r *http.Request) {
			pid := r.PathValue("pid")
			s.post.Serve(w, r, peer.Handler{In: func(ctx context.Context, tx *db.Tx, in *peer.Incoming) ([]byte, error) {
				m, err := parse(in.Body, a.kind)
				if err != nil {
					return nil, err
				}
				t, err := a.apply(ctx, tx, member(in), pid, m)
				if err != nil {
					return nil, err
				}
				answer, err := json.Marshal(transferDoc(t))
				if err != nil {
					return nil, err
				}
				return answer, s.decider.Transfer(ctx, tx, t)
			}})
		})
	}
}

// viewTransfer returns a transfer to its other end alone.
func (s *Service) viewTransfer(r *http.Request, id string) (*Transfer, error) {
	return oneTransfer(r.Context(), s.db.Read(), db.System("peer"), "id = ? AND member = ?", r.PathValue("pid"), id)
}
