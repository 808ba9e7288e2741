package federation

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrConstitution = errs.Define(errs.Invalid, "federation.constitution", "章程不合格：%[2]v。", "The constitution is not valid: %[1]v.")
	ErrChange       = errs.Define(errs.Invalid, "federation.change", "章程变更有不合格之处，请按各项提示更正后重新提出。", "The change of the constitution is not acceptable; correct what is named and propose it again.")
	ErrQuorum       = errs.Define(errs.Precondition, "federation.quorum", "章程第 %d 版只有 %d 个有效签名，需要 %d 个。", "Version %d of the constitution has %d valid signatures and needs %d.")
	ErrVoted        = errs.Define(errs.Conflict, "federation.voted", "本成员已为章程第 %d 版签过另一份文件；同一版本只能签一份。", "This member has signed another document of version %d; it signs only one of each version.")
	ErrNotVoter     = errs.Define(errs.Denied, "federation.not_voter", "本成员不是表决成员，不能提议或批准章程变更。", "This member is not a voter and cannot propose or approve changes of the constitution.")
	ErrStatement    = errs.Define(errs.Invalid, "federation.statement", "成员声明不合格：%[2]v。", "The member statement is not valid: %[1]v.")
	ErrNotMember    = errs.Define(errs.Denied, "federation.not_member", "%v 不是（或已不再是）章程中的成员，不能交换。", "%v is not, or no longer, a member under the constitution; exchange is refused.")
	ErrUnknownKey   = errs.Define(errs.Denied, "federation.unknown_key", "成员 %v 的声明中没有这个日志的密钥，或密钥在该时间已失效。", "The statement of member %v has no key for this log that was valid at that time.")
	ErrNoRekey      = errs.Define(errs.Precondition, "federation.no_rekey", "没有等待启用的新密钥。请先运行 kuayu rekey request。", "No new keys wait here. Run kuayu rekey request first.")
	ErrNoStatement  = errs.Define(errs.Unavailable, "federation.no_statement", "尚未收到成员 %v 的声明，收到后会自动继续。", "No statement of member %v has arrived yet; this goes on by itself when it has.")
	ErrAhead        = errs.Define(errs.Unavailable, "federation.ahead", "提案所依据的章程版本尚未到达本节点，稍后会自动继续。", "The version of the constitution that the proposal follows has not arrived here yet; this goes on by itself.")
	ErrExpired      = errs.Define(errs.Precondition, "federation.expired", "章程已过有效期，只能交换，不能变更成员。请提议新版本。", "The constitution has expired: exchange goes on in the grace period, changes of membership do not. Propose a new version.")
	ErrNoNode       = errs.Define(errs.Precondition, "federation.no_node", "数据目录里还没有节点。请先运行 kuayu init。", "There is no node in this folder. Run kuayu init first.")
	ErrExists       = errs.Define(errs.Conflict, "federation.exists", "数据目录里已经有一个节点，未做改动。", "There is a node in this folder already; nothing was changed.")
	ErrOffence      = errs.Define(errs.Denied, "federation.offence", "成员 %v 为章程第 %d 版签了两份不同的文件，这是可证明的违规。", "Member %v has signed two different documents of version %d, a provable offence.")
	ErrNoProposal   = errs.Define(errs.NotFound, "federation.no_proposal", "没有这份提案。", "There is no such proposal.")
)
