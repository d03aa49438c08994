// Package access says who may do what: who somebody is, what policies permit in
// which rooms, who is muted or banned, from which web pages one may connect, and
// how fast one may act. It does no I/O; the hub keeps in its journal what must
// survive a restart.
//
// Who writes an authenticator of their own needs [Authenticator], [Credential]
// and [Identity].
//
// # Files, lowest first
//
//	sweep.go      forgetting what no longer matters
//	person.go     whom rates and shares count as one; addresses and networks
//	rate.go       rates: token buckets of persons and addresses
//	origins.go    web pages that may connect
//	names.go      names of rooms and ids of users that belong to the server
//	pattern.go    patterns of room names
//	shown.go      a user's name and picture: what clients may be sent
//	identity.go   who somebody is, and how that is found out
//	role.go       what a user is in a conversation
//	subject.go    sets of users that policies name
//	policy.go     what policies permit somebody in a room
//	validate.go   what is wrong with policies; rooms that users found
//	key.go        what the site's own programs may do
//	sanctions.go  mutes and bans
package access
