package main

import (
	"github.com/kuayu/kuayu/internal/errs"
)

// The errors of single commands; those of all are in cmd/cli.
var (
	ErrReceipt = errs.Define(errs.Invalid, "cli.receipt", "回执无效（%[1]v）：%[3]v", "The receipt is not valid (%[1]v): %[2]v")
	ErrOther   = errs.Define(errs.Internal, "cli.other_fact", "节点给出的不是 %v 的回执，而是 %v 的，未保存。请告知运维人员。", "The node gave no receipt of %v but one of %v; it was not kept. Tell the operator of the node.")
	ErrFaults  = errs.Define(errs.Precondition, "cli.faults", "发现 %d 处问题，详见上文。", "%d faults were found; they are listed above.")
	ErrSilent  = errs.Define(errs.Unavailable, "cli.members", "%d 个成员没有应答，详见上文。", "%d members did not answer; they are listed above.")
	ErrBroken  = errs.Define(errs.Unavailable, "cli.broken", "数据流在结束前中断，已收到的内容不完整，请重试。", "The stream broke off before its end; what arrived is incomplete. Try again.")
)
