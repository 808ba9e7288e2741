package catalog

import (
	"context"
	"io"
	"slices"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/identity"
)

// Imported is what an import did.
type Imported struct {
	Rows    int          `json:"rows"`
	Entries []string     `json:"entries"`          // codes described
	Skipped []string     `json:"skipped"`          // codes left out because of faults
	Faults  []errs.Field `json:"faults,omitempty"` // name is "line:column"
	More    int          `json:"more,omitempty"`   // faults beyond those listed
}

// Import describes the entries of a sheet (CSV or XLSX) as drafts of the session's department, or as drafts of the next
// versions of its entries. Everything is looked at first: unless all rows are good nothing is stored, and ErrImport lists
// what is wrong with which line and column. With skip the good entries are stored and the others listed.
func (s *Service) Import(ctx context.Context, sess *identity.Session, sheet []byte, skip bool) (*Imported, error) {
	if err := sess.Require(identity.DataOfficer); err != nil {
		return nil, err
	}
	rows, err := decodeSheet(sheet)
	if err != nil {
		return nil, err
	}
	ds, f := readSheet(rows, sess.Department)
	if ds == nil {
		if len(f.list) == 0 {
			f.add(1, "", "没有可导入的行", "there is no row to import")
		}
		return nil, ErrImport.With(len(f.list)).WithFields(f.list...)
	}
	s.checkMounts(ctx, sess, ds, f)
	out := &Imported{Rows: max(len(rows)-1, 0), Entries: []string{}, Skipped: []string{}}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, d := range ds {
			if err := s.importable(ctx, tx, sess, d, f); err != nil {
				return err
			}
		}
		if len(f.list) > 0 && !skip {
			return ErrImport.With(len(f.list) + f.more).WithFields(f.list...)
		}
		for _, d := range ds {
			if d.bad {
				out.Skipped = append(out.Skipped, d.r.Code)
				continue
			}
			if _, err := s.describe(ctx, tx, sess, d.r, d.m); err != nil {
				return err
			}
			out.Entries = append(out.Entries, d.r.Code)
		}
		out.Faults, out.More = f.list, f.more
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// importable notes what the state of an entry forbids.
func (s *Service) importable(ctx context.Context, tx *db.Tx, sess *identity.Session, d *described, f *sheetFaults) error {
	e, err := s.entry(ctx, tx, db.System("import"), d.r.Code)
	switch {
	case err != nil && errs.As(err).Code == ErrNoSuch.Code:
		return nil
	case err != nil:
		return err
	case e.Department != sess.Department:
		err = ErrTaken.With(d.r.Code)
	default:
		_, _, err = s.kind.Table.Next(e.State, Describe, nil)
	}
	if err != nil {
		x := errs.As(err)
		f.add(d.line, "资源代码", x.Zh, x.En)
		d.bad = true
	}
	return nil
}

// checkMounts looks whether the items of each entry are columns of the table it names.
func (s *Service) checkMounts(ctx context.Context, sess *identity.Session, ds []*described, f *sheetFaults) {
	for _, d := range ds {
		if d.bad || d.m.ID == "" {
			continue
		}
		missing, err := s.columnsMissing(ctx, own(sess), &d.r, d.m.ID, d.m.Table)
		if err != nil {
			x := errs.As(err)
			f.add(d.line, "数据源", x.Zh, x.En)
			d.bad = true
		}
		for _, name := range missing {
			f.add(d.lines[name], "数据项", "表中没有列 "+name, "the table has no column "+name)
			d.bad = true
		}
	}
}

// Export writes the latest versions of the scope's entries as a sheet that Import takes. Revoked and deleted entries are
// left out.
func (s *Service) Export(ctx context.Context, sc db.Scope, form Form, w io.Writer) error {
	var all []Dossier
	after := ""
	for {
		es, err := s.Dossiers(ctx, sc, "", after, 500)
		if err != nil {
			return err
		}
		if len(es) == 0 {
			break
		}
		after = es[len(es)-1].Code
		all = append(all, slices.DeleteFunc(es, func(e Dossier) bool { return e.State == Revoked || e.State == Deleted })...)
	}
	switch form {
	case CSV:
		return encodeCSV(w, writeSheet(all))
	case XLSX:
		return encodeXLSX(w, writeSheet(all))
	}
	return ErrSheet.With("the form must be csv or xlsx", "格式须为 csv 或 xlsx")
}
