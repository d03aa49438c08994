// Generated from clients/web by `make page`.
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// <stdin>
var stdin_exports = {};
__export(stdin_exports, {
  RoomState: () => RoomState,
  Texts: () => Texts,
  bigEmoji: () => bigEmoji,
  entryText: () => entryText,
  faceOf: () => faceOf,
  groups: () => groups,
  hue: () => hue,
  initials: () => initials,
  isSaid: () => isSaid,
  matches: () => matches,
  mayHaveLinks: () => mayHaveLinks,
  mentionsIn: () => mentionsIn,
  nameOf: () => nameOf,
  peopleOf: () => peopleOf,
  pictureOf: () => pictureOf,
  previewOf: () => previewOf,
  sameDay: () => sameDay,
  targetsOf: () => targetsOf,
  textOf: () => textOf,
  timeToEdit: () => timeToEdit,
  titleOf: () => titleOf,
  untilMidnight: () => untilMidnight
});
module.exports = __toCommonJS(stdin_exports);

// web/dates.js
var midnight = (at) => new Date(at).setHours(0, 0, 0, 0);
var sameDay = (a, b) => midnight(a) === midnight(b);
var untilMidnight = (now) => new Date(now).setHours(24, 0, 0, 0) - now;

// web/targets.js
var most = 100;
var isSaid = ({ type }) => type === "message" || type === "notice";
var Targets = class {
  constructor(state) {
    this.state = state;
    this.kept = /* @__PURE__ */ new Map();
    const { chat, name } = state;
    const inRoom = (listener) => (event) => event.room === name && listener(event);
    this.stops = [
      ...["edited", "recalled"].map((type) => chat.on(type, inRoom(({ target }) => this.kept.delete(target)))),
      ...["gap", "erased"].map((type) => chat.on(type, inRoom(() => this.kept.clear())))
    ];
  }
  close() {
    for (const stop of this.stops) stop();
  }
  // get returns a message, null if there is none any more, or undefined as long as that is
  // not known: the room changes when it is.
  get(seq) {
    const item = this.state.items.find((item2) => item2.seq === seq);
    if (item) return isSaid(item) ? item : null;
    if (!this.kept.has(seq)) this.load(seq);
    return this.kept.get(seq);
  }
  async load(seq) {
    const { state, kept } = this;
    if (kept.size === most) kept.clear();
    kept.set(seq);
    try {
      const { entries } = await state.chat.history(state.name, { before: seq + 1, limit: 1 });
      const found = entries.find((entry) => entry.seq === seq && isSaid(entry));
      if (kept.has(seq)) kept.set(seq, found != null ? found : null);
      state.changed();
    } catch (e) {
      kept.delete(seq);
    }
  }
};
var targetsOf = (state) => {
  var _a;
  return (_a = state.targets) != null ? _a : state.targets = new Targets(state);
};

// web/text.js
var names = /* @__PURE__ */ new Map();
var maxNames = 1e3;
function nameOf(user) {
  var _a, _b;
  const { id, name } = user != null ? user : {};
  if (!name) return (_b = (_a = names.get(id)) != null ? _a : id) != null ? _b : "?";
  if (names.size === maxNames) names.clear();
  names.set(id, name);
  return name;
}
function initials(user) {
  var _a, _b;
  const words = nameOf(user).replace(/^guest-(\w*(?=\w{4}$))?/, "").split(/[\s._-]+/).filter(Boolean);
  const letters = words.slice(0, 2).map((word) => [...word][0]);
  return (/^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]/u.test((_a = letters[0]) != null ? _a : "") ? letters.join("") : (_b = letters[0]) != null ? _b : "?").toLocaleUpperCase();
}
function hue(user) {
  var _a;
  let sum = 0;
  for (const letter of (_a = user == null ? void 0 : user.id) != null ? _a : "") sum = (sum * 31 + letter.codePointAt(0)) % 4096;
  return sum % 8;
}
function titleOf(about, name, words) {
  var _a;
  if (name[0] === "@") return words.get("own");
  if (!about) return name;
  return about.title || (about.with ? words.name(about.with) : words.get("untitled", { n: (_a = about.size) != null ? _a : 1 }));
}
var faceOf = (about, name, words) => {
  var _a;
  return (_a = about == null ? void 0 : about.with) != null ? _a : { id: name, name: titleOf(about, name, words), avatar: about == null ? void 0 : about.avatar };
};
function pictureOf(user) {
  return typeof (user == null ? void 0 : user.avatar) === "string" && /^https?:\/\/\S+$/i.test(user.avatar) ? user.avatar : void 0;
}
function textOf(body) {
  var _a;
  if (typeof body === "string") return body;
  if (typeof (body == null ? void 0 : body.text) === "string") return body.text;
  return (_a = JSON.stringify(body)) != null ? _a : "";
}
function bigEmoji(text) {
  return text.length < 40 && /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|\u200D\p{Extended_Pictographic})*\s*){1,3}$/u.test(text);
}
var mayHaveLinks = (text) => /[a-z][.:@]|@[a-z]/i.test(text) && /\S[.:@]\S/.test(text);

