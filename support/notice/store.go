package notice

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/identity"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates the tables of this package.
func Migrate(ctx context.Context, d *db.DB) error {
	return d.Migrate(ctx, "notice", migrations, "migrations")
}

// save writes a notice. Roles are kept as ",a,b," so that one condition finds them.
func (s *Service) save(ctx context.Context, tx *db.Tx, n *Notice) error {
	doc, err := json.Marshal(n)
	if err != nil {
		return err
	}
	roles := ","
	for _, r := range n.Roles {
		roles += string(r) + ","
	}
	_, err = tx.NewRaw("INSERT INTO notice_item (id, department, roles, kind, subject, time, doc) VALUES (?, ?, ?, ?, ?, ?, ?)",
		n.ID, n.Department, roles, string(n.Kind), n.Subject, n.At.UnixMicro(), string(doc)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("save notice: %w", err)
	}
	return nil
}

// leaves reports whether anybody might get the department's notices by mail or web-hook.
func (s *Service) leaves(ctx context.Context, tx *db.Tx, department string) (bool, error) {
	var n int
	err := tx.NewRaw("SELECT count(*) FROM (SELECT 1 FROM notice_hook WHERE department = ? AND disabled = 0 LIMIT 1) h", department).Scan(ctx, &n)
	if err == nil && n == 0 && s.mail != nil {
		err = tx.NewRaw("SELECT count(*) FROM (SELECT 1 FROM notice_preference WHERE mail <> '' AND mode <> ? LIMIT 1) p", string(Off)).Scan(ctx, &n)
	}
	if err != nil {
		return false, fmt.Errorf("who wants notices: %w", err)
	}
	return n > 0, nil
}

// byID reads a notice of the scope; nil if it is not kept any more.
func (s *Service) byID(ctx context.Context, tx *db.Tx, sc db.Scope, id string) (*Notice, error) {
	cond, args := sc.Where("department")
	var doc string
	err := tx.NewRaw("SELECT doc FROM notice_item WHERE id = ? AND "+cond, append([]any{id}, args...)...).Scan(ctx, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // a notice that is not kept any more is no error for a job
	}
	if err != nil {
		return nil, fmt.Errorf("read notice: %w", err)
	}
	n := &Notice{}
	return n, json.Unmarshal([]byte(doc), n)
}

// visible is the condition for what an officer's inbox shows: the department's own and, for those who look after the
// node, the node's own; of them what is for one of the roles.
func visible(department string, roles []identity.Role) (string, []any) {
	var parts []string
	var args []any
	for _, r := range roles {
		like := "%," + string(r) + ",%"
		if department != "" {
			parts, args = append(parts, "(n.department = ? AND n.roles LIKE ?)"), append(args, department, like)
		}
		if nodeWide(r) {
			parts, args = append(parts, "(n.department = '' AND n.roles LIKE ?)"), append(args, like)
		}
	}
	if len(parts) == 0 {
		return "1=0", nil
	}
	return "(" + strings.Join(parts, " OR ") + ")", args
}

const (
	joined = " FROM notice_item n LEFT JOIN notice_read r ON r.notice = n.id AND r.actor = ? WHERE "
	seen   = "(CASE WHEN r.notice IS NULL THEN 0 ELSE 1 END)"
)

// Query narrows a list.
type Query struct {
	Unread bool   // only what was not read
	After  string // Page.Next of the page before
	Limit  int    // at most 500; 0 means 50
}

// Page is a part of an inbox.
type Page struct {
	Items  []Notice `json:"items"`
	Next   string   `json:"next,omitempty"` // empty: no more
	Unread int      `json:"unread"`         // in the whole inbox
}

// List shows the session's inbox, unread first, then latest first.
func (s *Service) List(ctx context.Context, sess *identity.Session, q Query) (*Page, error) {
	cond, args := visible(sess.Department, sess.Roles)
	args = append([]any{sess.Actor}, args...)
	p := &Page{Items: []Notice{}}
	if err := s.db.Read().NewRaw("SELECT count(*)"+joined+cond+" AND r.notice IS NULL", args...).Scan(ctx, &p.Unread); err != nil {
		return nil, fmt.Errorf("count notices: %w", err)
	}
	if q.Unread {
		cond += " AND r.notice IS NULL"
	}
	if q.After != "" {
		read, t, id, err := parseCursor(q.After)
		if err != nil {
			return nil, err
		}
		cond += " AND (" + seen + " > ? OR (" + seen + " = ? AND (n.time < ? OR (n.time = ? AND n.id < ?))))"
		args = append(args, read, read, t, t, id)
	}
	limit := 50
	if q.Limit > 0 {
		limit = min(q.Limit, 500)
	}
	var rows []struct {
		Doc  string
		Seen int
	}
	if err := s.db.Read().NewRaw("SELECT n.doc AS doc, "+seen+" AS seen"+joined+cond+" ORDER BY "+seen+", n.time DESC, n.id DESC LIMIT ?", append(args, limit+1)...).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	for i, r := range rows {
		if i == limit {
			last := &p.Items[limit-1]
			p.Next = fmt.Sprintf("%d.%d.%s", rows[i-1].Seen, last.At.UnixMicro(), last.ID)
			break
		}
		var n Notice
		if err := json.Unmarshal([]byte(r.Doc), &n); err != nil {
			return nil, fmt.Errorf("read notice: %w", err)
		}
		n.Read = r.Seen != 0
		p.Items = append(p.Items, n)
	}
	return p, nil
}

func parseCursor(s string) (read int, t int64, id string, err error) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) != 3 || len(parts[2]) > maxKey {
		return 0, 0, "", ErrCursor.With()
	}
	read, err1 := strconv.Atoi(parts[0])
	t, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, "", ErrCursor.With()
	}
	return read, t, parts[2], nil
}

