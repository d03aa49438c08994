// Package chatv1 is the dialect chat.v1, as PROTOCOL.md describes it: it turns the
// frames of one client into acts of the hub, and their results into frames.
//
// # Files, lowest first
//
//	host.go      what the hub does for a session
//	lines.go     the commands that wait while checks are asked
//	session.go   the session: answering, errors, the end
//	conversations.go  create, member, members, info, list, set
//	rooms.go     hello's rooms, join, leave, who
//	hello.go     signing in, and the end of the token
//	messages.go  send, recall, typing, history, read
//	dispatch.go  which command it is; mute, kick, ban
//	receive.go   receiving a frame, and the order in which commands are carried out
package chatv1