// web/drafts.js
function timeToEdit({ chat, known }, { own, at, type, state, body, recalled }) {
  var _a, _b;
  const hasText = typeof body === "string" || typeof (body == null ? void 0 : body.text) === "string";
  return own && type === "message" && state === "sent" && !recalled && hasText && (known == null ? void 0 : known.write) ? at + ((_b = (_a = chat.limits) == null ? void 0 : _a.edit) != null ? _b : 0) - chat.now() : 0;
}

// web/groups.js
var together = 5 * 6e4;
function groups(item, before) {
  var _a, _b;
  return (before == null ? void 0 : before.type) === "message" && item.type === "message" && before.own === item.own && ((_a = before.from) == null ? void 0 : _a.id) === ((_b = item.from) == null ? void 0 : _b.id) && nameOf(before.from) === nameOf(item.from) && item.at - before.at < together && sameDay(item.at, before.at);
}

// web/conversation-entry.js
var most2 = 10;
function entryText({ entry, seq }, { items, about }, { words, chat }) {
  var _a;
  if (about == null ? void 0 : about.with) return "";
  const { type, from, users, role, owner, title } = entry;
  const isMe = (user) => {
    var _a2;
    return (user == null ? void 0 : user.id) === ((_a2 = chat.user) == null ? void 0 : _a2.id);
  };
  const name = isMe(from) ? words.get("youSelf") : words.name(from);
  const names2 = (_a = users == null ? void 0 : users.slice(0, most2).map((user) => isMe(user) ? words.get("you") : words.name(user))) != null ? _a : [];
  if ((users == null ? void 0 : users.length) > most2) names2.push(words.get("morePeople", { n: users.length - most2 }));
  const say = (key) => words.get(key, { name, title, users: words.list(names2, (users == null ? void 0 : users.length) > most2 ? "narrow" : void 0), n: names2.length });
  if (type === "info") return say(title ? "saidInfo" : "saidInfoOnly");
  const self = users.length === 1 && users[0].id === (from == null ? void 0 : from.id);
  if (role === "none") {
    const text = say(self ? "saidLeft" : "saidRemoved");
    return owner ? `${text} ${words.get("saidFollows", { name: isMe(owner) ? words.get("youSelf") : words.name(owner) })}` : text;
  }
  if (owner) return say(users.length ? "saidBegan" : "saidBeganAlone");
  if (role !== "member") return say(role === "owner" ? "saidOwner" : "saidAdmin");
  const before = items.filter((item) => {
    var _a2, _b;
    return item.seq < seq && ((_b = (_a2 = item.entry) == null ? void 0 : _a2.users) == null ? void 0 : _b.some(({ id }) => id === users[0].id));
  }).pop();
  if (["admin", "owner"].includes(before == null ? void 0 : before.entry.role)) return say(self ? "saidStepped" : "saidNoAdmin");
  return say(self ? "saidCame" : "saidAdded");
}