// MarkRead notes that the session's officer has read a notice; db.ErrNotFound if it is not in the officer's inbox.
func (s *Service) MarkRead(ctx context.Context, sess *identity.Session, id string) error {
	cond, args := visible(sess.Department, sess.Roles)
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var n int
		if err := tx.NewRaw("SELECT count(*) FROM notice_item n WHERE n.id = ? AND "+cond, append([]any{id}, args...)...).Scan(ctx, &n); err != nil {
			return fmt.Errorf("read notice: %w", err)
		}
		if n == 0 {
			return db.ErrNotFound.With()
		}
		_, err := tx.NewRaw("INSERT INTO notice_read (notice, actor, time) VALUES (?, ?, ?) ON CONFLICT (notice, actor) DO NOTHING", id, sess.Actor, s.clock.Now().UnixMicro()).Exec(ctx)
		return err
	})
}

// unread reads an officer's unread notices that fit a condition, oldest first, at most 200.
func (s *Service) unread(ctx context.Context, a *identity.Actor, where string, args ...any) ([]Notice, error) {
	cond, vis := visible(a.Department, a.Roles)
	all := append(append([]any{a.ID}, vis...), args...)
	var docs []string
	if err := s.db.Read().NewRaw("SELECT n.doc"+joined+cond+" AND r.notice IS NULL AND "+where+" ORDER BY n.time, n.id LIMIT 200", all...).Scan(ctx, &docs); err != nil {
		return nil, fmt.Errorf("unread notices: %w", err)
	}
	out := make([]Notice, len(docs))
	for i := range docs {
		if err := json.Unmarshal([]byte(docs[i]), &out[i]); err != nil {
			return nil, fmt.Errorf("read notice: %w", err)
		}
	}
	return out, nil
}

// Trim forgets what is older than Keep.
func (s *Service) Trim(ctx context.Context) error {
	before := s.clock.Now().Add(-Keep).UnixMicro()
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.NewRaw("DELETE FROM notice_item WHERE time < ?", before).Exec(ctx); err != nil {
			return fmt.Errorf("trim notices: %w", err)
		}
		_, err := tx.NewRaw("DELETE FROM notice_read WHERE time < ? AND notice NOT IN (SELECT id FROM notice_item)", s.clock.Now().UnixMicro()).Exec(ctx)
		return err
	})
}

// Mode is how an officer wants mail.
type Mode string

// The modes.
const (
	Each  Mode = "each"  // one mail for each notice
	Daily Mode = "daily" // one mail a day
	Off   Mode = "off"   // none
)

// Preference is an officer's own setting.
type Preference struct {
	Mail string `json:"mail"` // address; empty: no mail
	Mode Mode   `json:"mode"` // each, daily or off; empty: as the node is configured
	Lang string `json:"lang"` // zh or en

	actor    string
	digested int64 // up to when the day's mail has told, Unix microseconds
}

// address checks an address and gives its bare form: ASCII, one line, no display name.
func address(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return "", err
	}
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\,;:()[]`, r) }
	if a.Name != "" || a.Address != s || len(s) > 254 || strings.ContainsFunc(s, bad) || strings.Count(s, "@") != 1 {
		return "", errors.New("not a plain address")
	}
	return a.Address, nil
}

func (p *Preference) check() error {
	if p.Mail != "" {
		if _, err := address(p.Mail); err != nil {
			return ErrPreference.Because(err, "mail must be a plain address", "mail 须为普通邮箱地址")
		}
	}
	switch p.Mode {
	case Each, Daily, Off, "":
	default:
		return ErrPreference.With("mode must be each, daily or off", "mode 须为 each、daily 或 off")
	}
	if p.Lang != "zh" && p.Lang != "en" && p.Lang != "" {
		return ErrPreference.With("lang must be zh or en", "lang 须为 zh 或 en")
	}
	return nil
}

// preference reads an officer's setting with the defaults filled in.
func (s *Service) preference(ctx context.Context, tx *db.Tx, actor string) (Preference, error) {
	var rows []struct {
		Mail, Mode, Lang string
		Digested         int64
	}
	if err := tx.NewRaw("SELECT mail, mode, lang, digested FROM notice_preference WHERE actor = ?", actor).Scan(ctx, &rows); err != nil {
		return Preference{}, fmt.Errorf("preference: %w", err)
	}
	p := Preference{actor: actor}
	if len(rows) == 1 {
		p.Mail, p.Mode, p.Lang, p.digested = rows[0].Mail, Mode(rows[0].Mode), rows[0].Lang, rows[0].Digested
	}
	if p.Mode == "" {
		p.Mode = Each
		if s.mail != nil {
			p.Mode = s.mail.conf.Digest
		}
	}
	if p.Lang == "" {
		p.Lang = "zh"
	}
	return p, nil
}

// Preferences reads the setting of the session's officer.
func (s *Service) Preferences(ctx context.Context, sess *identity.Session) (*Preference, error) {
	p, err := s.preference(ctx, s.db.Read(), sess.Actor)
	return &p, err
}

// SetPreferences changes the setting of the session's officer, and of nobody else.
func (s *Service) SetPreferences(ctx context.Context, sess *identity.Session, p Preference) (*Preference, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.NewRaw(`INSERT INTO notice_preference (actor, mail, mode, lang, digested) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (actor) DO UPDATE SET mail = excluded.mail, mode = excluded.mode, lang = excluded.lang`,
			sess.Actor, p.Mail, string(p.Mode), p.Lang, s.clock.Now().Add(-time.Microsecond).UnixMicro()).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("preference: %w", err)
	}
	return s.Preferences(ctx, sess)
}
