package catalog

import (
	"context"
	"net/url"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/notice"
)

// audience is who hears of an event.
type audience int

const (
	office   audience = iota // roles of the entry's department
	overseer                 // the authority, which looks after the whole node
	everyone                 // officers of every department of the node
)

// toldRow is one line of the table: an event tells these roles.
type toldRow struct {
	on   Event
	who  audience
	to   []identity.Role
	kind notice.Kind
}

// toldTable says which event tells whom: those who must act next, and those whose entry it is. What is published and what
// is withdrawn is announced to all departments (Decree 809 art. 16).
func toldTable() []toldRow {
	officer, chief, heads := officers(), chiefs(), []identity.Role{identity.DataOfficer, identity.DepartmentHead}
	return []toldRow{
		{Submit, office, chief, notice.EntrySubmitted},
		{Return, office, officer, notice.EntryReturned},
		{Sign, overseer, authority(), notice.EntrySigned},
		{Publish, everyone, officer, notice.EntryPublished},
		{Reject, office, heads, notice.EntryRejected},
		{AskWithdrawal, overseer, authority(), notice.EntryWithdrawal},
		{FileWithdrawal, everyone, officer, notice.EntryWithdrawn},
		{RefuseWithdrawal, office, heads, notice.EntryKept},
		{NoteChange, office, heads, notice.EntryChanged},
		{AskExtension, overseer, authority(), notice.EntryExtension},
		{Extend, office, officer, notice.EntryExtended},
		{RefuseExtension, office, officer, notice.EntryUnextended},
	}
}

// untold are the events that tell nobody, each with the reason.
func untold() map[Event]string {
	return map[Event]string{
		Describe: "the officer's own draft, nobody's turn",
		Assess:   "the officer's own act, put on record with the draft",
		Discard:  "the officer's own act; nothing visible changes",
	}
}

// tell puts the notices of an arrow.
func (s *Service) tell(ctx context.Context, tx *db.Tx, e *Dossier, on Event) error {
	if s.board == nil {
		return nil
	}
	for _, r := range toldTable() {
		if r.on != on {
			continue
		}
		to := []string{e.Department}
		switch r.who {
		case overseer:
			to = []string{""}
		case everyone:
			all, err := s.offices.Departments(ctx)
			if err != nil {
				return err
			}
			to = to[:0]
			for _, d := range all {
				to = append(to, d.ID)
			}
		case office:
		}
		for _, d := range to {
			n := notice.Notice{Department: d, Roles: r.to, Kind: r.kind, Subject: subject(e.Code), Link: "/resources/" + url.PathEscape(e.Code)}
			if err := s.board.Put(ctx, tx, db.System("catalogue"), n, notice.Params{Resource: e.Code, Member: e.Resource.Provider}); err != nil {
				return err
			}
		}
	}
	return nil
}
