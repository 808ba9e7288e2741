package identity

import (
	"strings"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/support/standard"
)

// Role is what somebody may do. Decree 809 names the data officer's office and its head (art. 11), the head of the
// department (art. 13) and the authority (art. 8).
type Role string

// The roles.
const (
	DataOfficer    Role = "data_officer"
	OfficeHead     Role = "office_head"
	DepartmentHead Role = "department_head"
	Authority      Role = "authority"
	Auditor        Role = "auditor"
	Operator       Role = "operator"
	Machine        Role = "machine"
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{DataOfficer, OfficeHead, DepartmentHead, Authority, Auditor, Operator, Machine}
}

// Department is a department of this node.
type Department struct {
	ID       string `json:"id"` // USCC
	Name     string `json:"name"`
	Division string `json:"division"`
}

// Check validates the department: its USCC by GB 32100, its division by shape.
func (d *Department) Check() error {
	if f, err := standard.CheckUSCC(d.ID); err != nil {
		return ErrDepartment.Because(err, "USCC "+string(f), "统一社会信用代码不合格")
	}
	if d.Name == "" || len(d.Name) > 200 {
		return ErrDepartment.With("name missing or too long", "缺少名称或名称过长")
	}
	if len(d.Division) != 6 {
		return ErrDepartment.With("division code", "行政区划代码")
	}
	return nil
}

// Zh is the role's name for people.
func (r Role) Zh() string {
	switch r {
	case DataOfficer:
		return "数据专员"
	case OfficeHead:
		return "共享工作机构负责人"
	case DepartmentHead:
		return "部门负责人"
	case Authority:
		return "主管部门"
	case Auditor:
		return "审计员"
	case Operator:
		return "运维员"
	case Machine:
		return "机器客户端"
	}
	return string(r)
}

// Actor is an officer or a machine client.
type Actor struct {
	ID         string `json:"id"`
	Department string `json:"department"`
	Name       string `json:"name"`
	Kind       string `json:"kind"` // "officer" or "machine"
	Roles      []Role `json:"roles"`
	PublicKey  string `json:"public_key"` // Ed25519, base64url; empty: cannot sign in by key
	Disabled   bool   `json:"disabled,omitempty"`
}

// Check validates the actor.
func (a *Actor) Check() error {
	bad := func(en, zh string) error { return ErrActor.With(en, zh) }
	switch {
	case a.ID == "" || len(a.ID) > 64 || strings.ContainsAny(a.ID, " /:\n"):
		return bad("identifier", "编号")
	case a.Name == "" || len(a.Name) > 200:
		return bad("name", "名称")
	case a.Kind != "officer" && a.Kind != "machine":
		return bad("kind must be officer or machine", "类别须为 officer 或 machine")
	case len(a.Roles) == 0:
		return bad("no role", "没有角色")
	}
	known := Roles()
	for _, r := range a.Roles {
		if !has(known, r) {
			return bad("unknown role "+string(r), "未知角色 "+string(r))
		}
		if (r == Machine) != (a.Kind == "machine") {
			return bad("machine clients have the role machine and no other", "机器客户端只能有 machine 角色")
		}
	}
	if a.PublicKey != "" {
		if _, err := parseKey(a.PublicKey); err != nil {
			return bad("public key", "公钥")
		}
	}
	return nil
}

func has(list []Role, r Role) bool {
	for _, l := range list {
		if l == r {
			return true
		}
	}
	return false
}

// Session is who is signed in.
type Session struct {
	Actor      string `json:"actor"`
	Name       string `json:"name"`
	Department string `json:"department"`
	Division   string `json:"division"`
	Roles      []Role `json:"roles"`
	Expires    int64  `json:"expires"` // Unix milliseconds
}

// Has reports whether the session has one of the roles.
func (s *Session) Has(roles ...Role) bool {
	for _, r := range roles {
		if has(s.Roles, r) {
			return true
		}
	}
	return false
}

// Require refuses with ErrRole unless the session has one of the roles; ErrSignIn for nobody.
func (s *Session) Require(roles ...Role) error {
	if s == nil {
		return ErrSignIn.With()
	}
	if s.Has(roles...) {
		return nil
	}
	en, zh := make([]string, len(roles)), make([]string, len(roles))
	for i, r := range roles {
		en[i], zh[i] = string(r), r.Zh()
	}
	return ErrRole.With(strings.Join(en, ", "), strings.Join(zh, "、"))
}

// Scope is what the session may see: its department, or all of the node for the authority and the auditor.
func (s *Session) Scope() db.Scope {
	if s.Has(Authority, Auditor) {
		return db.Oversight(s.Division, s.Department, s.Actor)
	}
	return db.In(s.Division, s.Department, s.Actor)
}