// web/known.js
var most3 = 500;
function matches(user, text, words) {
  const wanted = text.trim().toLocaleLowerCase();
  return words.name(user).toLocaleLowerCase().includes(wanted) || user.id.toLocaleLowerCase().startsWith(wanted);
}
async function peopleOf({ chat, name, about }) {
  var _a;
  if (about == null ? void 0 : about.with) return [about.with];
  if (!about) return (await chat.who(name)).users;
  const people = [];
  let page;
  do {
    page = await chat.members(name, { after: (_a = people[people.length - 1]) == null ? void 0 : _a.id });
    people.push(...page.users.map(({ user }) => user));
  } while (page.more && people.length < most3);
  return people;
}
function mentionsIn({ called = {} }, text) {
  const ids = new Set(Object.keys(called).filter((name) => text.includes(name)).map((name) => called[name]));
  return ids.has("*") ? ["*"] : ids.size ? [...ids].slice(0, 50) : void 0;
}

// web/preview.js
var kinds = { __proto__: null, image: "anImage", voice: "aVoice", video: "aVideo", file: "aFile", place: "aPlace", card: "aCard" };
function previewOf({ body }, words) {
  const key = kinds[body == null ? void 0 : body.type];
  const kind = key && words.get(key);
  const text = kind && typeof body.text !== "string" ? "" : textOf(body);
  return [kind && `[${kind}]`, text].filter(Boolean).join(" ").slice(0, 200);
}

// web/room-state.js
var import_timeline = require("./chat");

// web/window.js
var most4 = 120;
var step = 40;
var Window = class {
  constructor() {
    this.from = this.to = 0;
    this.follows = true;
  }
  // apply takes a change of the list: at index, removed items were replaced by added ones.
  // What is inserted above the window, or at its top, is not drawn before earlier().
  apply(index, removed, added, length) {
    const grown = added - removed;
    if (index < this.from || index === 0 && !removed) this.from = Math.max(0, Math.min(this.from + grown, length));
    if (this.follows) return this.toEnd(length);
    if (index < this.to) this.to += grown;
    this.to = Math.max(this.from, Math.min(this.to, length));
    this.from = Math.max(this.from, this.to - most4);
  }
  toEnd(length) {
    this.follows = true;
    this.to = length;
    this.from = Math.min(Math.max(this.from, length - most4), Math.max(0, length - 1));
  }
  // begin draws the newest items only.
  begin(length) {
    this.from = Math.max(0, length - most4 / 2);
    this.toEnd(length);
  }
  // around draws the item at index and its neighbours.
  around(index, length) {
    this.follows = false;
    this.from = Math.max(0, index - step / 2);
    this.to = Math.min(length, this.from + most4);
  }
  // earlier and later move the window, and report whether they did.
  earlier(length) {
    if (this.from === 0) return false;
    this.from = Math.max(0, this.from - step);
    this.to = Math.min(this.to, this.from + most4);
    if (this.to < length) this.follows = false;
    return true;
  }
  later(length) {
    if (this.to >= length) return false;
    this.to = Math.min(length, this.to + step);
    this.from = Math.max(this.from, this.to - most4);
    return true;
  }
};

