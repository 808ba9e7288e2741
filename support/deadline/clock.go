package deadline

import "slices"

// ID names a clock. D1 to D9 are fixed by law; the others are named by it without a figure.
type ID string

// The clocks.
const (
	D1 ID = "D1" // catalogue update after a change
	D2 ID = "D2" // the authority reviews and publishes an updated catalogue
	D3 ID = "D3" // answer to an application, unconditional class
	D4 ID = "D4" // answer to an application, conditional class
	D5 ID = "D5" // extension of D3 or D4; runs as part of them
	D6 ID = "D6" // data shared after consent
	D7 ID = "D7" // correction verified, made and fed back
	D8 ID = "D8" // records of use kept
	D9 ID = "D9" // records of handing on personal information or important data kept

	FirstApproval ID = "first_approval" // first approval of a catalogue; art. 16 names no figure
	Dispute       ID = "dispute"        // handling of a dispute; art. 28 names no figure
	Rectification ID = "rectification"  // 限期整改; art. 27 names no figure, each order does
	Disposal      ID = "disposal"       // of data after an agreement; art. 27 names no figure, each order does
)

// Role is a party of an act under the law.
type Role string

// The roles.
const (
	Provider  Role = "provider"  // 提供部门
	Applicant Role = "applicant" // 需求部门
	Authority Role = "authority" // 政务数据共享主管部门
)

// Roles lists all roles.
func Roles() []Role { return []Role{Provider, Applicant, Authority} }

// Known reports whether r is a role.
func (r Role) Known() bool { return slices.Contains(Roles(), r) }

// Rule is one line of the law's table of clocks.
type Rule struct {
	ID        ID     `json:"id"`
	Law       string `json:"law"`     // "809" (Decree 809) or "790" (Network Data Security Regulation)
	Article   int    `json:"article"` //
	Zh        string `json:"zh"`
	En        string `json:"en"`
	Days      int    `json:"days,omitempty"`      // working days; 0: the law names none
	Years     int    `json:"years,omitempty"`     // records are kept at least so long
	Extension int    `json:"extension,omitempty"` // longest extension in working days, once; 0: none
	Consent   Role   `json:"consent,omitempty"`   // whose consent an extension needs
	Tell      Role   `json:"tell,omitempty"`      // who is told of an extension
	Actor     Role   `json:"actor"`               // who must act
	Code      Code   `json:"code,omitempty"`      // the violation when it runs out
	Extends   []ID   `json:"extends,omitempty"`   // the clocks this one lengthens
}

// Fixed reports whether the law names a figure.
func (r *Rule) Fixed() bool { return r.Days > 0 || r.Years > 0 }

// Retention reports whether the clock says how long to keep records: nothing is overdue when it ends.
func (r *Rule) Retention() bool { return r.Years > 0 }

// Statute is the law's table: Decree 809 arts. 16, 17, 20–22, 26–29 and Network Data Security Regulation art. 12.
func Statute() []Rule {
	return []Rule{
		{ID: D1, Law: "809", Article: 17, Zh: "更新目录", En: "update the catalogue after a change", Days: 10, Extension: 5, Consent: Authority, Actor: Provider, Code: P1},
		{ID: D2, Law: "809", Article: 17, Zh: "审核并发布更新后的目录", En: "review and publish the updated catalogue", Days: 2, Actor: Authority, Code: A3},
		{ID: D3, Law: "809", Article: 21, Zh: "答复无条件共享申请", En: "answer an application, unconditional class", Days: 1, Extension: 10, Consent: Authority, Tell: Applicant, Actor: Provider, Code: P4},
		{ID: D4, Law: "809", Article: 21, Zh: "答复有条件共享申请", En: "answer an application, conditional class", Days: 10, Extension: 10, Consent: Authority, Tell: Applicant, Actor: Provider, Code: P4},
		{ID: D5, Law: "809", Article: 21, Zh: "延长答复期限", En: "extend the time to answer, once", Days: 10, Consent: Authority, Tell: Applicant, Actor: Provider, Extends: []ID{D3, D4}},
		{ID: D6, Law: "809", Article: 22, Zh: "同意后提供数据", En: "share the data after consent", Days: 20, Actor: Provider, Code: P4},
		{ID: D7, Law: "809", Article: 26, Zh: "核查、更正并反馈", En: "verify, correct and feed back", Days: 10, Actor: Provider, Code: P6},
		{ID: D8, Law: "809", Article: 29, Zh: "保存使用记录", En: "keep the records of use", Years: 3, Actor: Applicant},
		{ID: D9, Law: "790", Article: 12, Zh: "保存提供个人信息、重要数据的记录", En: "keep the records of handing on personal information or important data", Years: 3, Actor: Provider},
		{ID: FirstApproval, Law: "809", Article: 16, Zh: "首次审核目录", En: "approve a catalogue for the first time", Actor: Authority, Code: A3},
		{ID: Dispute, Law: "809", Article: 28, Zh: "处理争议", En: "handle a dispute", Actor: Authority, Code: A2},
		{ID: Disposal, Law: "809", Article: 27, Zh: "处置数据", En: "dispose of the data by the date ordered", Actor: Applicant, Code: R4},
		{ID: Rectification, Law: "809", Article: 27, Zh: "限期整改", En: "rectify by the date ordered", Actor: Applicant, Code: R7},
	}
}

