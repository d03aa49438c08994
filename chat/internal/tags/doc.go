// Package tags is what messages are tagged with: reactions of users, marks that belong to
// the message, and pins. All of it are records, written in the commit of the entry that
// says so.
//
// # Records
//
//	tag\0{room}\0{seq}\0{user}\0{tag}  the value; the user is empty for a shared tag
//	pin\0{room}\0{seq}                 empty: the message has the shared tag pin
//
// A seq has 16 hexadecimal digits, so the tags of a page lie together.
//
// # Files, lowest first
//
//	records.go  the keys, and what is pinned
//	change.go   a tag is set or removed; all tags of a message, or of a room, are erased
//	message.go  the tags of one message, as they are shown
//	loading.go  reading them, and what of a page they leave room for
//	page.go     the tags of pages
//	sweep.go    tags that nobody is shown any more are deleted
//	daily.go    that is done once a day, and soon where somebody has tagged
//	kept.go     tags in exports
package tags
