package httpapi

import (
	"slices"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// schema is a JSON Schema (2020-12), as OpenAPI 3.1 has them.
type schema = map[string]any

// fields are the members of an object: the name, with ! behind it if it is required, and
// its schema.
type fields = map[string]schema

// object returns the schema of an object with these members and no others.
func object(of fields) schema {
	properties, required := map[string]any{}, []string{}
	for name, s := range of {
		if n := len(name) - 1; name[n] == '!' {
			name = name[:n]
			required = append(required, name)
		}
		properties[name] = s
	}
	slices.Sort(required)
	return schema{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func text(most int) schema { return schema{"type": "string", "maxLength": most} }

func number(least uint64) schema {
	return schema{"type": "integer", "minimum": least, "maximum": uint64(wire.MaxSeq)}
}

func list(of schema, least, most int) schema {
	return schema{"type": "array", "items": of, "minItems": least, "maxItems": most}
}

func listOf(name string) schema { return schema{"type": "array", "items": ref(name)} }

func ref(name string) schema { return schema{"$ref": "#/components/schemas/" + name} }

func described(s schema, what string) schema {
	s["description"] = what
	return s
}

var (
	flag   = schema{"type": "boolean"}
	yes    = schema{"type": "boolean", "const": true}
	any_   = schema{}
	millis = schema{"type": "integer", "minimum": 0}
	userID = text(wire.MaxUser)
	roomID = text(wire.MaxRoom + 1)
	role   = schema{"type": "string", "enum": []string{"member", "admin", "owner", "none"}}
)

// said are the fields of a message that is sent.
var said = fields{
	"body!": described(schema{}, "any JSON value; by convention an object with text"), "reply": number(1),
	"mentions": list(userID, 0, wire.MaxMentions), "quiet": flag,
	"notice": described(schema{"type": "boolean"}, "a notice and no message; for keys"),
}

// and returns all fields of several lists.
func and(lists ...fields) fields {
	all := fields{}
	for _, of := range lists {
		for name, s := range of {
			all[name] = s
		}
	}
	return all
}

// shapes are what answers and their parts look like.
var shapes = map[string]schema{
	"User":     object(fields{"id!": userID, "name!": text(wire.MaxName), "avatar": text(wire.MaxAvatar), "guest": yes, "bot": yes}),
	"Created":  object(fields{"room!": roomID, "duplicate!": flag}),
	"Recorded": object(fields{"room!": roomID, "seq": number(1), "at": millis, "duplicate!": flag}),
	"Done":     object(fields{"room": roomID}),
	"Marked":   object(fields{"room!": roomID, "seq!": number(0), "unread!": number(0)}),
	"Room": object(fields{
		"room!": roomID, "epoch!": text(wire.MaxEpoch), "last!": number(0), "read!": number(0), "unread!": number(0),
		"write!": flag, "moderate!": flag, "pins": schema{"type": "array", "items": number(1)},
		"title": text(wire.MaxTitle), "avatar": text(wire.MaxAvatar), "about": text(wire.MaxAbout), "closed": yes,
		"role": role, "size": number(0), "with": ref("User"),
	}),
	"Members": object(fields{"room!": roomID, "users!": listOf("Member"), "size!": number(0), "more!": flag}),
	"Member":  object(fields{"user!": ref("User"), "role!": role, "since!": number(0), "read": number(1)}),
	"List":    object(fields{"rows!": listOf("Row"), "next": text(wire.MaxNext), "more!": flag}),
	"Row": object(fields{
		"room!": roomID, "gone": yes, "title": text(wire.MaxTitle), "avatar": text(wire.MaxAvatar), "closed": yes, "size": number(0),
		"epoch": text(wire.MaxEpoch), "last": number(0), "at": millis, "count": number(0), "entry": ref("Entry"), "cut": yes,
		"role": role, "with": ref("User"), "read": number(0), "unread": number(0), "mention": number(1),
		"notify": flag, "top": flag, "hidden": yes, "block": yes,
	}),
	"Page": object(fields{"room!": roomID, "epoch!": text(wire.MaxEpoch), "entries!": listOf("Entry"), "more!": flag}),
	"Entry": described(schema{
		"type": "object", "required": []string{"type", "room", "seq", "at"},
		"properties": map[string]any{
			"type": schema{"type": "string", "enum": []string{"message", "recalled", "notice", "member", "info", "edited", "tagged"}},
			"room": roomID, "seq": number(1), "at": millis, "from": ref("User"), "via": text(wire.MaxID), "key": text(wire.MaxKey),
			"reply": number(1), "mentions": schema{"type": "array", "items": userID}, "quiet": yes, "body": any_, "recalled": yes,
			"edited": number(1), "target": number(0), "tags": listOf("Tag"),
		},
		"additionalProperties": true,
	}, "an entry of a room; the protocol has the further fields of each type"),
	"Tag":  object(fields{"tag!": text(wire.MaxTag), "value": any_, "users": number(0), "mine": flag, "some": schema{"type": "array", "items": userID}}),
	"Tags": object(fields{"room!": roomID, "seq!": number(1), "tags!": listOf("Tag")}),
	"Results": object(fields{"results!": described(schema{"type": "array", "items": schema{"anyOf": []any{ref("Recorded"), ref("Problem")}}},
		"what answers each message, in the order of the request")}),
	"Known": described(object(fields{"id!": userID, "name": text(wire.MaxName), "avatar": text(wire.MaxAvatar), "online!": flag, "seen": millis}),
		"seen is when the user came or left last, in Unix milliseconds"),
	"Presence":   object(fields{"users!": listOf("Known")}),
	"SignedOut":  object(fields{"user!": userID, "sessions!": number(0)}),
	"Login":      object(fields{"token!": schema{"type": "string"}, "expires!": millis, "user!": ref("User")}),
	"ErasedRoom": object(fields{"room!": roomID, "entries!": number(0), "marks!": number(0), "members!": number(0), "sessions!": number(0)}),
	"ErasedUser": object(fields{
		"user!": userID, "messages!": number(0), "rooms!": number(0), "marks!": number(0), "tags!": number(0), "left!": number(0), "sessions!": number(0), "names!": number(0),
		"records!": described(number(0), "others: what is shown of the user, when they were here, settings and mentions of their list, their own room"),
		"entries!": described(number(0), "entries that still have the user's id as that of their sender, found while messages were erased"),
	}),
	"Events": object(fields{"epoch!": text(wire.MaxEpoch), "from!": schema{"type": "string"}, "to!": schema{"type": "string"}, "events!": listOf("Event")}),
	"Event":  described(object(fields{"entry": ref("Entry"), "gap": ref("Gap"), "event": ref("OtherEvent")}), "one of these"),
	"OtherEvent": described(object(fields{
		"type!": schema{"type": "string"}, "at!": schema{"type": "integer"}, "id!": schema{"type": "string"}, "room": roomID, "user": userID,
		"seq": number(0), "users": list(userID, 1, 100), "check": text(256), "act": text(32), "by": text(wire.MaxUser), "via": text(256),
		"for": schema{"type": "integer"}, "webhook": text(256),
	}), "what is no entry of a room"),
	"Gap": described(object(fields{
		"room": roomID, "from!": schema{"type": []string{"string", "integer"}}, "to!": schema{"type": []string{"string", "integer"}},
	}), "what cannot be read any more: entries of a room by their numbers, or everything between two positions"),
	"Problem": object(fields{
		"title!": text(64), "status!": schema{"type": "integer"}, "detail!": text(1024), "code!": text(32), "field": text(256),
		"uncertain": yes, "retry!": described(schema{"type": []string{"integer", "boolean"}}, "milliseconds, or false: never"),
	}),
}