// RuleOf finds a clock in the table; ErrClock if there is none.
func RuleOf(id ID) (Rule, error) {
	for _, r := range Statute() {
		if r.ID == id {
			return r, nil
		}
	}
	return Rule{}, ErrClock.With(string(id))
}

// Code is a violation named by Decree 809: P by a provider (art. 39), R by a using department (art. 40), A by an
// authority (art. 41).
type Code string

// The codes.
const (
	P1 Code = "P1" // catalogue not made or not updated
	P2 Code = "P2" // conditions added on one's own
	P3 Code = "P3" // does not work with the source department
	P4 Code = "P4" // answers or shares late without good reason
	P5 Code = "P5" // does not return data to lower levels
	P6 Code = "P6" // does not handle corrections in time
	P7 Code = "P7" // stops or changes sharing on its own
	P8 Code = "P8" // platform not integrated
	P9 Code = "P9" // other
	R1 Code = "R1" // collects again what is shared
	R2 Code = "R2" // uses beyond scope or purpose
	R3 Code = "R3" // hands on to third parties
	R4 Code = "R4" // does not dispose
	R5 Code = "R5" // does not keep records
	R6 Code = "R6" // security duties not met
	R7 Code = "R7" // other
	A1 Code = "A1" // names no source department
	A2 Code = "A2" // does not handle disputes
	A3 Code = "A3" // other
)

// Offence describes a code.
type Offence struct {
	Code    Code   `json:"code"`
	Article int    `json:"article"` // of Decree 809
	Zh      string `json:"zh"`
	En      string `json:"en"`
}

// Offences lists the violations of Decree 809 arts. 39–41.
func Offences() []Offence {
	return []Offence{
		{P1, 39, "未按规定编制或者更新目录", "catalogue not made or not updated"},
		{P2, 39, "擅自增设共享条件", "conditions added on one's own"},
		{P3, 39, "不配合数源部门", "does not work with the source department"},
		{P4, 39, "无正当理由未按时答复或者共享", "late answer or late sharing without good reason"},
		{P5, 39, "未按规定回流数据", "data not returned to lower levels"},
		{P6, 39, "未按时处理校核申请", "correction not handled in time"},
		{P7, 39, "擅自停止或者变更共享服务", "sharing stopped or changed on one's own"},
		{P8, 39, "平台未按规定对接", "platform not integrated"},
		{P9, 39, "提供部门其他违规", "other breach by a provider"},
		{R1, 40, "重复收集可以共享的数据", "data collected again though it is shared"},
		{R2, 40, "超范围、超用途使用", "use beyond scope or purpose"},
		{R3, 40, "擅自提供给第三方", "handed on to third parties"},
		{R4, 40, "未按要求处置数据", "data not disposed of"},
		{R5, 40, "未按规定保存使用记录", "records of use not kept"},
		{R6, 40, "未履行安全责任", "security duties not met"},
		{R7, 40, "需求部门其他违规", "other breach by a using department"},
		{A1, 41, "未明确数源部门", "no source department named"},
		{A2, 41, "未按规定处理争议", "dispute not handled"},
		{A3, 41, "主管部门其他违规", "other breach by an authority"},
	}
}

// OffenceOf finds a code.
func OffenceOf(c Code) (Offence, error) {
	for _, o := range Offences() {
		if o.Code == c {
			return o, nil
		}
	}
	return Offence{}, ErrCode.With(string(c))
}
