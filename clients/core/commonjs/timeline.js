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
var Timeline = class {
  constructor(chat, room, change = () => {
  }, types = []) {
    this.types = ["message", "notice", ...types];
    this.chat = chat;
    this.room = room;
    this.change = change;
    this.reset();
    this.items = chat.outbox.messages.filter((message) => message.room === room).map((message) => this.outboxItem(message));
    const inRoom = (listener) => (event) => {
      if (event.room === room) listener(event);
    };
    this.stops = [
      ...[...this.types, "recalled"].map((type) => chat.on(type, inRoom((entry) => this.receive(entry)))),
      chat.on("outbox", inRoom((message) => this.updateOwn(message))),
      chat.on("room", inRoom((room2) => this.roomLive(room2))),
      chat.on("gap", inRoom(() => this.restart()))
    ];
  }
  close() {
    for (const stop of this.stops) stop();
  }
  // more reports whether there may be older messages to load.
  get more() {
    return !this.complete && this.first !== 1;
  }
  // older loads history before the oldest item, and resolves to the number of items
  // that it added.
  async older(limit) {
    var _a, _b, _c;
    const { generation, first: before } = this;
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
    for (const entry of batch.entries.reverse()) this.insert(entry);
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
    if (entry.type === "recalled") this.recall(entry);
    else this.insert(entry);
  }
  // insert adds an entry at the index of its seq, unless it is there already.
  insert(entry) {
    const { type, seq } = entry;
    this.noteSeq(seq);
    if (!this.types.includes(type)) return;
    let i = this.placed;
    while (i > 0 && this.items[i - 1].seq > seq) i--;
    if (i > 0 && this.items[i - 1].seq === seq) return;
    const item = this.entryItem(entry);
    const waiting = this.items.findIndex(({ id }, j) => j >= this.placed && id === item.id);
    this.placed++;
    if (waiting === i) return this.splice(i, 1, [item]);
    if (waiting >= 0) this.splice(waiting, 1, []);
    this.splice(i, 0, [item]);
  }
  recall({ seq, target }) {
    this.noteSeq(seq);
    this.recalled.add(target);
    const i = this.items.findIndex((item, j) => j < this.placed && item.seq === target);
    if (i >= 0) this.splice(i, 1, [{ ...this.items[i], body: void 0, recalled: true }]);
  }
  // updateOwn takes the new state of one of the user's own messages.
  updateOwn(message) {
    const item = this.outboxItem(message);
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
    this.recalled = /* @__PURE__ */ new Set();
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
  entryItem(entry) {
    var _a;
    const { type, seq, at, from, key, body, recalled = this.recalled.has(seq) } = entry;
    const own = from !== void 0 && from.id === ((_a = this.chat.user) == null ? void 0 : _a.id);
    const item = { id: own && key ? `key ${key}` : `seq ${seq}`, type, seq, at, from, own, key, body, recalled, state: "sent" };
    if (recalled) item.body = void 0;
    if (type === "member" || type === "info") item.entry = entry;
    return item;
  }
  outboxItem({ key, seq, at, body, state, code }) {
    return { id: `key ${key}`, type: "message", seq, at, from: this.chat.user, own: true, key, body, recalled: false, state, code };
  }
  splice(index, removed, added) {
    if (!removed && !added.length) return;
    this.items.splice(index, removed, ...added);
    this.change(index, removed, added);
  }
};
