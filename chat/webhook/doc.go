// Package webhook sends what happens in the rooms of a journal to a site's own servers:
// at least once, in each room's order, signed as Standard Webhooks 1.0 says. It is public
// without a promise of compatibility, but for Verify.
//
// A webhook has a position in each part of the journal's feed. The position is a record of
// the journal, and moves when the receiver has answered with a status from 200 to 299. So
// the journal is the only queue, and a receiver that is slow or away holds up nobody else.
//
// # Files, lowest first
//
//	signature.go  secrets, signatures, and Verify for receivers
//	hook.go       Hook: the settings of a webhook
//	request.go    one request, and what its answer means
//	checker.go    Checker: asks a program of the site if something may be shown
//	figures.go    what a webhook's consumers share: its settings, and what it has done
//	lease.go      the record of a webhook: its position, and the node that has it
//	consumer.go   one part of the feed for one webhook: its position and its lease
//	trouble.go    what a consumer does when a batch is not accepted
//	run.go        the work of a consumer: it reads, sends and moves on
//	sender.go     Sender: all webhooks of a hub
//	status.go     what an operator sees of webhooks, and moving one back
package webhook
