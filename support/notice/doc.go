// Package notice tells officers what waits for them: an inbox in the node, mail, and web-hooks.
//
// A package puts a notice into the transaction of the act that caused it; the inbox is therefore complete whatever happens
// to mail servers and receivers. Mail and web-hooks leave through the queue, at least once, with retries, and carry one
// identifier each, by which a receiver knows what it has already seen.
//
// Invariants:
//   - A notice is for one department and some of its roles, or for a role that looks after the whole node (the
//     authority, the operator). Nobody else sees it (invariant 9).
//   - Texts are made from the templates of Kinds, and of nothing but the bounded parameters of Params: which matter, which
//     resource, which member, until when. No text that an applicant wrote, no reason, nothing about a person leaves the
//     node by mail or web-hook.
//   - No parameter can start a new line, and so no header of a mail.
//
// It is no chat and no task list: what is to be done stands in the package of the matter, to which Link leads.
package notice
