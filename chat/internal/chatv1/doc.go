// Package chatv1 is the dialect chat.v1, as PROTOCOL.md describes it: it turns the
// frames of one client into acts of the hub, and their results into frames.
//
// # Files, lowest first
//
//	host.go      what the hub does for a session
//	session.go   the session: answering, errors, the end
//	conversations.go  create, member, members, info, list, set
//	rooms.go     hello's rooms, join, leave, who
//	hello.go     signing in, and the end of the token
//	messages.go  send, recall, typing, history, read
//	dispatch.go  receiving a frame; which command it is; mute, kick, ban
package chatv1
