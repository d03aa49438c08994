// Generated from clients/core by `make page`.
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
  ChatError: () => ChatError,
  Client: () => Client,
  Timeline: () => Timeline,
  wechat: () => wechat
});
module.exports = __toCommonJS(stdin_exports);

// core/error.js
var ChatError = class extends Error {
  constructor({ code, message, retry = false, field, uncertain = false }) {
    super(message != null ? message : code);
    this.name = "ChatError";
    this.code = code;
    this.retry = retry;
    this.field = field;
    this.uncertain = uncertain;
  }
};

// core/deferred.js
var Deferred = class {
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = (refusal) => reject(new ChatError(refusal));
    });
    this.promise.catch(() => {
    });
  }
};
function rejected(refusal) {
  const deferred = new Deferred();
  deferred.reject(refusal);
  return deferred.promise;
}

// core/emitter.js
var Emitter = class {
  constructor() {
    this.listeners = /* @__PURE__ */ new Map();
  }
  // on registers a listener for events of a type. It returns a function that
  // removes the listener.
  on(type, listener) {
    if (!this.listeners.has(type)) this.listeners.set(type, /* @__PURE__ */ new Set());
    this.listeners.get(type).add(listener);
    return () => this.listeners.get(type).delete(listener);
  }
  // emit calls the listeners of a type. If one throws, the others are still
  // called, and its error becomes an unhandled rejection.
  emit(type, event) {
    var _a;
    for (const listener of [...(_a = this.listeners.get(type)) != null ? _a : []]) {
      try {
        listener(event);
      } catch (err) {
        Promise.reject(err);
      }
    }
  }
};

// core/encode.js
function encode(frame) {
  return JSON.stringify(frame).replace(/\\(ud[89a-f]..|.)/g, (escape) => escape.length > 2 ? "�" : escape);
}
function exceedsBytes(text, limit) {
  if (text.length * 3 <= limit) return false;
  return encodeURIComponent(text).replace(/%../g, ".").length > limit;
}
function randomKey(random) {
  let key = "";
  while (key.length < 25) key += Math.floor(random() * 36 ** 5).toString(36).padStart(5, "0");
  return key;
}

