package catalog

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kuayu/kuayu/support/policy"
	"github.com/kuayu/kuayu/support/process"
)

// FormatClass is the class of a format (信息资源格式) in the 2017 guide.
type FormatClass string

// The classes.
const (
	ElectronicFile FormatClass = "file"        // 电子文件
	Spreadsheet    FormatClass = "spreadsheet" // 电子表格
	Database       FormatClass = "database"    // 数据库
	Image          FormatClass = "image"       // 图形图像
	StreamMedia    FormatClass = "stream"      // 流媒体
	SelfDescribed  FormatClass = "other"       // 自描述格式
)

// formats are the formats of a class as the guide names them, and what came after it. The name of a class is a format of
// it that says no more.
func formats() map[FormatClass][]string {
	return map[FormatClass][]string{
		ElectronicFile: {"ofd", "wps", "xml", "txt", "doc", "docx", "html", "pdf", "ppt", "pptx", "json"},
		Spreadsheet:    {"et", "xls", "xlsx", "csv"},
		Database:       {"dm", "kingbasees", "access", "dbf", "sybase", "sysbase", "oracle", "sqlserver", "sql server", "db2", "mysql", "postgresql", "sqlite", "gaussdb", "oceanbase", "parquet"},
		Image:          {"jpg", "jpeg", "gif", "bmp", "png", "tiff"},
		StreamMedia:    {"swf", "rm", "mpg", "mp4"},
	}
}

// FormatClasses lists the classes in the order of the guide.
func FormatClasses() []FormatClass {
	return []FormatClass{ElectronicFile, Spreadsheet, Database, Image, StreamMedia, SelfDescribed}
}

// classOf is the class of a format; empty if no class has it.
func classOf(format string) FormatClass {
	f := strings.ToLower(strings.TrimSpace(format))
	for _, c := range FormatClasses() {
		if f == string(c) || slices.Contains(formats()[c], f) {
			return c
		}
	}
	return ""
}

// Formatted is the class of the resource's format: as stated, or else the one its format is of.
func (r *Resource) Formatted() FormatClass {
	if r.FormatClass != "" {
		return r.FormatClass
	}
	return classOf(r.Format)
}

// Bounds of lists in an entry.
const (
	maxRelated = 50
	maxName    = 200
)

func short(s string) bool { return strings.TrimSpace(s) != "" && len(s) <= maxName }

// checkMetadata validates what the guide adds to the law's fields, as far as it is stated.
func (r *Resource) checkMetadata(f *faults) {
	if c := r.Classification; c != nil {
		f.Need(digits(c.Group, 2, 2) && (c.Topic == "" || digits(c.Topic, 3, 3)) && (c.Detail == "" || (c.Topic != "" && digits(c.Detail, 1, 20))),
			"classification", "项为两位数字，目为三位数字，细目为数字且须先有目（2017 年编制指南）", "group is two digits, topic three, detail digits and only below a topic (guide of 2017)")
	}
	if r.FormatClass != "" {
		known := slices.Contains(FormatClasses(), r.FormatClass)
		f.Need(known, "format_class", "须为 file、spreadsheet、database、image、stream 或 other", "must be file, spreadsheet, database, image, stream or other")
		if c := classOf(r.Format); known && r.FormatClass != SelfDescribed {
			f.Need(c == r.FormatClass, "format", "格式“"+clip(r.Format)+"”不属于所选的格式分类", "the format “"+clip(r.Format)+"” is not of the class stated")
		}
	}
	switch r.Openness {
	case Closed, Open, OpenConditionally:
	default:
		f.Need(false, "openness", "须为空、open 或 conditional", "must be empty, open or conditional")
	}
	f.Need(r.Openness != OpenConditionally || process.Text(r.OpenCondition), "open_condition", "有条件开放须写明开放条件", "conditional opening must state its condition")
	f.Need(r.Openness == Closed || r.Sharing != NotShared, "openness", "不予共享的资源不能开放", "what is not shared cannot be open")
	switch r.Channel {
	case "", GovernmentNetwork, Internet, DepartmentNetwork:
	default:
		f.Need(false, "channel", "须为 government_network、internet 或 department_network", "must be government_network, internet or department_network")
	}
	f.Need(len(r.Related) <= maxRelated && !slices.ContainsFunc(r.Related, func(c string) bool { return c == r.Code || !codeForm.MatchString(c) }),
		"related", "关联资源代码有误，或多于 50 个，或为自身", "a related code is not valid, or there are more than 50, or it is the entry's own")
	f.Need(len(r.Origins) <= maxRelated && !slices.ContainsFunc(r.Origins, func(s string) bool { return !short(s) || strings.ContainsAny(s, "；;\n") }),
		"origins", "来源方为空、过长或含分号，或多于 50 个", "a source department is empty, too long or has a semicolon, or there are more than 50")
	f.Need(len(r.OriginSystem) <= maxName && len(r.OpenCondition) <= process.MaxNote && len(r.ShareScope) <= process.MaxNote && len(r.UsePurpose) <= process.MaxNote, "origin_system", "所属系统、开放条件、共享范围或使用用途过长", "system of origin, open condition, scope or purpose is too long")
	if s := r.ServiceItem; s != nil {
		f.Need(short(s.Name) && len(s.Kind)+len(s.Basic)+len(s.Handling)+len(s.Implementation) <= maxName, "service_item", "关联事项须有名称，各编码合计不超过 200 字节", "a linked service item needs a name; its codes have at most 200 bytes together")
	}
}

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// digits reports whether s is between least and most digits.
func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// ClassDigit is the first digit of a class code (类): 1 base, 2 theme, 3 department.
func (r *Resource) ClassDigit() string {
	switch r.Class {
	case "base":
		return "1"
	case "theme":
		return "2"
	case "department":
		return "3"
	}
	return ""
}

// ClassCode is the code of the entry's class as far as it is stated: 类 1 digit, 项 2, 目 3, 细目 any number.
func (r *Resource) ClassCode() string {
	if r.Classification == nil {
		return r.ClassDigit()
	}
	return r.ClassDigit() + r.Classification.Group + r.Classification.Topic + r.Classification.Detail
}

// ResourceCode is a resource code taken apart: FRONT/SEQUENCE, where FRONT is the class code, behind a prefix that names
// a region on many platforms.
type ResourceCode struct {
	Prefix   string // of a platform, digits; mostly 6 or 10 of them
	Class    string // 类 1, 项 2, 目 3, 细目 any number of digits
	Sequence string
}

// sequenced is a code with the guide's structure: digits, a slash, digits.
var sequenced = regexp.MustCompile(`^([0-9]{6,40})/([0-9]{1,30})$`)

// ParseCode takes a resource code apart. class is the class code as far as it is known (at least its first digit): where
// the front does not begin with it, a prefix of 6 or 10 digits is looked for.
func ParseCode(code, class string) (ResourceCode, bool) {
	m := sequenced.FindStringSubmatch(code)
	if m == nil || class == "" {
		return ResourceCode{}, false
	}
	for _, n := range []int{0, 6, 10} {
		if len(m[1]) >= n+6 && strings.HasPrefix(m[1][n:], class) {
			return ResourceCode{Prefix: m[1][:n], Class: m[1][n:], Sequence: m[2]}, true
		}
	}
	return ResourceCode{}, false
}

// modesOf are the modes that a class of formats allows: a file is downloaded, a database is asked or delivered in batches.
func modesOf(c FormatClass) []policy.Mode {
	if c == Database {
		return []policy.Mode{policy.ModeQuery, policy.ModeVerify, policy.ModeBatch}
	}
	return []policy.Mode{policy.ModeFile}
}
