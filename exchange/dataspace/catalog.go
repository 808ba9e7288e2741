package dataspace

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/httpx"
)

// pageSize is how many datasets a catalogue page holds.
const pageSize = 100

// dataset shows a resource; endpoint is the root of the protocol as its reader reaches it.
func (s *Service) dataset(r *catalog.Resource, endpoint string) dataset {
	d := dataset{ID: r.Code, Type: "Dataset", Resource: r, Policies: []offer{{Type: "Offer", ID: "offer:" + r.Code, Permission: list[rule]{{Action: "use"}}}}}
	for _, f := range []string{FormatQuery, FormatArrow} {
		d.Distribution = append(d.Distribution, distribution{
			Type: "Distribution", Format: f, Service: dataService{ID: "urn:kuayu:" + s.self, Type: "DataService", Endpoint: endpoint},
		})
	}
	return d
}

// page is one page of the catalogue.
func (s *Service) page(r *http.Request, q *catalogRequest, endpoint string) (*catalogDoc, error) {
	after := q.After
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	rs, err := s.catalog.List(r.Context(), db.Scope{}, false, after, pageSize)
	if err != nil {
		return nil, err
	}
	doc := &catalogDoc{Context: ldContext(), ID: "urn:kuayu:catalog:" + s.self, Type: "Catalog", ParticipantID: s.self}
	for i := range rs {
		doc.Dataset = append(doc.Dataset, s.dataset(&rs[i], endpoint))
	}
	if len(rs) == pageSize {
		doc.Next = rs[len(rs)-1].Code
	}
	return doc, nil
}

func nextLink(base, after string) string {
	return "<" + base + "/catalog/request?after=" + url.QueryEscape(after) + `>; rel="next"`
}

func (s *Service) endpoint() string {
	u, err := s.callbackURL(nil)
	if err != nil {
		return ""
	}
	return u
}

func (s *Service) serveCatalog(w http.ResponseWriter, r *http.Request) {
	if _, _, err := s.link.Caller(r); err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	var q catalogRequest
	if err := httpx.Decode(r, 64<<10, &q); err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	var doc *catalogDoc
	var err error
	if q.Since != nil {
		doc, err = s.changesDoc(r.Context(), *q.Since)
	} else {
		doc, err = s.page(r, &q, s.endpoint())
	}
	if err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	if doc.Next != "" {
		w.Header().Set("Link", nextLink(Base, doc.Next))
	}
	httpx.WriteJSON(w, r, http.StatusOK, doc)
}

func (s *Service) serveDataset(w http.ResponseWriter, r *http.Request) {
	if _, _, err := s.link.Caller(r); err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	res, err := s.catalog.Get(r.Context(), db.Scope{}, r.PathValue("id"))
	if err != nil {
		s.link.Refuse(w, r, err)
		return
	}
	httpx.WriteJSON(w, r, http.StatusOK, struct {
		Context contextList `json:"@context"`
		dataset
	}{ldContext(), s.dataset(res, s.endpoint())})
}

// Browse reads a member's catalogue over the protocol, one page from a cursor. For this node it reads its own.
func (s *Service) Browse(ctx context.Context, member, after string) ([]catalog.Resource, string, error) {
	if member == s.self {
		rs, err := s.catalog.List(ctx, db.Scope{}, false, after, pageSize)
		next := ""
		if len(rs) == pageSize {
			next = rs[len(rs)-1].Code
		}
		return rs, next, err
	}
	body, err := json.Marshal(catalogRequest{Context: ldContext(), Type: "CatalogRequestMessage", After: after})
	if err != nil {
		return nil, "", err
	}
	b, err := s.link.Ask(ctx, member, http.MethodPost, Base+"/catalog/request", body)
	if err != nil {
		return nil, "", err
	}
	var doc catalogDoc
	if err := httpx.Unmarshal(b, &doc); err != nil {
		return nil, "", err
	}
	out := []catalog.Resource{}
	for i := range doc.Dataset {
		if r := doc.Dataset[i].Resource; r != nil && r.Code == doc.Dataset[i].ID {
			out = append(out, *r)
		}
	}
	return out, doc.Next, nil
}

// Read reads one entry of a member's catalogue.
func (s *Service) Read(ctx context.Context, member, code string) (*catalog.Resource, error) {
	if member == s.self {
		return s.catalog.Get(ctx, db.Scope{}, code)
	}
	b, err := s.link.Ask(ctx, member, http.MethodGet, Base+"/catalog/datasets/"+url.PathEscape(code), nil)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Context contextList `json:"@context"`
		dataset
	}
	if err := httpx.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	if doc.Resource == nil || doc.Resource.Code != code {
		return nil, catalog.ErrNoSuch.With()
	}
	return doc.Resource, nil
}