// core/timer.js
var systemClock = {
  now: () => Date.now(),
  setTimeout: (run, delay) => setTimeout(run, delay),
  clearTimeout: (handle) => clearTimeout(handle),
  random: () => Math.random()
};
var lateAfter = 5e3;
var maxDelay = 2 ** 31 - 1;
var Timer = class {
  constructor(clock) {
    this.clock = clock;
  }
  // set calls run(late) after delay milliseconds. late is true if the app was
  // suspended in the meantime.
  set(delay, run) {
    this.clear();
    const wait = Math.min(delay, maxDelay);
    if (wait < delay) {
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

// core/link.js
var protocol = "chat.v1";
var openTimeout = 2e4;
var answerTimeout = 1e4;
var probeTimeout = 3e3;
var commandTimeout = 6e4;
var lost = { code: "lost", message: "the connection was lost", retry: 0 };
var otherProtocol = { code: "no_protocol", message: "the server did not agree on chat.v1", retry: 0 };
var dead = { code: "dead", message: "the server does not answer", retry: 0 };
var Link = class {
  // The callbacks in on: open; frame, for a frame that is no answer; alive, when
  // a probe was answered; end, once, with the reason.
  constructor(clock, on) {
    this.clock = clock;
    this.on = on;
    this.createdAt = clock.now();
    this.pending = /* @__PURE__ */ new Map();
    this.lastId = 0;
    this.maxFrame = Infinity;
    this.pingInterval = 0;
    this.pingSent = false;
    this.probing = false;
    this.paused = false;
    this.ended = false;
    this.timer = new Timer(clock);
    this.deadline = new Timer(clock);
    this.timer.set(openTimeout, () => this.end(dead));
  }
  get welcomed() {
    return this.pingInterval > 0 && !this.ended;
  }
  open(transport, url) {
    if (this.ended) return;
    const unlessEnded = (handle) => (what) => {
      if (!this.ended) handle(what);
    };
    try {
      this.socket = transport(url, [protocol], {
        open: unlessEnded((agreed) => {
          if (agreed !== protocol) return this.end(otherProtocol);
          this.awaitAnswer();
          this.on.open();
        }),
        message: unlessEnded((text) => this.receive(text)),
        error: unlessEnded(() => this.end(lost)),
        close: unlessEnded(() => this.end(lost))
      });
    } catch (e) {
      this.end(lost);
    }
    if (this.ended) this.closeSocket();
  }
  // welcome starts the pings.
  welcome({ ping, limits }) {
    this.pingInterval = ping;
    this.maxFrame = limits.message;
    this.timer.clear();
    this.nextPing();
  }
  // request sends a command and calls done(answer) once: with the server's answer,
  // or with the error lost, which is uncertain.
  request(type, fields, done) {
    const id = String(++this.lastId);
    const text = encode({ type, id, ...fields });
    if (exceedsBytes(text, this.maxFrame)) {
      return done({ type: "error", code: "too_large", message: `the frame has more than ${this.maxFrame} bytes`, retry: false });
    }
    this.pending.set(id, done);
    if (type !== "ping" && !this.deadline.handle) this.awaitCommands();
    this.write(text);
  }
  // send sends a command that needs no answer.
  send(type, fields) {
    this.write(encode({ type, ...fields }));
  }
  write(text) {
    if (this.ended) return;
    try {
      this.socket.send(text);
    } catch (e) {
      return this.end(lost);
    }
    if (!this.pingSent) this.nextPing();
  }
  receive(text) {
    const frame = parse(text);
    if (this.pingSent) {
      this.pingSent = false;
      this.nextPing();
    }
    if ((frame == null ? void 0 : frame.id) === void 0) {
      if (frame) this.on.frame(frame);
      return;
    }
    const done = this.pending.get(frame.id);
    this.pending.delete(frame.id);
    if (this.pending.size) this.awaitCommands();
    else this.deadline.clear();
    done == null ? void 0 : done(frame);
  }
  awaitAnswer() {
    this.timer.set(answerTimeout, (late) => late && this.welcomed ? this.probe() : this.end(dead));
  }
  // awaitCommands gives the connection up if commands wait and none is answered for
  // too long, even if pings are: their promises would never settle.
  awaitCommands() {
    this.deadline.set(commandTimeout, (late) => late ? this.awaitCommands() : this.end(dead));
  }
  // nextPing sets the next ping, one interval after our last frame.
  nextPing() {
    if (!this.welcomed || this.probing || this.paused) return;
    this.timer.set(this.pingInterval, (late) => {
      if (late) return this.probe();
      this.pingSent = true;
      this.awaitAnswer();
      this.send("ping");
    });
  }
  // probe sends a ping to find out whether the connection still works. Frames
  // other than its answer prove nothing, since they may have been received before
  // the app was suspended. If the deadline itself runs late, probe tries once more.
  probe(again = false) {
    if (this.probing && !again) return;
    this.pingSent = this.paused = false;
    this.probing = true;
    this.timer.set(probeTimeout, (late) => late && !again ? this.probe(true) : this.end(dead));
    this.request("ping", {}, ({ code }) => {
      if (!this.probing || code === lost.code) return;
      this.probing = false;
      this.nextPing();
      this.on.alive();
    });
  }
  // pause stops the pings. probe starts them again.
  pause() {
    this.paused = true;
    this.probing = this.pingSent = false;
    this.timer.clear();
  }
  end(reason) {
    if (this.ended) return;
    this.ended = true;
    this.deadline.clear();
    this.timer.clear();
    this.closeSocket();
    for (const done of this.pending.values()) done({ type: "error", uncertain: true, ...lost });
    this.pending.clear();
    this.on.end(reason);
  }
  closeSocket() {
    var _a;
    try {
      (_a = this.socket) == null ? void 0 : _a.close();
    } catch (e) {
    }
  }
};
function parse(text) {
  try {
    const frame = JSON.parse(text);
    return frame !== null && typeof frame === "object" ? frame : void 0;
  } catch (e) {
    return void 0;
  }
}

// core/outbox.js
var maxMessages = 500;
var maxChars = 3e5;
var left = { code: "left", message: "the room was left" };
var Outbox = class {
  constructor(chat) {
    this.chat = chat;
    this.messages = [];
    this.promises = /* @__PURE__ */ new Map();
    this.inFlight = /* @__PURE__ */ new Map();
    this.paused = /* @__PURE__ */ new Map();
  }
  send(room, body, key = randomKey(this.chat.clock.random)) {
    var _a;
    if (!this.chat.rooms.has(room)) return notJoined(room);
    const message = { room, key, body: JSON.parse(JSON.stringify(body)), at: this.chat.now(), user: (_a = this.chat.user) == null ? void 0 : _a.id };
    const all = this.all();
    const waiting = all.length;
    if (waiting >= maxMessages || waiting > 0 && JSON.stringify([...all, message]).length > maxChars) {
      return rejected({ code: "outbox_full", message: `${waiting} messages are waiting already` });
    }
    this.messages.push(message);
    return this.enqueue(message);
  }
  // retry sends a failed message again, as the newest.
  retry(key) {
    const i = this.messages.findIndex((message2) => message2.key === key && message2.state === "failed");
    if (i < 0) return rejected({ code: "not_found", message: "no failed message has this key" });
    const { room } = this.messages[i];
    if (!this.chat.rooms.has(room)) return notJoined(room);
    const [message] = this.messages.splice(i, 1);
    this.messages.push(message);
    return this.enqueue(message);
  }
  enqueue(message) {
    const deferred = new Deferred();
    this.promises.set(message.key, deferred);
    this.update(message, { state: "sending", code: void 0 });
    this.flush(message.room);
    return deferred.promise;
  }
  // discard deletes a message. If it is in flight, the server may still record it.
  discard(key) {
    const message = this.messages.find((message2) => message2.key === key);
    if (message) this.finish(message, { state: "discarded", code: "discarded" });
  }
  // flush sends the next message of a room.
  flush(name) {
    var _a;
    const { link } = this.chat;
    if (!(link == null ? void 0 : link.welcomed) || !((_a = this.chat.rooms.get(name)) == null ? void 0 : _a.joined)) return;
    if (this.inFlight.has(name) || this.paused.has(name)) return;
    const message = this.messages.find(({ room, state }) => room === name && state === "sending");
    if (!message) return;
    const { key, body } = message;
    this.inFlight.set(name, message);
    link.request("send", { room: name, key, body }, (answer) => {
      if (answer.code === lost.code || this.inFlight.get(name) !== message) return;
      this.inFlight.delete(name);
      if (answer.type === "ok") this.finish(message, { state: "sent", seq: answer.seq, at: answer.at });
      else if (!this.chat.rooms.has(name)) this.failRoom(name, left);
      else if (answer.code === "not_joined" && !this.chat.rooms.get(name).joined) return;
      else if (answer.retry === false) this.finish(message, { state: "failed", code: answer.code }, answer);
      else this.pause(name, answer.retry);
      this.flush(name);
    });
  }
  // pause stops sending in a room for delay milliseconds.
  pause(name, delay) {
    const timer = new Timer(this.chat.clock);
    this.paused.set(name, timer);
    timer.set(delay, () => this.resume(name));
  }
  resume(name) {
    var _a;
    (_a = this.paused.get(name)) == null ? void 0 : _a.clear();
    this.paused.delete(name);
    this.flush(name);
  }
  resumeAll() {
    for (const name of [...this.paused.keys()]) this.resume(name);
  }
  // confirm takes an entry of a room. If the entry is a message of this outbox, the
  // message is sent: its entry may arrive before the answer to send, or instead.
  confirm({ room, key, from, seq, at }) {
    var _a;
    if (!key || (from == null ? void 0 : from.id) !== ((_a = this.chat.user) == null ? void 0 : _a.id)) return;
    const message = this.messages.find((message2) => message2.key === key && message2.room === room);
    if (!message) return;
    this.finish(message, { state: "sent", seq, at });
    this.flush(room);
  }
  // failRoom fails the messages of a room that the user may not be in, or has left.
  // After leaving, a message in flight still waits for its answer: the server may
  // have recorded it.
  failRoom(name, refusal) {
    for (const message of this.messages.filter(({ room, state }) => room === name && state === "sending")) {
      if (refusal.code === "left" && this.inFlight.get(name) === message) continue;
      this.finish(message, { state: "failed", code: refusal.code }, refusal);
    }
  }
  // setUser fails the messages of another user: a message is never sent in the
  // name of a user who did not write it.
  setUser(user) {
    var _a;
    for (const message of [...this.messages]) {
      (_a = message.user) != null ? _a : message.user = user;
      if (message.user === user) continue;
      const refusal = { code: "other_user", message: "another user wrote this message" };
      this.finish(message, { state: "failed", code: refusal.code }, refusal);
    }
    if (this.messages.length) this.save();
  }
  // finish ends the sending of a message and settles its promise. Only a failed
  // message is kept.
  finish(message, change, refusal = change) {
    if (this.inFlight.get(message.room) === message) this.inFlight.delete(message.room);
    if (change.state !== "failed") this.messages.splice(this.messages.indexOf(message), 1);
    const deferred = this.promises.get(message.key);
    this.promises.delete(message.key);
    this.update(message, change);
    if (change.state === "sent") deferred == null ? void 0 : deferred.resolve({ ...message });
    else deferred == null ? void 0 : deferred.reject(refusal);
  }
  update(message, change) {
    Object.assign(message, change);
    this.save(message.key);
    this.chat.emit("outbox", { ...message });
  }
  // linkLost is called when the connection has ended. Messages in flight are sent
  // again over the next one, unless their room was left.
  linkLost() {
    const names = [...this.inFlight.keys()];
    this.inFlight.clear();
    for (const name of names) if (!this.chat.rooms.has(name)) this.failRoom(name, left);
  }
  // clear deletes the messages of the user, also those of rooms that are not joined.
  clear() {
    var _a;
    const user = (_a = this.chat.user) == null ? void 0 : _a.id;
    for (const { key } of [...this.messages]) this.discard(key);
    this.write(this.stored().filter((message) => user && message.user && message.user !== user));
  }
  // load takes the stored messages of a room that is joined now.
  load(room) {
    var _a;
    const user = (_a = this.chat.user) == null ? void 0 : _a.id;
    for (const message of this.others()) {
      if (message.room !== room || user && message.user && message.user !== user) continue;
      this.messages.push(message);
      this.chat.emit("outbox", { ...message });
    }
  }
  // save stores the messages of this outbox beside those of other clients. gone is
  // the key of a message that this outbox may no longer hold.
  save(gone) {
    this.write(this.all(gone));
  }
  all(gone) {
    return [...this.others(gone), ...this.messages];
  }
  // others returns the stored messages that this outbox does not hold.
  others(gone) {
    const held = /* @__PURE__ */ new Set([gone, ...this.messages.map(({ key }) => key)]);
    return this.stored().filter(({ key }) => !held.has(key));
  }
  stored() {
    var _a;
    try {
      return [...JSON.parse((_a = this.chat.store.get("outbox")) != null ? _a : "[]")].filter((message) => message == null ? void 0 : message.key);
    } catch (cause) {
      this.chat.storageFailed(cause);
      return [];
    }
  }
  write(messages) {
    this.chat.store.set("outbox", messages.length ? JSON.stringify(messages) : "");
  }
};
var notJoined = (room) => rejected({ code: "not_joined", message: `join ${room} first` });

// core/rooms.js
var maxRooms = 1e3;
var idleJoin = 1e3;
var Room = class {
  constructor(room, { epoch, after = 0 }, clock) {
    this.room = room;
    this.epoch = epoch;
    this.seq = after;
    this.old = after;
    this.joined = false;
    this.live = false;
    this.joining = false;
    this.joins = [];
    this.timer = new Timer(clock);
    this.read = this.unread = 0;
    this.write = this.moderate = false;
  }
  // joinFields are the fields of this room in hello and join.
  get joinFields() {
    return this.epoch === void 0 ? { room: this.room } : { room: this.room, epoch: this.epoch, after: this.seq };
  }
};
var Rooms = class {
  constructor(chat) {
    this.chat = chat;
    this.byName = /* @__PURE__ */ new Map();
  }
  join(name, from = {}) {
    let room = this.byName.get(name);
    if (!room) {
      if (this.byName.size === maxRooms) {
        return rejected({ code: "too_many_rooms", message: `a client can be in ${maxRooms} rooms` });
      }
      room = new Room(name, from, this.chat.clock);
      this.byName.set(name, room);
      this.chat.outbox.load(name);
    }
    const deferred = new Deferred();
    if (room.live) {
      deferred.resolve(room);
    } else {
      room.joins.push(deferred);
      if (!room.joined) this.sendJoin(room);
    }
    return deferred.promise;
  }
  leave(name) {
    const room = this.byName.get(name);
    if (room) {
      this.remove(room, left);
      this.chat.outbox.failRoom(name, left);
      if (room.joined || room.joining) return this.chat.request("leave", { room: name });
    }
    return Promise.resolve();
  }
  // helloRooms returns the rooms for hello.
  helloRooms() {
    return [...this.byName.values()].map((room) => room.joinFields);
  }
  // sendJoin joins the room, or gets the entries that are missing.
  sendJoin(room) {
    const { link } = this.chat;
    if (!(link == null ? void 0 : link.welcomed) || room.joining) return;
    room.joining = true;
    room.timer.clear();
    link.request("join", room.joinFields, (answer) => {
      if (answer.code === lost.code || !this.has(room)) return;
      room.joining = false;
      if (answer.type === "joined") this.applyState(room, answer);
      else this.refuse(room, answer);
    });
  }
  // welcome takes the states of the rooms of hello, and joins the rooms that hello
  // did not name.
  welcome(link, states) {
    for (const state of states) {
      if (this.chat.link !== link) return;
      const room = this.byName.get(state.room);
      if (!room) {
        if (!state.code) link.send("leave", { room: state.room });
      } else if (state.code) {
        this.refuse(room, state);
      } else {
        this.applyState(room, state);
      }
    }
    for (const room of [...this.byName.values()]) {
      if (!room.joined && !room.timer.handle) this.sendJoin(room);
    }
  }
  // applyState takes a room's state from welcome or joined. It emits the entries
  // first, then room. A listener may leave the room or close the client meanwhile.
  applyState(room, state) {
    const { chat } = this;
    const { link } = chat;
    const gap = state.gap || room.epoch !== void 0 && room.epoch !== state.epoch;
    if (room.epoch !== state.epoch) room.old = state.last;
    if (gap || room.epoch === void 0) {
      room.epoch = state.epoch;
      room.seq = state.entries.length ? state.entries[0].seq - 1 : state.last;
    }
    room.joined = true;
    room.live = false;
    for (const name of ["members", "read", "unread", "write", "moderate"]) room[name] = state[name];
    if (gap) chat.emit("gap", { room: room.room, epoch: room.epoch });
    const { seq } = room;
    const current = () => chat.link === link && this.has(room) && room.joined;
    for (const entry of state.entries) {
      if (!current()) return;
      this.emitEntry(room, entry);
    }
    if (!current()) return;
    if (state.more && state.type === "joined" && room.seq === seq) {
      room.timer.set(idleJoin, () => this.sendJoin(room));
    } else if (state.more) {
      this.sendJoin(room);
    } else if (!room.joining) {
      room.live = true;
      for (const deferred of room.joins.splice(0)) deferred.resolve(room);
      chat.emit("room", room);
    }
    chat.outbox.flush(room.room);
  }
  // receive takes a live entry. If entries before it are missing, it asks the server
  // for them.
  receive(entry) {
    const room = this.byName.get(entry.room);
    if (!(room == null ? void 0 : room.joined) || entry.seq <= room.seq) return;
    if (entry.seq > room.seq + 1) return this.sendJoin(room);
    this.emitEntry(room, entry);
    this.count(room, entry);
  }
  // emitEntry emits an entry, unless it was emitted before. A page of the server may
  // jump over entries that it has lost: to ask for them again would never end.
  emitEntry(room, entry) {
    if (entry.seq <= room.seq) return;
    this.chat.outbox.confirm(entry);
    room.seq = entry.seq;
    if (entryTypes.includes(entry.type)) this.chat.emit(entry.type, { ...entry, live: entry.seq > room.old });
  }
  // count counts a live entry as unread if it is a message or a notice of somebody
  // else. To send is to read: the user's own message moves the read mark, as it does
  // in the server, unless a service said it in the user's name.
  count(room, { type, seq, from, via, quiet }) {
    if (type === "message" && (from == null ? void 0 : from.id) === this.chat.user.id && !via) {
      this.chat.setReadMark({ room: room.room, seq, unread: 0 });
    } else if (!quiet && (type === "message" || type === "notice")) {
      room.unread++;
    }
  }
  // refuse gives a room up, or joins it again after retry. If only the next batch
  // of entries of a joined room was refused, the room stays as it is until then.
  refuse(room, { type, code, message, retry }) {
    if (retry === false) {
      this.remove(room, { code, message, retry });
      this.chat.outbox.failRoom(room.room, { code, message });
    } else {
      if (type !== "error") room.joined = room.live = false;
      room.timer.set(retry, () => this.sendJoin(room));
      if (room.joined) return;
    }
    this.chat.emit("removed", { room: room.room, code, message, retry });
  }
  removed(frame) {
    const room = this.byName.get(frame.room);
    if (room) this.refuse(room, frame);
  }
  remove(room, refusal) {
    this.byName.delete(room.room);
    room.timer.clear();
    room.live = false;
    for (const deferred of room.joins.splice(0)) deferred.reject(refusal);
  }
  // linkLost is called when the connection has ended.
  linkLost() {
    for (const room of this.byName.values()) {
      room.joined = room.live = room.joining = false;
      room.timer.clear();
    }
  }
  clear() {
    for (const room of [...this.byName.values()]) this.remove(room, { code: "left", message: "the user signed out" });
  }
  has(room) {
    return this.byName.get(room.room) === room;
  }
};
var entryTypes = ["message", "recalled", "notice"];

// core/store.js
var Store = class {
  constructor(storage, url, failed) {
    this.storage = storage;
    this.prefix = `caddy-chat ${url.split("?")[0]} `;
    this.failed = failed;
  }
  // get returns undefined if nothing is stored under the name.
  get(name) {
    return this.attempt(() => {
      var _a;
      return (_a = this.storage) == null ? void 0 : _a.getItem(this.prefix + name);
    }) || void 0;
  }
  // set stores text; an empty text removes the key.
  set(name, text) {
    this.attempt(() => {
      var _a, _b;
      if (text) (_a = this.storage) == null ? void 0 : _a.setItem(this.prefix + name, text);
      else (_b = this.storage) == null ? void 0 : _b.removeItem(this.prefix + name);
    });
  }
  attempt(access) {
    try {
      return access();
    } catch (cause) {
      this.failed(cause);
    }
  }
};

// core/client.js
var firstBackoff = 500;
var maxBackoff = 2e4;
var typingInterval = 3e3;
var maxHelloRooms = 48 * 1024;
var hintAfter = 3;
var youngLink = 3e3;
var Client = class extends Emitter {
  constructor({ url, transport, storage, watch, token, device, name, avatar, clock }) {
    super();
    if (!/^wss?:\/\//i.test(url)) throw new TypeError(`url is ${url}: it must begin with ws:// or wss://`);
    if (typeof transport !== "function") throw new TypeError("there is no transport: pass that of a platform, as in ...browser()");
    this.url = url;
    this.transport = transport;
    this.watch = watch;
    this.getToken = typeof token === "string" ? () => token : token;
    this.name = name;
    this.avatar = avatar;
    this.clock = { ...systemClock, ...clock };
    this.device = device != null ? device : randomKey(this.clock.random);
    this.ahead = 0;
    this.started = false;
    this.reason = void 0;
    this.suspended = false;
    this.resuming = false;
    this.lastState = "offline";
    this.connects = [];
    this.failures = 0;
    this.hinted = false;
    this.byeRetry = 0;
    this.endedAt = 0;
    this.timer = new Timer(this.clock);
    this.typingSent = /* @__PURE__ */ new Map();
    this.store = new Store(storage, url, (cause) => this.storageFailed(cause));
    this.token = void 0;
    this.tokenError = void 0;
    this.roomSet = new Rooms(this);
    this.outbox = new Outbox(this);
  }
  get state() {
    if (!this.started) return this.reason ? "closed" : "offline";
    if (this.suspended) return "suspended";
    if (!this.link) return "offline";
    return this.link.welcomed ? "online" : "connecting";
  }
  // now returns the time by the server's clock, as far as it is known: the clock of
  // the device may be wrong.
  now() {
    return this.clock.now() + this.ahead;
  }
  // rooms are the rooms that the user is in or wants to be in, by name.
  get rooms() {
    return this.roomSet.byName;
  }
  // connect goes online and stays online until close is called or the server says
  // that reconnecting is useless.
  connect() {
    var _a, _b;
    const deferred = new Deferred();
    if (this.state === "online") {
      deferred.resolve(this.user);
      return deferred.promise;
    }
    this.connects.push(deferred);
    if (!this.started) {
      this.tokenError = this.reason = void 0;
      this.hinted = false;
    }
    this.started = true;
    (_b = this.unwatch) != null ? _b : this.unwatch = (_a = this.watch) == null ? void 0 : _a.call(this, this);
    if (this.suspended) this.resume();
    else if (!this.link) this.scheduleOpen();
    return deferred.promise;
  }
  close() {
    var _a;
    this.stop({ code: "closed", message: "close was called" });
    (_a = this.unwatch) == null ? void 0 : _a.call(this);
    this.unwatch = void 0;
  }
  // forget closes the client and deletes everything it knows of the user.
  forget() {
    this.close();
    this.outbox.clear();
    this.roomSet.clear();
    this.token = this.user = void 0;
    this.store.set("token", "");
  }
  // suspend is called when the app goes to the background. The connection is kept
  // while it lasts, and not reopened when it ends.
  suspend() {
    var _a;
    if (!this.started) return;
    this.suspended = true;
    this.resuming = false;
    this.timer.clear();
    (_a = this.link) == null ? void 0 : _a.pause();
    this.emitState();
  }
  // resume is called when the app comes back to the foreground.
  resume() {
    var _a;
    if (this.suspended && !((_a = this.link) == null ? void 0 : _a.welcomed)) {
      this.suspended = false;
      this.dropLink();
      this.scheduleOpen();
    } else {
      this.resuming = this.suspended;
      this.check();
    }
  }
  // check is called when the connection may be broken, for example after the phone
  // has changed networks. A connection that does not answer soon is replaced.
  check() {
    if (!this.started || this.suspended && !this.resuming) return;
    const { link } = this;
    if (link == null ? void 0 : link.welcomed) return link.probe();
    if (link && this.clock.now() - link.createdAt < youngLink) return;
    this.dropLink();
    this.scheduleOpen();
  }
  join(room, from) {
    return this.roomSet.join(room, from);
  }
  leave(room) {
    return this.roomSet.leave(room);
  }
  // send sends a message now, or when the client is online again.
  send(room, body, { key } = {}) {
    return this.outbox.send(room, body, key);
  }
  retry(key) {
    return this.outbox.retry(key);
  }
  discard(key) {
    this.outbox.discard(key);
  }
  history(room, { before, after, limit } = {}) {
    return this.request("history", { room, before, after, limit }, (answer) => {
      for (const entry of answer.entries) this.outbox.confirm(entry);
    });
  }
  recall(room, seq) {
    return this.request("recall", { room, seq });
  }
  read(room, seq) {
    return this.request("read", { room, seq }, (answer) => this.setReadMark(answer));
  }
  // typing may be called with every key press.
  typing(room) {
    var _a;
    const now = this.clock.now();
    const ago = now - this.typingSent.get(room);
    if (!((_a = this.rooms.get(room)) == null ? void 0 : _a.joined) || ago >= 0 && ago < typingInterval) return;
    this.typingSent.set(room, now);
    this.link.send("typing", { room });
  }
  who(room) {
    return this.request("who", { room });
  }
  // mute, kick and ban take null instead of a room for the whole hub. Without any room
  // the server refuses them: what affects everybody must be asked for.
  mute(room = "", user, duration) {
    return this.request("mute", { room, user, for: duration });
  }
  kick(room = "", user) {
    return this.request("kick", { room, user });
  }
  ban(room = "", user, duration) {
    return this.request("ban", { room, user, for: duration });
  }
  // introduce changes what the user wants to be called. Only hello says that, so it
  // takes a new connection.
  introduce({ name, avatar }) {
    this.name = name;
    this.avatar = avatar;
    if (!this.link) return;
    this.dropLink();
    if (!this.suspended) this.scheduleOpen();
  }
  renew(token) {
    return this.request("renew", { token }, () => {
      this.token = token;
    });
  }
  // request sends any command and returns its answer. It is not repeated: if the
  // connection is lost meanwhile, or the server is uncertain, the command may have
  // been carried out.
  // onAnswer, if given, gets the answer before the promise resolves.
  request(type, fields, onAnswer) {
    var _a;
    const deferred = new Deferred();
    if ((_a = this.link) == null ? void 0 : _a.welcomed) {
      this.link.request(type, fields, (answer) => {
        if (answer.type === "error") return deferred.reject(answer);
        onAnswer == null ? void 0 : onAnswer(answer);
        deferred.resolve(answer);
      });
    } else {
      deferred.reject({ code: "offline", message: "there is no connection", retry: 0 });
    }
    return deferred.promise;
  }
  // scheduleOpen opens a connection: at once, unless a bye asked to wait.
  scheduleOpen() {
    const wait = Math.min(this.byeRetry, this.endedAt + this.byeRetry - this.clock.now());
    if (wait <= 0) return this.open();
    this.timer.set(wait, () => this.open());
    this.emitState({ retry: wait });
  }
  open() {
    var _a;
    this.timer.clear();
    this.dropLink();
    const link = new Link(this.clock, {
      open: () => this.sendHello(link),
      frame: (frame) => this.receive(frame),
      alive: () => this.probeAnswered(),
      end: (reason) => this.linkEnded(link, reason)
    });
    this.link = link;
    this.emitState();
    (_a = this.token) != null ? _a : this.token = this.getToken ? void 0 : this.store.get("token");
    if (this.token || !this.getToken) link.open(this.transport, this.url);
    else this.fetchToken(link);
  }
  // fetchToken gets the token from the app. Without a token the user is a guest.
  async fetchToken(link) {
    try {
      const token = await this.getToken(this.tokenError);
      this.token = token || this.store.get("token");
    } catch (cause) {
      this.tokenFailed(cause);
      return link.end(lost);
    }
    link.open(this.transport, this.url);
  }
  sendHello(link) {
    const { token, device, name, avatar } = this;
    let rooms = this.roomSet.helloRooms();
    while (exceedsBytes(encode(rooms), maxHelloRooms)) rooms = rooms.slice(0, rooms.length / 2);
    link.request("hello", { token, device, name, avatar, rooms }, (answer) => {
      var _a, _b;
      if (answer.type === "welcome") return this.welcome(link, answer);
      const [, i] = (_a = /^rooms\[(\d+)]/.exec(answer.field)) != null ? _a : [];
      const room = i && this.rooms.get((_b = rooms[i]) == null ? void 0 : _b.room);
      if (!room) return link.end(answer);
      this.roomSet.refuse(room, { ...answer, retry: false });
      if (!link.ended) this.sendHello(link);
    });
  }
  welcome(link, frame) {
    link.welcome(frame);
    this.failures = this.byeRetry = 0;
    this.ahead = frame.at - this.clock.now() || 0;
    this.tokenError = void 0;
    this.user = frame.user;
    this.session = frame.session;
    this.limits = frame.limits;
    if (frame.token) {
      this.token = frame.token;
      this.store.set("token", frame.token);
    }
    this.outbox.setUser(frame.user.id);
    for (const deferred of this.connects.splice(0)) deferred.resolve(frame.user);
    this.emitState();
    this.roomSet.welcome(link, frame.rooms);
  }
  probeAnswered() {
    if (this.resuming) this.suspended = this.resuming = false;
    this.emitState();
  }
  // dropLink gives up the connection, if there is one.
  dropLink() {
    const { link } = this;
    if (!link) return;
    this.link = void 0;
    this.roomSet.linkLost();
    this.outbox.linkLost();
    link.end(lost);
  }
  // linkEnded decides whether to reconnect after a connection has ended, and when.
  linkEnded(link, reason) {
    if (this.link !== link) return;
    this.dropLink();
    this.endedAt = this.clock.now();
    this.byeRetry = reason.retry || 0;
    if (reason.retry === false && !this.canReplaceToken(reason)) return this.stop(reason);
    if (this.resuming) this.suspended = this.resuming = false;
    const wait = this.byeRetry + this.clock.random() * Math.min(maxBackoff, firstBackoff * 2 ** this.failures++);
    if (!this.suspended) this.timer.set(wait, () => this.open());
    this.emitState({ code: reason.code, message: reason.message, retry: wait });
    if (!this.user && !this.hinted && this.failures >= hintAfter) this.hint(reason);
  }
  // hint says what to look at if there never was a connection: platforms do not tell
  // why a WebSocket failed.
  hint({ message }) {
    this.hinted = true;
    const url = this.url.split("?")[0];
    this.emit("error", new ChatError({ code: "unreachable", retry: 0, message: `no connection to ${url}: ${message}. Check the address and its path, the certificate, what the server answers there (403: its origins), and the domains that a mini program may use` }));
  }
  // canReplaceToken reports whether to reconnect with a new token: if the server
  // refused the token, the app is asked for another one, once.
  canReplaceToken({ code }) {
    if (code !== "bad_token" && code !== "expired") return false;
    const first = !this.tokenError;
    this.tokenError = code;
    this.token = void 0;
    return Boolean(this.getToken && first);
  }
  // stop closes the client until connect is called.
  stop({ code, message }) {
    this.started = this.suspended = this.resuming = false;
    this.reason = { code, message, retry: false };
    this.byeRetry = 0;
    this.timer.clear();
    this.dropLink();
    this.outbox.resumeAll();
    for (const deferred of this.connects.splice(0)) deferred.reject(this.reason);
    this.emitState(this.reason);
  }
  // emitState emits the state if it has changed.
  emitState(why) {
    const { state } = this;
    if (state === this.lastState) return;
    this.lastState = state;
    this.emit("state", { state, ...why });
  }
  // receive takes a frame that is not an answer.
  receive(frame) {
    const { type } = frame;
    if (handlers[type]) handlers[type](this, frame);
    else if (frame.room && frame.seq && frame.at) this.roomSet.receive(frame);
  }
  // setReadMark takes the user's read mark from a read frame or its answer, or from
  // the user's own message: the server's mark follows that a little later, so an older
  // mark is ignored. The server's unread count may include entries that have not
  // arrived yet.
  setReadMark(frame) {
    const room = this.rooms.get(frame.room);
    if (!room || frame.seq < room.read) return;
    room.read = frame.seq;
    room.unread = Math.min(frame.unread, Math.max(0, room.seq - frame.seq));
    this.emit("read", { room: room.room, seq: room.read, unread: room.unread });
  }
  async expiring(frame) {
    var _a;
    this.emit("expiring", frame);
    try {
      const token = await ((_a = this.getToken) == null ? void 0 : _a.call(this, "expiring"));
      if (token) await this.renew(token);
    } catch (cause) {
      this.tokenFailed(cause);
    }
  }
  tokenFailed(cause) {
    this.emit("error", new ChatError({ code: "no_token", message: `no token: ${cause == null ? void 0 : cause.message}`, retry: 0 }));
  }
  // storageFailed emits an error: what is stored will not survive the app. It waits
  // a moment, since the constructor may call it before the app can listen.
  async storageFailed(cause) {
    await void 0;
    this.emit("error", new ChatError({ code: "storage", message: `storage: ${cause == null ? void 0 : cause.message}` }));
  }
};
var handlers = {
  __proto__: null,
  // the key comes from the server
  bye: (chat, frame) => chat.link.end(frame),
  error: (chat, frame) => chat.emit("error", new ChatError(frame)),
  expiring: (chat, frame) => chat.expiring(frame),
  removed: (chat, frame) => chat.roomSet.removed(frame),
  read: (chat, frame) => chat.setReadMark(frame),
  typing: (chat, frame) => chat.emit("typing", frame),
  muted(chat, frame) {
    if (frame.for === 0) chat.outbox.resumeAll();
    chat.emit("muted", frame);
  },
  presence(chat, frame) {
    const room = chat.rooms.get(frame.room);
    if (!room) return;
    room.members = frame.members;
    chat.emit("presence", frame);
  }
};

// core/timeline.js
var Timeline = class {
  constructor(chat, room, change = () => {
  }) {
    this.chat = chat;
    this.room = room;
    this.change = change;
    this.reset();
    this.items = chat.outbox.messages.filter((message) => message.room === room).map((message) => this.outboxItem(message));
    const inRoom = (listener) => (event) => {
      if (event.room === room) listener(event);
    };
    this.stops = [
      chat.on("message", inRoom((entry) => this.receive(entry))),
      chat.on("notice", inRoom((entry) => this.receive(entry))),
      chat.on("recalled", inRoom((entry) => this.receive(entry))),
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
    if (type !== "message" && type !== "notice") return;
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
  entryItem({ type, seq, at, from, key, body, recalled = this.recalled.has(seq) }) {
    var _a;
    const own = from !== void 0 && from.id === ((_a = this.chat.user) == null ? void 0 : _a.id);
    const item = { id: own && key ? `key ${key}` : `seq ${seq}`, type, seq, at, from, own, key, body, recalled, state: "sent" };
    if (recalled) item.body = void 0;
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

// core/platforms/sockettask.js
function miniProgram(api, connect) {
  return {
    transport: (url, protocols, on) => adaptTask(connect({ url, protocols, fail: on.error }), on),
    storage: {
      getItem: (name) => api.getStorageSync(name),
      setItem: (name, text) => api.setStorageSync(name, text),
      removeItem: (name) => api.removeStorageSync(name)
    },
    watch(chat) {
      const show = () => chat.resume();
      const hide = () => chat.suspend();
      const check = () => chat.check();
      api.onAppShow(show);
      api.onAppHide(hide);
      api.onNetworkStatusChange(check);
      return () => {
        api.offAppShow(show);
        api.offAppHide(hide);
        api.offNetworkStatusChange(check);
      };
    }
  };
}
function adaptTask(task, on) {
  if (task.then) {
    const socket = task.then((it) => adaptTask(it, on));
    socket.catch(on.error);
    return {
      send: (text) => void socket.then((it) => it.send(text)).catch(on.error),
      close: () => void socket.then((it) => it.close()).catch(on.error)
    };
  }
  let closed = false;
  const close = () => task.close({ fail() {
  } });
  task.onOpen((event) => closed ? close() : on.open(protocolOf(event)));
  task.onMessage(({ data }) => on.message(data));
  task.onError(on.error);
  task.onClose(on.close);
  return {
    send: (data) => task.send({ data, fail: on.error }),
    close() {
      closed = true;
      close();
    }
  };
}
function protocolOf(event) {
  const header = event && event.header || {};
  const names = Object.keys(header);
  const name = names.find((it) => it.toLowerCase() === "sec-websocket-protocol");
  return names.length ? String(header[name]) : protocol2;
}
var protocol2 = "chat.v1";

// core/wechat.js
function wechat() {
  return miniProgram(wx, (options) => wx.connectSocket(options));
}
