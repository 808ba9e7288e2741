package share

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/kuayu/kuayu/exchange/agreement"
	"github.com/kuayu/kuayu/exchange/catalog"
	"github.com/kuayu/kuayu/exchange/source"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/deadline"
	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/support/process"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Entries are this node's own entries on their way into the catalogue and out of it. catalog.Service is one.
type Entries interface {
	Dossiers(ctx context.Context, sc db.Scope, state catalog.State, after string, limit int) ([]catalog.Dossier, error)
	Dossier(ctx context.Context, sc db.Scope, code string) (*catalog.Dossier, error)
	History(ctx context.Context, sc db.Scope, code string) ([]process.Step, error)
	Versions(ctx context.Context, sc db.Scope, code string) ([]catalog.Edition, error)
	Version(ctx context.Context, sc db.Scope, code string, number int) (*catalog.Resource, error)
	CheckMount(ctx context.Context, sc db.Scope, code string) (*catalog.MountReport, error)
	Save(ctx context.Context, sess *identity.Session, r catalog.Resource, sourceID, table string) (*catalog.Dossier, error)
	Assess(ctx context.Context, sess *identity.Session, code string, a catalog.Assessment) (*catalog.Dossier, error)
	Submit(ctx context.Context, sess *identity.Session, code string) (*catalog.Dossier, error)
	Discard(ctx context.Context, sess *identity.Session, code string) (*catalog.Dossier, error)
	Sign(ctx context.Context, sess *identity.Session, code string) (*catalog.Dossier, error)
	Return(ctx context.Context, sess *identity.Session, code, reason string) (*catalog.Dossier, error)
	Publish(ctx context.Context, sess *identity.Session, code string) (*catalog.Dossier, error)
	Reject(ctx context.Context, sess *identity.Session, code, reason string) (*catalog.Dossier, error)
	Withdraw(ctx context.Context, sess *identity.Session, code, reason string) (*catalog.Dossier, error)
	FileWithdrawal(ctx context.Context, sess *identity.Session, code string) (*catalog.Dossier, error)
	RefuseWithdrawal(ctx context.Context, sess *identity.Session, code, reason string) (*catalog.Dossier, error)
	NoteChange(ctx context.Context, sess *identity.Session, code string, d catalog.Demand) (*catalog.Dossier, error)
	AskExtension(ctx context.Context, sess *identity.Session, code string, days int, reason string) (*catalog.Dossier, error)
	ConsentExtension(ctx context.Context, sess *identity.Session, code string) (*catalog.Dossier, error)
	RefuseExtension(ctx context.Context, sess *identity.Session, code, reason string) (*catalog.Dossier, error)
}

// Sources are where the departments' data lives. catalog.Service is one.
type Sources interface {
	Sources(ctx context.Context, sc db.Scope) ([]catalog.MountedSource, error)
	Registered(ctx context.Context, sess *identity.Session, after string, limit int) ([]catalog.MountedSource, error)
	AddSource(ctx context.Context, sess *identity.Session, department, id string, spec source.Spec) ([]source.Table, error)
	Discover(ctx context.Context, sess *identity.Session, id string) ([]source.Table, error)
	Preview(ctx context.Context, sess *identity.Session, id, table string, items []catalog.Item, n int) (*catalog.Preview, error)
}

// Uses tell who uses an entry, and who may without being asked each time. agreement.Service is one.
type Uses interface {
	Users(ctx context.Context, sc db.Scope, resources []string) (map[string]int, error)
	UsersOf(ctx context.Context, sc db.Scope, resource string, limit int) ([]agreement.Negotiation, error)
	Standings(ctx context.Context, sc db.Scope, resource string) ([]agreement.Standing, error)
	ConsentInAdvance(ctx context.Context, sess *identity.Session, st agreement.Standing) (*agreement.Standing, error)
}

// Clocks are the law's. deadline.Service is one.
type Clocks interface {
	Of(ctx context.Context, sc db.Scope, subject string) ([]deadline.Deadline, error)
}

// Lists are made of what the departments describe. catalog.Service is one.
type Lists interface {
	Responsibilities(ctx context.Context, sc db.Scope, after string, limit int) ([]catalog.Responsibility, error)
	NegativeList(ctx context.Context, after string, limit int) ([]catalog.Withholding, string, error)
	Register(ctx context.Context, sess *identity.Session, after string, limit int) ([]catalog.Designation, error)
	Conflicts(ctx context.Context, sc db.Scope, after string, limit int) ([]catalog.Conflict, error)
	Designate(ctx context.Context, sess *identity.Session, d catalog.Designation) (*catalog.Designation, error)
	EndDesignation(ctx context.Context, sess *identity.Session, item string) error
	Export(ctx context.Context, sc db.Scope, form catalog.Form, w io.Writer) error
}

