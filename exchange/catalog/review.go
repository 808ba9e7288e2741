package catalog

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/support/process"
	"golang.org/x/text/width"
)

// nameKey is a name without what must not tell two names apart: punctuation, spaces, width and case of letters.
func nameKey(s string) string {
	s = width.Fold.String(s)
	return strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || unicode.IsSpace(r) || unicode.IsSymbol(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// systemWords end the name of a system; a catalogue lists data.
func systemWords() []string { return []string{"系统", "平台", "数据库", "软件", "app"} }

// reviewable lists what is wrong with a draft for submission beyond Check: what compilers of catalogues get wrong most.
func (r *Resource) reviewable() []errs.Field {
	var f faults
	for _, w := range systemWords() {
		f.Need(!strings.HasSuffix(nameKey(r.Name), w), "name", "名称不能是系统名（以“"+w+"”结尾），请写数据的名称", "the name must not be a system's (it ends in “"+w+"”); name the data")
	}
	c := r.Formatted()
	f.Need(c != "", "format", "格式不在指南所列之中，请选择格式分类 format_class", "the format is none of the guide's; state its class in format_class")
	if c != "" && r.Sharing != NotShared {
		for _, m := range r.Modes {
			f.Need(slices.Contains(modesOf(c), m), "modes", "格式分类 "+string(c)+" 不能用方式 "+string(m)+"：文件类只能文件下载，数据库类只能接口查询、核验或批量交换", "the class "+string(c)+" does not go with the mode "+string(m)+": files are downloaded, databases are queried, verified or delivered in batches")
		}
	}
	f.Need(!r.Secret, "secret", "涉及国家秘密的资源不得在本网络发布", "what holds State secrets must not be published on this network")
	if r.Classification != nil {
		_, ok := ParseCode(r.Code, r.ClassCode())
		f.Need(ok, "code", "代码须为“前段码/顺序号”，前段码（或其前 6、10 位平台前缀之后）以类目代码 "+r.ClassCode()+" 开头且不少于 6 位", "the code must be FRONT/SEQUENCE, the front (after a platform's prefix of 6 or 10 digits, if any) beginning with the class code "+r.ClassCode()+" and at least 6 digits long")
	}
	return f
}

// twins lists entries of the department whose name is the same but for punctuation and spaces.
func (s *Service) twins(ctx context.Context, tx *db.Tx, r *Resource) ([]errs.Field, error) {
	same, err := s.kind.Find(ctx, tx, db.In("", r.Department, ""), process.Query{Subject: nameKey(r.Name), Not: r.Code, States: alive(), ByID: true, Limit: 5})
	if err != nil {
		return nil, err
	}
	var f faults
	for i := range same {
		f.Need(false, "name", "与本部门条目 "+same[i].Code+" 同名（仅标点或空格不同）", "the entry "+same[i].Code+" of the department has the same name (but for punctuation or spaces)")
	}
	return f, nil
}

// missing is all that keeps a version from being submitted, told at once.
func (s *Service) missing(ctx context.Context, tx *db.Tx, r *Resource, as []Assessment) ([]errs.Field, error) {
	var f []errs.Field
	if err := r.Check(); err != nil {
		f = append(f, errs.As(err).Fields...)
	}
	f = append(f, r.reviewable()...)
	same, err := s.twins(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	return append(append(f, same...), gates(r, as)...), nil
}

// codeAdvice says that a code is not of the guide's structure. Platforms number their resources in their own ways and
// agreements name those numbers, so that this keeps nobody from publishing; only an entry that states its class below the
// first digit must have a code that says the same (reviewable).
func (r *Resource) codeAdvice() []Advice {
	if _, ok := ParseCode(r.Code, r.ClassCode()); ok {
		return nil
	}
	return []Advice{{
		Code: "code_form", Zh: "代码不是《政务信息资源目录编制指南》的“前段码/顺序号”结构：类 1 位、项 2 位、目 3 位、细目若干位，斜杠后为顺序号",
		En: "the code does not have the structure of the guide of 2017: class 1 digit, group 2, topic 3, detail any number, a slash, a sequence number",
	}}
}

// thin advises on metadata the guide asks for and the law does not.
func (r *Resource) thin() []Advice {
	var out []Advice
	for _, x := range []struct {
		lacks        bool
		name, zh, en string
	}{
		{r.Classification == nil, "classification", "未写明项、目、细目", "group, topic and detail are not stated"},
		{r.Channel == "", "channel", "未写明所在网络", "the network is not stated"},
		{r.OriginSystem == "", "origin_system", "未写明信息所属系统", "the system of origin is not stated"},
	} {
		if x.lacks {
			out = append(out, Advice{Code: "metadata", Item: x.name, Zh: x.zh, En: x.en})
		}
	}
	return out
}
