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

// timeline.js
var timeline_exports = {};
__export(timeline_exports, {
  Timeline: () => Timeline
});
module.exports = __toCommonJS(timeline_exports);

// timer.js
var lateAfter = 5e3;
var maxDelay = 2 ** 31 - 1;
var Timer = class {
  constructor(clock) {
    this.clock = clock;
  }
  // set calls run(late) after delay milliseconds. late is true if the app was
  // suspended in the meantime. What is no time counts as a minute.
  set(delay, run) {
    this.clear();
    if (!(delay > 0 || delay === 0)) delay = 6e4;
    const wait = Math.min(delay, maxDelay);
    if (wait !== delay) {
      this.handle = this.clock.setTimeout(() => this.set(delay - wait, run), wait);
      return;
    }
    const due = this.clock.now() + wait;
    this.handle = this.clock.setTimeout(() => {
      this.handle = void 0;
      run(this.clock.now() - due > lateAfter);
    }, wait);
  }
  clear() {
    this.clock.clearTimeout(this.handle);
    this.handle = void 0;
  }
};

// timeline.js
var slack = 5e3;
var maxCalm = 6e4;
var Timeline = class {
  constructor(chat, room, change = () => {
  }, types = []) {
    var _a;
    this.types = ["message", "notice", ...types];
    this.chat = chat;
    this.room = room;
    this.change = change;
    this.loads = 0;
    this.timer = new Timer(chat.clock);
    this.row = (_a = chat.list) == null ? void 0 : _a.get(room);
    this.reset();
    this.items = chat.outbox.messages.filter((message) => message.room === room).map((message) => this.makeItem(message));
    const inRoom = (listener) => (event) => {
      if (event.room === room) listener(event);
    };
    this.stops = [
      ...[...this.types, "recalled", "edited", "tagged"].map((type) => chat.on(type, inRoom((entry) => this.receive(entry)))),
      chat.on("outbox", inRoom((message) => this.updateOwn(message))),
      chat.on("room", inRoom((room2) => this.roomLive(room2))),
      chat.on("erased", inRoom(({ user }) => this.erase(user))),
      chat.on("gap", inRoom(() => this.restart())),
      chat.on("list", (list) => this.checkCleared(list.get(room)))
    ];
  }
  close() {
    for (const stop of this.stops) stop();
    this.stops = [];
    this.timer.clear();
  }
  // more reports whether there may be older messages to load.
  get more() {
    return !this.complete && this.first !== 1;
  }
  // older loads history before the oldest item, and resolves to the number of items
  // that it added.
  async older(limit) {
    this.loads++;
    try {
      return await this.load(limit);
    } finally {
      if (!--this.loads) this.missed.clear();
    }
  }
  async load(limit) {
    var _a, _b, _c;
    const { generation, first: before } = this;
    const tagged = this.told();
    const batch = await this.chat.history(this.room, { before, limit });
    const known = (_a = this.chat.rooms.get(this.room)) == null ? void 0 : _a.epoch;
    if (generation !== this.generation || known !== void 0 && known !== batch.epoch) return 0;
    (_b = this.epoch) != null ? _b : this.epoch = batch.epoch;
    if (this.epoch !== batch.epoch) {
      this.restart();
      return 0;
    }
    const newest = (_c = batch.entries[batch.entries.length - 1]) == null ? void 0 : _c.seq;
    if (before !== this.first && (newest != null ? newest : 0) < this.first - 1) return 0;
    this.complete = !batch.more || newest === void 0;
    const had = this.placed;
    for (const entry of batch.entries.reverse()) this.insert(entry, Math.max(tagged, newest));
    for (const entry of [...this.missed.values()]) this.amend(entry, true);
    return this.placed - had;
  }
  // trim removes the oldest items with a seq, except the newest keep of them.
  trim(keep) {
    const excess = this.placed - keep;
    if (excess <= 0) return;
    this.placed = keep;
    this.generation = {};
    this.complete = false;
    this.first = keep ? this.items[excess].seq : void 0;
    this.splice(0, excess, []);
  }
  // checkOrder is called with the next seq of the room. After a join that seq may
  // not follow the list; then the list restarts. Later ones always follow.
  checkOrder(seq) {
    const room = this.chat.rooms.get(this.room);
    if (!room) return;
    if (this.joinedRoom !== room) {
      this.joinedRoom = room;
      const follows = this.epoch === room.epoch && seq <= this.last + 1;
      if (this.first === void 0 && !this.complete) this.removeSent(() => true);
      else if (!follows) this.restart();
    }
    this.epoch = room.epoch;
  }
  // receive takes an entry of the room.
  receive(entry) {
    this.checkOrder(entry.seq);
    if (!entry.target) return this.insert(entry, this.told());
    this.noteSeq(entry.seq);
    this.amend(entry);
  }
  // checkCleared empties the list if the user has cleared the history: then the row of the
  // conversation has no entry any more. row: the one before.
  checkCleared(row) {
    var _a;
    if (((_a = this.row) == null ? void 0 : _a.entry) && (row == null ? void 0 : row.count) && !row.entry) this.restart();
    this.row = row;
  }
  // told returns the seq up to which the tags of what the server says now are complete.
  told() {
    var _a;
    const { seq = 0, last = 0 } = (_a = this.chat.rooms.get(this.room)) != null ? _a : {};
    return Math.max(seq, last);
  }
  // insert adds an entry at the index of its seq, unless it is there already. Its tags
  // are those after the entry tagged.
  insert(entry, tagged) {
    const { type, seq } = entry;
    this.noteSeq(seq);
    if (!this.types.includes(type)) return;
    let i = this.placed;
    while (i > 0 && this.items[i - 1].seq > seq) i--;
    if (i > 0 && this.items[i - 1].seq === seq) return;
    const item = this.makeItem(entry, tagged);
    const waiting = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id);
    this.placed++;
    if (waiting === i) return this.splice(i, 1, [item]);
    if (waiting >= 0) this.splice(waiting, 1, []);
    this.splice(i, 0, [item]);
  }
  // amend applies an entry that is about an earlier message. An edit has no body if its
  // message was recalled since, which another entry says, or is no longer kept. Of what
  // came while history was loaded nobody knows whether the history has it: early is true.
  amend(entry, early) {
    var _a;
    const { type, seq, target, body, tag } = entry;
    if (type === "tagged" && tag === void 0) return;
    const i = this.items.findIndex((item2, j) => j < this.placed && item2.seq === target);
    if (i < 0) {
      if (this.loads) this.miss(entry);
      return;
    }
    let item = this.items[i];
    if (item.type !== "message" || item.recalled) return;
    if (type === "recalled") {
      item = recall({ ...item });
    } else if (type === "edited") {
      if (body === void 0 || seq <= item.edited) return;
      item = { ...item, body, edited: seq };
    } else {
      if (seq <= item.tagged) return;
      const doubt = (early || entry.at <= item.sure) && (() => this.doubt(target));
      item = { ...item, tags: retag(item.tags, entry, (_a = this.chat.user) == null ? void 0 : _a.id, early, doubt), tagged: seq };
    }
    this.splice(i, 1, [item]);
  }
  // erase takes the name and the picture of a user out of what is shown.
  erase(user) {
    const bare = (it) => (it == null ? void 0 : it.id) === user ? { ...it, name: "", avatar: void 0 } : it;
    const strip = (it) => {
      var _a;
      return it && { ...it, from: bare(it.from), owner: bare(it.owner), users: (_a = it.users) == null ? void 0 : _a.map(bare) };
    };
    this.items.forEach((item, i) => {
      var _a;
      if (item.seq && [item.from, item.owner, ...(_a = item.users) != null ? _a : []].some((it) => (it == null ? void 0 : it.id) === user)) this.splice(i, 1, [{ ...strip(item), entry: strip(item.entry) }]);
    });
  }
  // miss keeps an entry while history is loaded, which may be older: the newest edit of each
  // message, and the newest entry of each user about each tag.
  miss(entry) {
    const { type, target, tag, shared, from } = entry;
    const key = JSON.stringify([type, target, tag, shared, from == null ? void 0 : from.id]);
    this.missed.delete(key);
    this.missed.set(key, entry);
  }
  // doubt has the tags of a message read again, once nothing has come for a while.
  doubt(seq) {
    if (!this.stops.length) return;
    this.doubted.add(seq);
    this.timer.set(this.calm * (1 + this.chat.clock.random()), () => this.recount());
  }
  // recount reads the tags again that are doubted. While they change it waits longer.
  recount() {
    var _a;
    if (!((_a = this.chat.rooms.get(this.room)) == null ? void 0 : _a.live)) return;
    this.calm = Math.min(this.calm * 2, maxCalm);
    for (const target of this.doubted) {
      this.doubted.delete(target);
      const item = this.items.find(({ seq }) => seq === target);
      const tagged = this.told();
      if (item) {
        this.chat.history(this.room, { before: target + 1, limit: 1 }).then(({ entries: [entry] }) => {
          const i = this.items.indexOf(item);
          if (i < 0) this.doubt(target);
          else if ((entry == null ? void 0 : entry.seq) === target) this.splice(i, 1, [this.makeItem(entry, tagged)]);
        }, ({ retry }) => retry !== false && this.doubt(target));
      }
    }
  }
  // updateOwn takes the new state of one of the user's own messages.
  updateOwn(message) {
    const item = this.makeItem(message);
    const i = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id);
    const { state, seq } = message;
    const gone = state === "discarded" || state === "sent" && this.isPast(seq);
    const last = this.items.length - 1;
    if (i < 0) {
      if (state === "sending" || state === "failed") this.splice(last + 1, 0, [item]);
    } else if (gone) {
      this.splice(i, 1, []);
    } else if (state === "sending" && i < last) {
      this.splice(i, 1, []);
      this.splice(last, 0, [item]);
    } else {
      this.splice(i, 1, [item]);
    }
  }
  // roomLive removes the sent messages whose entries belong to the history that
  // older() loads.
  roomLive(room) {
    this.checkOrder(room.seq + 1);
    for (const seq of this.doubted) this.doubt(seq);
    this.removeSent(({ seq }) => this.isPast(seq));
  }
  // restart empties the list, apart from messages that are not sent: the next
  // entries do not follow it, and what it shows may be wrong.
  restart() {
    const { placed } = this;
    this.reset();
    this.splice(0, placed, []);
    this.removeSent(() => true);
  }
  reset() {
    this.generation = {};
    this.placed = 0;
    this.first = void 0;
    this.last = 0;
    this.epoch = void 0;
    this.complete = false;
    this.doubted = /* @__PURE__ */ new Set();
    this.calm = slack;
    this.timer.clear();
    this.missed = /* @__PURE__ */ new Map();
  }
  noteSeq(seq) {
    var _a;
    this.first = Math.min(seq, (_a = this.first) != null ? _a : seq);
    this.last = Math.max(seq, this.last);
  }
  // isPast reports whether the room's entries up to seq were emitted.
  isPast(seq) {
    var _a;
    return seq <= ((_a = this.chat.rooms.get(this.room)) == null ? void 0 : _a.seq);
  }
  removeSent(matches) {
    for (let i = this.items.length - 1; i >= this.placed; i--) {
      if (this.items[i].state === "sent" && matches(this.items[i])) this.splice(i, 1, []);
    }
  }
  // makeItem returns the item of an entry, or of a message of the outbox, which has no
  // type. It has all that was given.
  makeItem(given, tagged) {
    const { type, seq, key } = given;
    const { user } = this.chat;
    const from = type ? given.from : user;
    const own = !type || user !== void 0 && (from == null ? void 0 : from.id) === user.id;
    const id = own && key ? `key ${key}` : `seq ${seq}`;
    const item = { type: "message", state: "sent", recalled: false, ...given, id, from, own, tagged, sure: this.chat.now() + this.chat.late + slack };
    if (type === "member" || type === "info") item.entry = given;
    return item.recalled ? recall(item) : item;
  }
  splice(index, removed, added) {
    if (!removed && !added.length) return;
    this.items.splice(index, removed, ...added);
    this.change(index, removed, added);
  }
};
var recall = (item) => Object.assign(item, { body: void 0, mentions: void 0, tags: void 0, recalled: true });
function retag(tags = [], { tag, value, shared, from }, me, early, doubt) {
  const old = tags.find((it) => it.tag === tag && !it.users === Boolean(shared));
  const set = value !== false;
  let made = set && { tag, value };
  if (!shared) {
    const { id } = from;
    const { users = 0, mine = false, some = [] } = old != null ? old : {};
    const others = some.filter((it) => it !== id);
    const own = id === me;
    const unknown = !own && others.length === some.length && users > some.length;
    if (unknown && doubt) doubt();
    if (unknown && early) return tags;
    const had = own ? mine : unknown ? !set : others.length < some.length;
    const now = users + set - had;
    made = now > 0 && { tag, users: now, mine: own ? set : mine, some: set ? [...others, id] : others };
  }
  const all = old ? tags.map((it) => it === old ? made : it) : [...tags, made];
  const kept = all.filter(Boolean).sort((a, b) => (a.users > 0) - (b.users > 0));
  return kept.length ? kept : void 0;
}