// Deps are what the face needs.
type Deps struct {
	*staff.Desk
	Entries Entries
	Sources Sources
	Uses    Uses
	Clocks  Clocks
	Lists   Lists
	Demands Demands
	Cases   Cases

	Objections     Objections
	Schemes        Schemes
	MemberRegistry MemberRegistry
	Neighbours     Neighbours
}

// Share serves the pages.
type Share struct{ Deps }

// New makes the face; it serves nothing before Routes.
func New(d Deps) *Share { return &Share{d} }

// shown is how many lines a page of a list has.
const shown = 20

// Routes adds the pages.
func (s *Share) Routes(mux *http.ServeMux) {
	s.Get(mux, staff.PathResources, s.resources)
	s.Get(mux, staff.PathResources+"/{code}", s.entry)
	s.Get(mux, staff.PathResources+"/{code}/edit", s.edit)
	s.Post(mux, staff.PathResources+"/{code}/{act}", s.entryAct)
	s.Get(mux, pathShare, s.wizard)
	s.Post(mux, pathShare, s.describe)
	s.Get(mux, staff.PathSources, s.sources)
	s.Post(mux, staff.PathSources, s.addSource)
	s.Get(mux, staff.PathDemands, s.demands)
	s.Get(mux, staff.PathDemands+"/{id}", s.demand)
	s.Post(mux, staff.PathDemands+"/{id}/{act}", s.demandAct)
	s.back(mux, staff.PathDemands, "/{id}/{act}", "id")
	s.Get(mux, staff.PathDisputes, s.corrections)
	s.Get(mux, staff.PathDisputes+"/{id}", s.correction)
	s.Post(mux, staff.PathDisputes+"/{id}/{act}", s.correctionAct)
	s.Get(mux, staff.PathCases+"/{id}/correct", s.reporting)
	s.Post(mux, staff.PathCases+"/{id}/correct", s.report)
	s.Get(mux, staff.PathCases+"/{id}/dispute", s.disputing)
	s.Get(mux, pathDisputes, s.disputes)
	s.Post(mux, pathDisputes, s.openDispute)
	s.Get(mux, pathDisputes+"/{id}", s.dispute)
	s.Post(mux, pathDisputes+"/{id}/{act}", s.disputeAct)
	s.Get(mux, pathRefetches, s.refetches)
	s.Post(mux, pathRefetches+"/{id}/done", s.refetchDone)
	s.back(mux, staff.PathDisputes, "/{id}/{act}", "id")
	s.back(mux, pathDisputes, "/{id}/{act}", "id")
	s.Get(mux, pathSchemes, s.schemes)
	s.Get(mux, pathDraft, s.newScheme)
	s.Post(mux, pathDraft, s.takeDraft)
	s.Get(mux, pathSchemes+"/{id}", s.scheme)
	s.Get(mux, pathSchemes+"/{id}/next", s.nextVersion)
	s.Post(mux, pathSchemes+"/{id}/{act}", s.schemeAct)
	s.back(mux, pathSchemes, "/{id}/{act}", "id")
	s.Get(mux, pathDuties, s.duties)
	s.Get(mux, sheetPath, s.sheet)
	s.Get(mux, pathWithheld, s.withheld)
	s.Get(mux, pathRegister, s.register)
	s.Post(mux, pathRegister, s.designate)
	s.back(mux, staff.PathResources, "/{code}/{act}", "code")
}

// back leads from the address of an act to the page it belongs to: whoever changes the language on the page of a refusal
// comes there with a GET.
func (s *Share) back(mux *http.ServeMux, root, pattern, key string) {
	s.Open(mux, "GET "+root+pattern, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, ui.Local(root+"/"+url.PathEscape(r.PathValue(key))), http.StatusSeeOther)
	})
}

// entryPath is the page of an own entry. Codes have slashes: they are one part of the address.
func entryPath(code string) string { return staff.PathResources + "/" + url.PathEscape(code) }

// onward are the links below a list: cursors lead on, and back to the beginning.
func onward(v *ui.View, n int, cursor string) ui.Paging {
	p := ui.Paging{Shown: int64(n)}
	if v.URL.Query().Get("after") != "" {
		p.First = v.Without("after")
	}
	if n >= shown && cursor != "" {
		p.Next = v.With("after", cursor)
	}
	return p
}
