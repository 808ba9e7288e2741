package tour

import (
	"net/http"
	"net/url"

	"github.com/kuayu/kuayu/support/identity"
	"github.com/kuayu/kuayu/web/staff"
	"github.com/kuayu/kuayu/web/ui"
)

// Addresses of the demonstration.
const (
	PathRoles = "/demo/roles" // choose a role
	PathAs    = "/demo/as/"   // take it, and go on to where the parameter to says
)

// Place is a node with the people whose place a visitor can take.
type Place struct {
	Name   staff.Pair
	Root   string // scheme and host of the node's staff listener; "" if it is the one that shows the page
	People []Person
}

// Person is an officer.
type Person struct {
	Actor, Name, Department string
	Roles                   []identity.Role
}

// As is the address at which a visitor takes the place of an actor of a node and goes on to a page of it.
func As(root, actor, to string) string {
	return root + PathAs + url.PathEscape(actor) + "?" + url.Values{"to": {to}}.Encode()
}

// Choose shows the page of roles; to is where whoever enters this node is led.
func Choose(w http.ResponseWriter, r *http.Request, d *staff.Desk, guide *ui.Tour, places []Place, to string) {
	v := d.UI.View(r)
	chrome := d.Frame(v)
	chrome.Tour = guide
	d.UI.Render(w, r, http.StatusOK, ui.Page(v, ui.PageInfo{
		Chrome: chrome, Title: v.Pick("选择身份", "Choose a role"),
		Lead: v.Pick("四个省级成员和一个区域枢纽，各有一个节点，互不隶属。点选任一身份即可进入，不设密码；随时可以回到这里换一个身份。", "Four provinces and a hub, each with a node of its own; none is above the others. Enter as anybody, without a password, and come back for another role whenever you like."),
	}, rolesPage(v, places, to)))
}

// does is what somebody with a role will do here, in one line.
func does(v *ui.View, r identity.Role) string {
	switch r {
	case identity.DataOfficer:
		return v.Pick("共享本部门的数据，申请、查询其他部门的数据。", "Shares the department's data; applies for others' and asks them.")
	case identity.OfficeHead:
		return v.Pick("同意本部门的申请和答复，可撤销协议。", "Consents to applications and answers; may revoke an agreement.")
	case identity.DepartmentHead:
		return v.Pick("签发本部门的目录条目，对其负责。", "Signs the department's entries and answers for them.")
	case identity.Authority:
		return v.Pick("审核发布目录，督办超期，表决成员变更。", "Reviews and publishes entries, reminds the late, votes on members.")
	case identity.Operator:
		return v.Pick("登记数据源和人员，检查节点运行。", "Registers sources and people; keeps the node running.")
	case identity.Auditor:
		return v.Pick("查存证、复核回执：看得到发生过什么，看不到数据。", "Searches and checks the evidence: sees what happened, not the data.")
	case identity.Machine:
	}
	return ""
}
