// Package move carries all that a journal keeps into another journal, of whatever kind, by way of
// lines of JSON. Epochs, numbers, counts and records are the same there, so clients go on without a gap.
//
// # The lines
//
// Each line is an object with one field that says what it is, and the field sum: the CRC-32C, in
// hexadecimal, of all lines up to there, without their fields sum and their ends. So a line that is
// damaged, missing or in another place is noticed at once.
//
//	export   the first line: version, epoch, position, how many rooms and entries follow
//	room     a room: name, epoch, first and last number, and what its head says beside that
//	entry    an entry of the room above
//	record   a record: key, value, and the seq and count of its stamp
//	end      the last line: how many rooms, entries and records there were
//
// A text that is not UTF-8 is {"bytes": its base64}. What is zero or empty is absent.
//
// Not in the lines: keys of messages that are no longer kept, and the feed. Who reads the feed is told
// that entries were lost.
//
// # Files, lowest first
//
//	line.go     lines, and what stands in them
//	progress.go how far an export or import has come
//	state.go    what a journal says of an import into it
//	export.go   Export
//	import.go   Import
package move
