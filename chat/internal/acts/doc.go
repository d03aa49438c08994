// Package acts is who acts in a hub, and what they may do: the one step that every act
// goes through, whichever door its actor came by.
//
// An act is a method of a Turn, which is an actor for whom a frame, a request or a
// handshake was charged. It takes a context, and asks the policies, the sanctions and the
// journal. What it refuses is a *wire.Error; each door says that in its own words.
// Nothing above this package asks any of these by itself.
//
// # Files, lowest first
//
//	settings.go   settings, counters, and what acts take and return
//	core.go       what every act needs
//	actor.go      who acts, and what they may do
//	turn.go       connections and frames: what comes before an act
//	key.go        keys of the site: acts in their own name and in others'
//	standing.go   what one is in a room, and changes of that
//	check.go      asking the checks of the site
//	signin.go     act: to say who one is
//	moderate.go   acts: mute, ban, kick, sign out
//	reading.go    the one step of every read: what it costs, and whose view it is; act: history
//	recent.go     act: to read what a raw client hears first
//	unread.go     act: to move the read mark; what is unread
//	list.go       acts: the list of conversations
//	join.go       acts: join, catch up, who
//	publish.go    act: publish
//	change.go     acts: to recall a message, to edit it, to tag it
//	conversation.go  acts: to found a conversation, to change its members or its name
//	erase.go      acts: to erase a room, or a user
//	start.go      the start of all this, its end, and operators
package acts
