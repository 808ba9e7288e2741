package evidence

import "github.com/kuayu/kuayu/internal/errs"

// The errors of this package.
var (
	ErrDown         = errs.Define(errs.Unavailable, "evidence.down", "本节点暂时无法写入存证，交换已停止。请检查磁盘空间、文件句柄与存证目录；处理后自动恢复，无需重启。", "This node cannot write evidence, so exchange has stopped. Check disk space, file handles and the evidence folder; it goes on by itself, without a restart.")
	ErrCorrupt      = errs.Define(errs.Internal, "evidence.corrupt", "存证文件损坏：%v。请运行 kuayu evidence fsck，并从备份或其他成员恢复。", "An evidence file is damaged: %v. Run kuayu evidence fsck and restore from backup or peers.")
	ErrFork         = errs.Define(errs.Denied, "evidence.fork", "成员 %v 的日志与此前见过的不一致：历史被改写或分叉。已停止与其交换，请联系该成员与审计人员。", "The log of member %v contradicts what was seen before: history was rewritten or forked. Exchange with it has stopped; contact that member and the auditors.")
	ErrCheckpoint   = errs.Define(errs.Invalid, "evidence.checkpoint", "检查点无法验证（%v）。", "The checkpoint cannot be verified (%v).")
	ErrStaleProof   = errs.Define(errs.Conflict, "evidence.stale_proof", "一致性证明的起点不是本节点最后见到的大小 %d，请按此大小重发。", "The consistency proof does not start at the size last seen here, %d; send it again from there.")
	ErrNoFact       = errs.Define(errs.NotFound, "evidence.no_fact", "没有找到这条事实，或您无权查看。", "No such fact, or it does not concern you.")
	ErrReceipt      = errs.Define(errs.Invalid, "evidence.receipt", "回执验证失败：%[2]v。", "The receipt does not verify: %[1]v.")
	ErrErased       = errs.Define(errs.NotFound, "evidence.erased", "这条事实的内容已依法销毁，只剩承诺值。", "The content of this fact was destroyed; only its commitment remains.")
	ErrTooLarge     = errs.Define(errs.Invalid, "evidence.too_large", "事实正文超过 4 MiB，请缩小请求。", "The body of a fact is over 4 MiB; make the request smaller.")
	ErrUnknownActor = errs.Define(errs.Invalid, "evidence.actor", "事实的行为人过长或不合格式。", "The actor of the fact is malformed.")
	ErrCursor       = errs.Define(errs.Invalid, "evidence.cursor", "翻页游标无效，请从第一页重新查看。", "The cursor of the page is not valid; begin at the first page.")
)
