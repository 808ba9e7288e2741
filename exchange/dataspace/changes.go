package dataspace

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/search"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
)

// The protocol's catalogue request knows no increments. Between members it may carry kuayu:since, a position that an
// earlier answer gave: the answer then holds what changed after it alone. A position is the number of a change and its
// time. A catalogue that has no such change (restored from a backup, set up anew, or never asked) is told from its
// beginning, and says so.

const (
	// changesPage is how many changes one answer holds at most.
	changesPage = 500
	// changesBytes ends an answer earlier when entries are large.
	changesBytes = 8 << 20
	// pagePosition begins the positions in the full pages of a node that does not tell changes.
	pagePosition = "page:"
)

func positionOf(seq int64, at time.Time) string {
	return strconv.FormatInt(seq, 10) + "." + strconv.FormatInt(at.UnixMicro(), 10)
}

// since finds a position among this catalogue's own changes; false if it is none of them.
func (s *Service) since(ctx context.Context, position string) (int64, bool, error) {
	number, micros, _ := strings.Cut(position, ".")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 1 {
		return 0, false, nil //nolint:nilerr // what is no position is not one of ours
	}
	at, ok, err := s.catalog.ChangedAt(ctx, seq)
	if err != nil || !ok || strconv.FormatInt(at.UnixMicro(), 10) != micros {
		return 0, false, err
	}
	return seq, true, nil
}

// delta tells what changed in this node's own catalogue since a position.
func (s *Service) delta(ctx context.Context, position string) (*search.Delta, error) {
	after, known, err := s.since(ctx, position)
	if err != nil {
		return nil, err
	}
	cs, _, err := s.catalog.Changes(ctx, after, changesPage)
	if err != nil {
		return nil, err
	}
	d := &search.Delta{Position: position, Whole: !known, More: len(cs) == changesPage}
	if !known {
		d.Position = ""
	}
	size := 0
	for i, c := range cs {
		if size > changesBytes {
			d.More = true
			break
		}
		d.Position = positionOf(cs[i].Seq, c.At)
		if c.Resource == nil {
			d.Gone = append(d.Gone, c.Code)
			continue
		}
		b, err := json.Marshal(c.Resource)
		if err != nil {
			return nil, err
		}
		size += len(b)
		d.Entries = append(d.Entries, *c.Resource)
	}
	if d.More {
		return d, nil
	}
	return d, s.name(ctx, d)
}

// name adds what this member calls its departments.
func (s *Service) name(ctx context.Context, d *search.Delta) error {
	ds, err := s.offices.Departments(ctx)
	if err != nil {
		return err
	}
	for i := range ds[:min(len(ds), search.MaxDepartments)] {
		d.Departments = append(d.Departments, search.Department{ID: ds[i].ID, Name: ds[i].Name})
	}
	return nil
}

// changesDoc is the answer to a catalogue request with kuayu:since.
func (s *Service) changesDoc(ctx context.Context, position string) (*catalogDoc, error) {
	if len(position) > maxText {
		return nil, ErrMessage.With("kuayu:since is over 1 KiB", "kuayu:since 超过 1 KiB")
	}
	d, err := s.delta(ctx, position)
	if err != nil {
		return nil, err
	}
	doc := &catalogDoc{
		Context: ldContext(), ID: "urn:kuayu:catalog:" + s.self, Type: "Catalog", ParticipantID: s.self,
		Changes: &changes{Position: d.Position, Gone: d.Gone, Whole: d.Whole, More: d.More, Departments: d.Departments},
	}
	endpoint := s.endpoint()
	for i := range d.Entries {
		doc.Dataset = append(doc.Dataset, s.dataset(&d.Entries[i], endpoint))
	}
	return doc, nil
}

// Changes implements search.Reader: it reads what changed in a member's catalogue, or in this node's own. A member
// that does not tell changes is read in full pages, from the beginning each time.
func (s *Service) Changes(ctx context.Context, member, position string) (*search.Delta, error) {
	if member == s.self {
		return s.delta(ctx, position)
	}
	after, paged := strings.CutPrefix(position, pagePosition)
	if !paged {
		doc, err := s.requestCatalog(ctx, member, &catalogRequest{Since: &position})
		switch {
		case err == nil && doc.Changes != nil:
			d := &search.Delta{Gone: doc.Changes.Gone, Position: doc.Changes.Position, Whole: doc.Changes.Whole, More: doc.Changes.More, Departments: doc.Changes.Departments}
			d.Entries = entriesOf(doc)
			return d, nil
		case err != nil && errs.As(err).Code != httpx.ErrBody.Code:
			return nil, err
		}
		after = "" // an older node refuses a member of the request that it does not know
	}
	doc, err := s.requestCatalog(ctx, member, &catalogRequest{After: after})
	if err != nil {
		return nil, err
	}
	d := &search.Delta{Entries: entriesOf(doc), Whole: after == "", More: doc.Next != ""}
	if d.More {
		if doc.Next <= after {
			return nil, ErrMessage.With("the pages of the catalogue do not advance", "目录分页没有前进")
		}
		d.Position = pagePosition + doc.Next
	}
	return d, nil
}

func (s *Service) requestCatalog(ctx context.Context, member string, q *catalogRequest) (*catalogDoc, error) {
	q.Context, q.Type = ldContext(), "CatalogRequestMessage"
	body, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	b, err := s.link.Ask(ctx, member, http.MethodPost, Base+"/catalog/request", body)
	if err != nil {
		return nil, err
	}
	var doc catalogDoc
	if err := httpx.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("catalogue of %s: %w", member, err)
	}
	if doc.ParticipantID != member {
		return nil, ErrMessage.With("participantId is not the member asked", "participantId 与所询成员不一致")
	}
	if c := doc.Changes; c != nil {
		if len(c.Position) > maxText || len(c.Gone) > changesPage || len(c.Departments) > search.MaxDepartments || len(doc.Dataset) > changesPage || strings.HasPrefix(c.Position, pagePosition) {
			return nil, ErrMessage.With("kuayu:changes is out of bounds", "kuayu:changes 超出限制")
		}
	}
	return &doc, nil
}

// entriesOf are the entries a member's catalogue tells in full.
func entriesOf(doc *catalogDoc) []catalog.Resource {
	out := make([]catalog.Resource, 0, len(doc.Dataset))
	for i := range doc.Dataset {
		if r := doc.Dataset[i].Resource; r != nil && r.Code == doc.Dataset[i].ID {
			out = append(out, *r)
		}
	}
	return out
}