// web/room-state.js
var typingTimeout = 6e3;
var keep = 300;
var RoomState = class {
  constructor(chat, name, changed) {
    this.chat = chat;
    this.name = name;
    this.changed = changed;
    this.window = new Window();
    this.timeline = new import_timeline.Timeline(chat, name, (index, removed, added) => this.applyChange(index, removed, added), ["member", "info"]);
    this.window.begin(this.timeline.items.length);
    this.typing = /* @__PURE__ */ new Map();
    this.draft = "";
    this.taken = /* @__PURE__ */ new Map();
    this.divideAfter = void 0;
    this.seen = 0;
    this.visited = false;
    this.placed = false;
    this.refusal = void 0;
    this.gap = false;
    this.mutedUntil = 0;
    this.loading = void 0;
    this.stuck = false;
    this.governed = 0;
    this.expected = void 0;
  }
  close() {
    var _a;
    this.timeline.close();
    (_a = this.targets) == null ? void 0 : _a.close();
    for (const { timer } of this.typing.values()) clearTimeout(timer);
  }
  // known is what the client knows of the room.
  get known() {
    return this.chat.rooms.get(this.name);
  }
  get items() {
    return this.timeline.items;
  }
  // about is what is known of the conversation that the room is: its row, or its state.
  get about() {
    var _a, _b;
    const { known } = this;
    return (_b = (_a = this.chat.list) == null ? void 0 : _a.get(this.name)) != null ? _b : (known == null ? void 0 : known.role) ? known : this.expected;
  }
  applyChange(index, removed, added) {
    this.window.apply(index, removed, added.length, this.items.length);
    for (const { from } of added) this.stopTyping(from);
    this.changed();
  }
  // older loads history, once at a time. It resolves to whether there may be more.
  older(limit = 50) {
    var _a, _b;
    if (!this.timeline.more || this.chat.state !== "online" || !((_a = this.known) == null ? void 0 : _a.live)) return Promise.resolve(false);
    (_b = this.loading) != null ? _b : this.loading = this.timeline.older(limit).then(() => this.timeline.more, ({ retry }) => {
      this.stuck = true;
      if (retry !== false) setTimeout(() => {
        this.stuck = false;
        this.changed();
      }, Math.max(retry, 1e3));
      return false;
    }).finally(() => {
      this.loading = void 0;
      this.changed();
    });
    return this.loading;
  }
  // hide is called when another room is shown.
  hide() {
    this.placed = false;
    this.divideAfter = void 0;
    this.trim();
  }
  // firstUnread returns the index of the first item that is unread, or -1. The user's own
  // messages are read, even if the server's mark follows later.
  firstUnread() {
    return this.divideAfter === void 0 ? -1 : this.items.findIndex((item) => item.seq > this.divideAfter && counts(item));
  }
  // below returns how many messages of others follow what was in sight.
  below() {
    const { items } = this;
    let count = 0;
    for (let i = items.length - 1; i >= 0 && !(items[i].seq <= this.seen); i--) if (items[i].seq && counts(items[i])) count++;
    return count;
  }
  trim() {
    if (this.window.follows && this.items.length > 2 * keep) this.timeline.trim(keep);
  }
  startTyping(from) {
    this.stopTyping(from);
    const timer = setTimeout(() => {
      this.stopTyping(from);
      this.changed();
    }, typingTimeout);
    this.typing.set(from.id, { timer, from });
    this.changed();
  }
  stopTyping(from) {
    var _a;
    clearTimeout((_a = this.typing.get(from == null ? void 0 : from.id)) == null ? void 0 : _a.timer);
    this.typing.delete(from == null ? void 0 : from.id);
  }
  noteMuted(duration) {
    this.mutedUntil = duration === void 0 ? Infinity : duration && this.chat.now() + duration;
    this.changed();
  }
};
var counts = ({ type, own, quiet }) => !own && !quiet && /^(message|notice)$/.test(type);

// web/texts.js
var Texts = class {
  constructor(table, language, fallback = table) {
    this.table = flat(table);
    this.fallback = flat(fallback);
    this.builtIn = language;
    this.language = table.language;
    try {
      this.plural = new PluralRules(this.language);
    } catch (e) {
      this.plural = new PluralRules(this.language = "en");
    }
    this.compare = (a, b) => this.name(a).localeCompare(this.name(b), this.language);
    this.direction = table.direction;
  }
  get(key, values = {}) {
    var _a, _b;
    let text = (_a = this.table[key]) != null ? _a : this.fallback[key];
    if (typeof text === "object") text = (_b = text[this.plural.select(values.n)]) != null ? _b : text.other;
    return String(text).replace(/\{(\w+)\}/g, (_, name) => {
      var _a2;
      return (_a2 = values[name]) != null ? _a2 : "";
    });
  }
  // error returns what a code of the protocol or of the client means.
  error(code) {
    var _a, _b;
    const errors = { ...this.fallback.errors, ...this.table.errors };
    return String((_b = errors[code]) != null ? _b : this.asked ? (_a = errors.other) != null ? _a : code : this.get("loading"));
  }
  // name returns what a user is called. The server may not know the name of a guest: the end of
  // the id tells such guests apart.
  name(user) {
    return nameOf(user).replace(/^guest-\w*(?=\w{4}$)/, `${this.get("guest")} `);
  }
  // list returns names as one text; in the style narrow without an "and" where that can be.
  list(names2, style) {
    return new Intl.ListFormat(this.language, { style }).format(names2);
  }
};
var flat = (table) => {
  var _a;
  return { ...table, ...table.later, errors: { ...table.errors, ...(_a = table.later) == null ? void 0 : _a.errors } };
};
class PluralRules {
  select(n) {
    return n === 1 ? 'one' : 'other'
  }
}
