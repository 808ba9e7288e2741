package evidence

import (
	"github.com/kuayu/kuayu/internal/text"
	"github.com/kuayu/kuayu/support/seal"
)

// Bounds of the texts of a fact, in bytes. They keep whatever was sealed within what a database can index.
const (
	maxKind  = 128
	maxActor = 256
	maxShort = 1 << 10 // every other text that is shown in lists
	maxNote  = 4 << 10
)

// CheckText refuses a fact whose text no projection could take: what is not valid UTF-8, holds control characters or is too
// long. It is asked before a fact is sealed and when another member's comes in; a log from before is read without it.
func CheckText(f *seal.Fact, h *Header) error {
	for _, x := range []struct {
		name text.Name
		s    string
		most int
	}{
		{text.Name{En: "The id of the fact", Zh: "事实编号"}, f.ID, seal.MaxField},
		{text.Name{En: "The kind of the fact", Zh: "事实种类"}, f.Kind, maxKind},
		{text.Name{En: "The department of the fact", Zh: "事实所属部门"}, f.Actor.Department, maxActor},
		{text.Name{En: "The officer of the fact", Zh: "事实经办人"}, f.Actor.Officer, maxActor},
		{text.Name{En: "The member addressed", Zh: "收件成员"}, h.To, maxActor},
		{text.Name{En: "The department addressed", Zh: "收件部门"}, h.ToDept, maxActor},
		{text.Name{En: "The route", Zh: "路由"}, h.Route, 4 * maxShort},
		{text.Name{En: "The subject", Zh: "事项"}, h.Subject, maxShort},
		{text.Name{En: "The agreement", Zh: "协议编号"}, h.Agreement, maxShort},
		{text.Name{En: "The request answered", Zh: "所答复的请求"}, h.Request, seal.MaxField},
		{text.Name{En: "The hash of the request", Zh: "请求摘要"}, h.ReqHash, maxActor},
		{text.Name{En: "The outcome", Zh: "结果代码"}, h.Outcome, maxActor},
		{text.Name{En: "The digest", Zh: "摘要"}, h.Digest, maxActor},
		{text.Name{En: "The media type", Zh: "媒体类型"}, h.MediaType, maxActor},
		{text.Name{En: "The content", Zh: "内容摘要"}, h.Content, maxActor},
		{text.Name{En: "The purpose", Zh: "用途"}, h.Purpose, maxShort},
	} {
		if err := text.Check(x.name, x.s, x.most); err != nil {
			return err
		}
	}
	for _, s := range h.Policies {
		if err := text.Check(text.Name{En: "A policy", Zh: "策略"}, s, maxShort); err != nil {
			return err
		}
	}
	for _, s := range h.Subjects {
		if err := text.Check(text.Name{En: "A person concerned", Zh: "当事人摘要"}, s, maxActor); err != nil {
			return err
		}
	}
	return text.Block(text.Name{En: "The note", Zh: "备注"}, h.Note, maxNote)
}
