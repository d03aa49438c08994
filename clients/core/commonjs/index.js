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

// index.js
var index_exports = {};
__export(index_exports, {
  ChatError: () => ChatError,
  Client: () => Client
});
module.exports = __toCommonJS(index_exports);

// error.js
var ChatError = class extends Error {
  constructor({ code, message = code, retry = false, field, uncertain = false }) {
    super(message);
    Object.assign(this, { name: "ChatError", code, retry, field, uncertain });
  }
};

// deferred.js
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

// encode.js
function encode(frame) {
  return JSON.stringify(frame).replace(/\\(ud[89a-f]..|.)/g, (escape) => escape.length > 2 ? "�" : escape);
}
function exceedsBytes(text, limit) {
  return encodeURIComponent(text).replace(/%../g, ".").length > limit;
}
function randomKey(random) {
  let key = "";
  while (key.length < 25) key += Math.floor(random() * 36).toString(36);
  return key;
}

// timer.js
var systemClock = {
  now: () => Date.now(),
  monotonic: () => (typeof performance === "object" && (performance == null ? void 0 : performance.now) ? performance : Date).now(),
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

// link.js
var lost = { code: "lost", message: "the connection was lost", retry: 0 };
var otherProtocol = { code: "no_protocol", message: "the server does not speak chat.v1", retry: 0 };
var dead = { code: "dead", message: "the server does not answer", retry: 0 };
function makeLink(clock, on) {
  const openTimeout = 2e4;
  const answerTimeout = 1e4;
  const probeTimeout = 3e3;
  const commandTimeout = 6e4;
  const protocol = "chat.v1";
  const createdAt = clock.monotonic();
  const pending = /* @__PURE__ */ new Map();
  const timer = new Timer(clock);
  const deadline = new Timer(clock);
  let socket;
  let lastId = 0;
  let maxFrame = Infinity;
  let pingInterval = 0;
  let pingSent = false;
  let probing = false;
  let paused = false;
  const link = {
    ended: false,
    get welcomed() {
      return pingInterval > 0 && !link.ended;
    },
    // age returns for how long there has been the link, in milliseconds.
    age: () => clock.monotonic() - createdAt,
    open(transport, url) {
      if (link.ended) return;
      const lostBy = (cause) => link.end({ ...lost, message: (cause == null ? void 0 : cause.errMsg) || (cause == null ? void 0 : cause.message) || lost.message });
      try {
        socket = transport(url, [protocol], {
          // What was closed while connecting may open all the same.
          open: (agreed) => link.ended ? closeSocket() : opened(agreed),
          message: (text) => link.ended || receive(text),
          error: lostBy,
          close: () => link.end(lost)
        });
      } catch (cause) {
        lostBy(cause);
      }
      if (link.ended) closeSocket();
    },
    // welcome starts the pings.
    welcome({ ping, limits }) {
      demand(ping > 0);
      pingInterval = ping;
      maxFrame = limits.message;
      timer.clear();
      nextPing();
    },
    // request sends a command and calls done(answer) once: with the server's answer,
    // or with the error lost, which is uncertain.
    request(type, fields, done) {
      const id = String(++lastId);
      const text = encode({ type, id, ...fields });
      if (exceedsBytes(text, maxFrame)) {
        return done({ type: "error", code: "too_large", message: `more than ${maxFrame} bytes`, retry: false });
      }
      pending.set(id, done);
      if (type !== "ping" && !deadline.handle) awaitCommands();
      write(text);
    },
    // send sends a command that needs no answer.
    send(type, fields) {
      write(encode({ type, ...fields }));
    },
    // probe sends a ping to find out whether the connection still works. Frames
    // other than its answer prove nothing, since they may have been received before
    // the app was suspended. If the deadline itself runs late, probe tries once more.
    probe(again = false) {
      if (probing && !again) return;
      pingSent = paused = false;
      probing = true;
      timer.set(probeTimeout, (late) => late && !again ? link.probe(true) : link.end(dead));
      link.request("ping", {}, ({ code }) => {
        if (!probing || code === lost.code) return;
        probing = false;
        nextPing();
        on.alive();
      });
    },
    // pause stops the pings. probe starts them again.
    pause() {
      paused = true;
      probing = pingSent = false;
      timer.clear();
    },
    end(reason) {
      if (link.ended) return;
      link.ended = true;
      deadline.clear();
      timer.clear();
      closeSocket();
      for (const done of pending.values()) done({ ...lost, type: "error", uncertain: true });
      pending.clear();
      on.end(reason);
    }
  };
  function opened(agreed) {
    if (agreed !== void 0 && agreed !== protocol) return link.end(otherProtocol);
    awaitAnswer();
    if (agreed) return on.open();
    link.request("hello", { rooms: [{ room: "" }] }, ({ code }) => {
      if (code === "bad_room") on.open();
      else link.end(otherProtocol);
    });
  }
  function write(text) {
    if (link.ended) return;
    try {
      socket.send(text);
    } catch (e) {
      return link.end(lost);
    }
    if (!pingSent) nextPing();
  }
  function receive(text) {
    if (pingSent) {
      pingSent = false;
      nextPing();
    }
    let command;
    try {
      const frame = JSON.parse(text);
      command = pending.get(frame.id);
      pending.delete(frame.id);
      if (!command) return frame.id ? void 0 : on.frame(frame);
      if (pending.size) awaitCommands();
      else deadline.clear();
      command(frame);
    } catch (cause) {
      const error = { type: "error", code: "bad_answer", message: `the server broke chat.v1: ${cause.message}`, retry: false, uncertain: true };
      if (command) command(error);
      else on.frame(error);
    }
  }
  function awaitAnswer() {
    timer.set(answerTimeout, (late) => late && link.welcomed ? link.probe() : link.end(dead));
  }
  function awaitCommands(again = false) {
    deadline.set(commandTimeout, (late) => late && !again ? awaitCommands(true) : link.end(dead));
  }
  function nextPing() {
    if (!link.welcomed || probing || paused) return;
    timer.set(pingInterval, (late) => {
      if (late) return link.probe();
      pingSent = true;
      awaitAnswer();
      link.send("ping");
    });
  }
  function closeSocket() {
    try {
      socket.close();
    } catch (e) {
    }
  }
  timer.set(openTimeout, () => link.end(dead));
  return link;
}
function demand(condition) {
  if (!condition) throw new TypeError("a field");
}

// outbox.js
var left = { code: "left", message: "the room was left" };
function makeOutbox(chat) {
  const maxMessages = 500;
  const maxChars = 3e5;
  const messages = [];
  const promises = /* @__PURE__ */ new Map();
  const inFlight = /* @__PURE__ */ new Map();
  const paused = /* @__PURE__ */ new Map();
  Object.assign(chat, {
    // send sends a message now, or when the client is online again. It makes room by
    // discarding the oldest messages that have failed. Who says something uses the app,
    // whether or not the host has told that it came to the foreground.
    send(room, body, { key = randomKey(chat.clock.random), reply, mentions, quiet } = {}) {
      var _a;
      if (chat.state === "suspended") chat.resume();
      if (!chat.rooms.has(room)) return notJoined(room);
      const said = JSON.parse(JSON.stringify({ body, reply, mentions, quiet }));
      const message = { room, key, ...said, at: chat.now(), user: (_a = chat.user) == null ? void 0 : _a.id };
      let waiting = all();
      while (waiting.length >= maxMessages || waiting.length && JSON.stringify([...waiting, message]).length > maxChars) {
        const failed = waiting.find(({ state }) => state === "failed");
        if (!failed) return rejected({ code: "outbox_full", message: `${waiting.length} messages wait` });
        chat.discard(failed.key);
        waiting = save(failed.key);
      }
      return enqueue(message);
    },
    // retry sends a failed message again, as the newest.
    retry(key) {
      const message = messages.find((message2) => message2.key === key && message2.state === "failed");
      if (!message) return rejected({ code: "not_found", message: "there is no such message" });
      if (!chat.rooms.has(message.room)) return notJoined(message.room);
      take(message);
      return enqueue(message);
    },
    // discard deletes a message. If it is in flight, the server may still record it.
    discard(key) {
      const message = messages.find((message2) => message2.key === key);
      if (message) finish(message, { state: "discarded", code: "discarded" });
    }
  });
  const outbox = {
    messages,
    // flush sends the next message of a room.
    flush(name) {
      var _a;
      const { link } = chat;
      if (!(link == null ? void 0 : link.welcomed) || !((_a = chat.rooms.get(name)) == null ? void 0 : _a.joined)) return;
      if (inFlight.has(name) || paused.has(name)) return;
      const message = messages.find(({ room, state }) => room === name && state === "sending");
      if (!message) return;
      const { key, body, reply, mentions, quiet } = message;
      inFlight.set(name, message);
      link.request("send", { room: name, key, body, reply, mentions, quiet }, (answer) => {
        const { code, retry } = answer;
        if (inFlight.get(name) !== message) return;
        demand(answer.type === "error" || answer.seq > 0);
        inFlight.delete(name);
        const room = chat.rooms.get(name);
        if (answer.type === "ok") finish(message, { state: "sent", seq: answer.seq, at: answer.at });
        else if (!room) outbox.failRoom(name, left);
        else if (code === lost.code || code === "not_joined" && !room.joined) return;
        else if (retry === false) fail(message, answer);
        else pause(name, retry);
        outbox.flush(name);
      });
    },
    resumeAll() {
      for (const name of [...paused.keys()]) resume(name);
    },
    // confirm takes an entry of a room. If the entry is a message of this outbox, the
    // message is sent: its entry may arrive before the answer to send, or instead.
    confirm({ room, key, from, seq, at }) {
      var _a;
      if (!key || (from == null ? void 0 : from.id) !== ((_a = chat.user) == null ? void 0 : _a.id)) return;
      const message = messages.find((message2) => message2.key === key && message2.room === room);
      if (!message) return;
      finish(message, { state: "sent", seq, at });
      outbox.flush(room);
    },
    // failRoom fails the messages of a room that the user may not be in, or has left.
    // After leaving, a message in flight still waits for its answer: the server may
    // have recorded it.
    failRoom(name, refusal) {
      for (const message of messages.filter(({ room, state }) => room === name && state === "sending")) {
        if (refusal !== left || inFlight.get(name) !== message) fail(message, refusal);
      }
    },
    // setUser fails the messages of another user: a message is never sent in the
    // name of a user who did not write it.
    setUser(user) {
      var _a;
      for (const message of [...messages]) {
        (_a = message.user) != null ? _a : message.user = user;
        if (message.user !== user) fail(message, { code: "other_user", message: "another user wrote it" });
      }
      if (messages.length) save();
    },
    // clear deletes the messages of the user, also those of rooms that are not joined.
    clear() {
      var _a;
      const user = (_a = chat.user) == null ? void 0 : _a.id;
      for (const { key } of [...messages]) chat.discard(key);
      write(stored().filter((message) => user && message.user && message.user !== user));
    },
    // load takes the stored messages of a room that is joined now.
    load(room) {
      var _a;
      const user = (_a = chat.user) == null ? void 0 : _a.id;
      for (const message of others()) {
        if (message.room !== room || user && message.user && message.user !== user) continue;
        messages.push(message);
        chat.emit("outbox", { ...message });
      }
    }
  };
  function enqueue(message) {
    const deferred = new Deferred();
    messages.push(message);
    promises.set(message.key, deferred);
    update(message, { state: "sending", code: void 0 });
    outbox.flush(message.room);
    return deferred.promise;
  }
  function pause(name, delay) {
    paused.set(name, new Timer(chat.clock));
    paused.get(name).set(delay, () => resume(name));
  }
  function resume(name) {
    paused.get(name).clear();
    paused.delete(name);
    outbox.flush(name);
  }
  function fail(message, refusal) {
    finish(message, { state: "failed", code: refusal.code }, refusal);
  }
  function finish(message, change, refusal = change) {
    if (inFlight.get(message.room) === message) inFlight.delete(message.room);
    if (change.state !== "failed") take(message);
    const deferred = promises.get(message.key);
    promises.delete(message.key);
    update(message, change);
    if (change.state === "sent") deferred == null ? void 0 : deferred.resolve({ ...message });
    else deferred == null ? void 0 : deferred.reject(refusal);
  }
  function take(message) {
    messages.splice(messages.indexOf(message), 1);
  }
  function update(message, change) {
    Object.assign(message, change);
    save(message.key);
    chat.emit("outbox", { ...message });
  }
  function save(gone) {
    const list = all(gone);
    write(list);
    return list;
  }
  function all(gone) {
    return [...others(gone), ...messages];
  }
  function others(gone) {
    return stored().filter(({ key }) => key !== gone && !messages.some((message) => message.key === key));
  }
  function stored() {
    var _a;
    try {
      return [...JSON.parse((_a = chat.store.get("outbox")) != null ? _a : "[]")].filter(isMessage);
    } catch (cause) {
      chat.store.failed(cause);
      return [];
    }
  }
  function write(list) {
    chat.store.set("outbox", list.length ? JSON.stringify(list) : "");
  }
  return outbox;
}
var isMessage = (it) => (it == null ? void 0 : it.room) && it.key && it.body !== void 0 && /^(sending|failed)$/.test(it.state);
var notJoined = (room) => rejected({ code: "not_joined", message: `join ${room} first` });

// rooms.js
var makeRoom = (room, { epoch, after = 0 }, clock) => ({
  room,
  epoch,
  // undefined until the server has sent it
  seq: after,
  // the last entry that was emitted
  old: after,
  // the last entry that was recorded before the client joined
  joined: false,
  // over the current connection
  live: false,
  // entries arrive as they are recorded
  timer: new Timer(clock),
  // the next join, after a refusal
  read: 0,
  unread: 0,
  write: false,
  moderate: false
  // And later: joining, while a join waits for its answer; joins, the Deferred of join,
  // until the room is live; typedAt, when typing was sent.
});
var infoFields = ["title", "avatar", "about", "closed"];
var stateFields = ["last", "members", "read", "unread", "write", "moderate", "role", "size", "with", "pins", ...infoFields];
function makeRooms(chat) {
  const maxRooms = 1e3;
  const idleJoin = 1e3;
  const othersJoin = 3e3;
  const byName = /* @__PURE__ */ new Map();
  Object.assign(chat, {
    rooms: byName,
    // those that the user is in or wants to be in
    join(name, from = {}) {
      let room = byName.get(name);
      if (!room) {
        if (byName.size === maxRooms) {
          return rejected({ code: "too_many_rooms", message: `at most ${maxRooms} rooms` });
        }
        room = makeRoom(name, from, chat.clock);
        byName.set(name, room);
        chat.outbox.load(name);
      }
      const { live, joined, joins = new Deferred() } = room;
      if (live) {
        joins.resolve(room);
      } else {
        room.joins = joins;
        if (!joined) sendJoin(room);
      }
      return joins.promise;
    },
    leave(name) {
      const room = byName.get(name);
      if (room) {
        remove(room, left);
        chat.outbox.failRoom(name, left);
        if (room.joined || room.joining) return chat.request("leave", { room: name });
      }
      return Promise.resolve();
    }
  });
  const rooms = {
    // welcome takes the states of the rooms of hello, and joins the rooms that hello
    // did not name.
    welcome(link, states) {
      for (const state of states) {
        if (chat.link !== link) return;
        const room = byName.get(state.room);
        if (!room) {
          if (!state.code) link.send("leave", { room: state.room });
        } else if (state.code) {
          rooms.refuse(room, state);
        } else {
          applyState(room, state);
        }
      }
      for (const room of [...byName.values()]) {
        if (!room.joined && !room.timer.handle) sendJoin(room);
      }
    },
    // receive takes a live entry. If entries before it are missing, it asks the server
    // for them. While pages are on their way, they bring it: as it is now, and with what
    // the room's state has counted already.
    receive(room, entry) {
      if (!room.joined || entry.seq <= room.seq) return;
      if (!room.live || entry.seq > room.seq + 1) return sendJoin(room);
      const { type, closed } = entry;
      const opens = type === "info" && !closed !== !room.closed;
      if (type === "info") for (const name of infoFields) room[name] = entry[name] || void 0;
      emitEntry(room, entry);
      count(room, entry);
      if ((opens || type === "member") && has(room)) changeRights(room, entry);
    },
    // read takes the user's read mark from a read frame or its answer, or from the
    // user's own message: the server's mark follows that a little later, so an older
    // mark is ignored. The server's unread count may include entries that have not
    // arrived yet.
    read({ room: name, seq, unread }) {
      demand(seq >= 0 && unread >= 0);
      const room = byName.get(name);
      if (!room || seq < room.read) return;
      room.read = seq;
      room.unread = Math.min(unread, Math.max(0, room.seq - seq));
      chat.emit("read", { room: name, seq, unread: room.unread });
    },
    // refuse gives a room up, or joins it again after retry. If only the next batch
    // of entries of a joined room was refused, the room stays as it is until then.
    refuse(room, { type, code, message, retry }) {
      if (retry === false) {
        remove(room, { code, message, retry });
        chat.outbox.failRoom(room.room, { code, message });
      } else {
        if (type !== "error") room.joined = room.live = false;
        room.timer.set(retry, () => sendJoin(room));
        if (room.joined) return;
      }
      chat.emit("removed", { room: room.room, code, message, retry });
    },
    // linkLost is called when the connection has ended.
    linkLost() {
      for (const room of byName.values()) {
        room.joined = room.live = room.joining = false;
        room.timer.clear();
      }
    }
  };
  function sendJoin(room) {
    const { link } = chat;
    if (!(link == null ? void 0 : link.welcomed) || room.joining) return;
    room.joining = true;
    room.timer.clear();
    link.request("join", joinFields(room), (answer) => {
      if (answer.code === lost.code || !has(room)) return;
      room.joining = false;
      if (answer.type === "error") rooms.refuse(room, answer);
      else applyState(room, answer);
    });
  }
  function applyState(room, state) {
    var _a;
    const { link } = chat;
    const { epoch, entries, last, more } = state;
    demand(epoch && last >= 0 && (!state.pins || state.pins.every(isNumber)));
    const gap = state.gap || room.epoch !== void 0 && room.epoch !== epoch;
    if (room.epoch !== epoch) room.old = last;
    if (gap || room.epoch === void 0) {
      room.epoch = epoch;
      room.seq = entries.length ? entries[0].seq - 1 : last;
    }
    room.joined = true;
    room.live = false;
    for (const name of stateFields) room[name] = state[name];
    if (gap) chat.emit("gap", { room: room.room, epoch });
    const { seq } = room;
    const current = () => chat.link === link && has(room) && room.joined;
    for (const entry of entries) {
      if (!current()) return;
      emitEntry(room, entry);
    }
    if (!current()) return;
    if (more && state.type && room.seq === seq) {
      room.timer.set(idleJoin, () => sendJoin(room));
    } else if (more) {
      sendJoin(room);
    } else if (!room.joining) {
      room.live = true;
      (_a = room.joins) == null ? void 0 : _a.resolve(room);
      room.joins = void 0;
      chat.emit("room", room);
    }
    chat.outbox.flush(room.room);
  }
  function emitEntry(room, entry) {
    checkEntry(entry);
    if (entry.seq <= room.seq) return;
    chat.outbox.confirm(entry);
    room.seq = entry.seq;
    if (entry.seq > room.last) setPin(room, entry);
    if (/^(message|recalled|notice|member|info|edited|tagged)$/.test(entry.type)) chat.emit(entry.type, { ...entry, live: entry.seq > room.old });
  }
  function count(room, { type, seq, from, via, quiet }) {
    if (type === "message" && from.id === chat.user.id && !via) {
      rooms.read({ room: room.room, seq, unread: 0 });
    } else if (!quiet && (type === "message" || type === "notice")) {
      room.unread++;
    }
  }
  function setPin(room, { type, target, tag, value, shared }) {
    var _a;
    const tagged = type === "tagged" && shared && tag === "pin";
    if (!tagged && type !== "recalled") return;
    const pins = ((_a = room.pins) != null ? _a : []).filter((seq) => seq !== target);
    if (tagged && value !== false) pins.push(target);
    room.pins = pins.length ? pins.sort((a, b) => a - b) : void 0;
  }
  function changeRights(room, { users, role, owner }) {
    const own = !users || users.some(({ id }) => id === chat.user.id);
    if ((owner == null ? void 0 : owner.id) === chat.user.id) role = "owner";
    if (own && role === "none") return;
    if (own && role) room.role = role;
    room.timer.set(own || role === "owner" ? 0 : chat.clock.random() * othersJoin, () => sendJoin(room));
  }
  function remove(room, refusal) {
    var _a;
    byName.delete(room.room);
    room.timer.clear();
    room.live = false;
    (_a = room.joins) == null ? void 0 : _a.reject(refusal);
  }
  function has(room) {
    return byName.get(room.room) === room;
  }
  return rooms;
}
var joinFields = ({ room, epoch, seq }) => epoch === void 0 ? { room } : { room, epoch, after: seq };
var isNumber = (n) => Number.isSafeInteger(n) && n > 0;
var isText = (text) => typeof text === "string";
var isTag = ({ tag, value, users, some }) => isText(tag) && (users === void 0 ? value !== void 0 : isNumber(users) && some.every(isText));
function checkEntry({ type, seq, at, from, reply = 1, mentions = [], edited = 1, tags = [], target, tag, value, shared, role, users }) {
  demand(isNumber(seq) && isNumber(at));
  if (type === "message") demand(isText(from.id) && [reply, edited].every(isNumber) && mentions.every(isText) && tags.every(isTag));
  if (/^(edited|tagged|recalled)$/.test(type)) demand(isNumber(target));
  if (type === "tagged" && tag !== void 0) demand(isText(tag) && value !== void 0 && (shared || isText(from.id)));
  if (type === "member") demand(role && users.every(({ id }) => isText(id)));
}

// connection.js
function makeConnection(chat, { url, transport, watch, token: given, device = randomKey(chat.clock.random) }) {
  const firstBackoff = 500;
  const maxBackoff = 2e4;
  const youngAge = 3e3;
  const maxHelloRooms = 48 * 1024;
  const hintAfter = 3;
  const { clock, outbox, roomSet, store } = chat;
  const getToken = typeof given === "string" ? () => given : given;
  const timer = new Timer(clock);
  let link;
  let started = false;
  let suspended = false;
  let resuming = false;
  let reason;
  let lastState = "offline";
  let connecting;
  let failures = 0;
  let byeRetry = 0;
  let endedAt = 0;
  let token;
  let tokenError;
  let unwatch;
  Object.assign(chat, {
    connect() {
      const { promise } = connecting != null ? connecting : connecting = new Deferred();
      if (!started) {
        tokenError = reason = void 0;
        chat.reported.delete("unreachable");
      }
      started = true;
      unwatch != null ? unwatch : unwatch = watch == null ? void 0 : watch(chat);
      if (suspended) chat.resume();
      else if (link == null ? void 0 : link.welcomed) settle();
      else if (!link) scheduleOpen();
      return promise;
    },
    close() {
      stop({ code: "closed", message: "close was called" });
      unwatch == null ? void 0 : unwatch();
      unwatch = void 0;
    },
    suspend() {
      if (!started) return;
      suspended = true;
      resuming = false;
      timer.clear();
      link == null ? void 0 : link.pause();
      emitState();
    },
    resume() {
      if (suspended && !(link == null ? void 0 : link.welcomed)) {
        suspended = false;
        scheduleOpen();
      } else {
        resuming = suspended;
        chat.check();
      }
    },
    check() {
      if (!started || suspended && !resuming) return;
      if (link == null ? void 0 : link.welcomed) return link.probe();
      if (!((link == null ? void 0 : link.age()) < youngAge)) scheduleOpen();
    }
  });
  const connection = {
    get state() {
      if (!started) return reason ? "closed" : "offline";
      if (suspended) return "suspended";
      if (!link) return "offline";
      return link.welcomed ? "online" : "connecting";
    },
    forget() {
      token = void 0;
      store.set("token", "");
    },
    // renew replaces the link, or the token of the next one.
    renew(next) {
      if (next) {
        token = next;
      } else if (link) {
        dropLink();
        if (!suspended) scheduleOpen();
      }
    },
    async expiring() {
      try {
        const next = await (getToken == null ? void 0 : getToken("expiring"));
        if (next) await chat.renew(next);
      } catch (cause) {
        tokenFailed(cause);
      }
    }
  };
  function scheduleOpen() {
    dropLink();
    const wait = endedAt + byeRetry - clock.monotonic();
    if (wait <= 0) return open();
    timer.set(wait, open);
    emitState({ retry: wait });
  }
  function open() {
    timer.clear();
    const next = makeLink(clock, {
      open: () => sendHello(next),
      frame: (frame) => chat.receive(frame),
      alive() {
        if (resuming) suspended = resuming = false;
        emitState();
      },
      end: (reason2) => linkEnded(next, reason2)
    });
    chat.link = link = next;
    emitState();
    if (getToken && !token) return fetchToken(next);
    token != null ? token : token = store.get("token");
    next.open(transport, url);
  }
  async function fetchToken(next) {
    try {
      token = await getToken(tokenError) || store.get("token");
    } catch (cause) {
      tokenFailed(cause);
      return next.end(lost);
    }
    next.open(transport, url);
  }
  function sendHello(next) {
    var _a;
    let rooms = [...chat.rooms.values()].map(joinFields);
    while (exceedsBytes(encode(rooms), maxHelloRooms)) rooms = rooms.slice(0, rooms.length / 2);
    next.request("hello", { token, device, name: chat.name, avatar: chat.avatar, rooms, list: (_a = chat.listPart) == null ? void 0 : _a.hello() }, (answer) => {
      var _a2, _b;
      if (answer.type !== "error") return welcome(next, answer);
      const room = chat.rooms.get((_b = rooms[(_a2 = /^rooms\[(\d+)/.exec(answer.field)) == null ? void 0 : _a2[1]]) == null ? void 0 : _b.room);
      if (!room) return next.end(answer);
      roomSet.refuse(room, { ...answer, retry: false });
      if (!next.ended) sendHello(next);
    });
  }
  function welcome(next, frame) {
    var _a;
    next.welcome(frame);
    failures = byeRetry = 0;
    tokenError = void 0;
    if (frame.token) {
      token = frame.token;
      store.set("token", token);
    }
    chat.welcome(frame);
    settle();
    emitState();
    roomSet.welcome(next, frame.rooms);
    if (chat.link === next) (_a = chat.listPart) == null ? void 0 : _a.welcome(frame.list);
  }
  function settle() {
    connecting == null ? void 0 : connecting.resolve(chat.user);
    connecting = void 0;
  }
  function dropLink() {
    var _a;
    const dropped = link;
    if (!dropped) return;
    chat.link = link = void 0;
    roomSet.linkLost();
    (_a = chat.listPart) == null ? void 0 : _a.linkLost();
    dropped.end(lost);
  }
  function linkEnded(ended, { code, message, retry }) {
    if (link !== ended) return;
    dropLink();
    endedAt = clock.monotonic();
    byeRetry = +retry || 0;
    if (retry === false && !canReplaceToken(code)) return stop({ code, message });
    if (resuming) suspended = resuming = false;
    const wait = byeRetry + clock.random() * Math.min(maxBackoff, firstBackoff * 2 ** failures++);
    if (!suspended) timer.set(wait, open);
    emitState({ code, message, retry: wait });
    if (!chat.user && failures >= hintAfter) {
      chat.report({ code: "unreachable", retry: 0, message: `no connection to ${url.split("?")[0]}: ${message}. Check its address, certificate, origins, domains` });
    }
  }
  function canReplaceToken(code) {
    if (code !== "bad_token" && code !== "expired") return false;
    const first = !tokenError;
    tokenError = code;
    token = void 0;
    return getToken && first;
  }
  function tokenFailed(cause) {
    chat.fail({ code: "no_token", message: `no token: ${cause == null ? void 0 : cause.message}`, retry: 0 });
  }
  function stop(refusal) {
    started = suspended = resuming = false;
    reason = { ...refusal, retry: false };
    byeRetry = 0;
    timer.clear();
    dropLink();
    outbox.resumeAll();
    connecting == null ? void 0 : connecting.reject(reason);
    connecting = void 0;
    emitState(reason);
  }
  function emitState(why) {
    const { state } = connection;
    if (state === lastState) return;
    lastState = state;
    chat.emit("state", { state, ...why });
  }
  return connection;
}

// emitter.js
var Emitter = class {
  constructor() {
    this.listeners = /* @__PURE__ */ new Map();
  }
  // on registers a listener for events of a type. It returns a function that
  // removes the listener.
  on(type, listener) {
    var _a;
    const listeners = (_a = this.listeners.get(type)) != null ? _a : /* @__PURE__ */ new Set();
    this.listeners.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
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

// store.js
function makeStore(storage, url, failed) {
  const attempt = (method, name, text) => {
    try {
      return storage == null ? void 0 : storage[method](`caddy-chat ${url.split("?")[0]} ${name}`, text);
    } catch (cause) {
      failed(cause);
    }
  };
  return {
    // get returns undefined if no text is stored under the name.
    get(name) {
      const text = attempt("getItem", name);
      return text && typeof text === "string" ? text : void 0;
    },
    // set stores text; an empty text removes the key.
    set: (name, text) => attempt(text ? "setItem" : "removeItem", name, text),
    failed
  };
}

// client.js
var typingInterval = 3e3;
var Client = class extends Emitter {
  constructor(options) {
    var _a;
    super();
    const { url, clock } = options;
    if (!/^wss?:\/\/[^\s/?#]+[^\s#]*$/i.test(url)) throw new TypeError(`url must begin with ws:// or wss://: ${url}`);
    if (typeof options.transport !== "function") throw new TypeError("there is no transport");
    this.name = options.name;
    this.avatar = options.avatar;
    this.clock = { ...systemClock, ...(clock == null ? void 0 : clock.now) && { monotonic: clock.now }, ...clock };
    this.ahead = this.clock.now() - this.clock.monotonic();
    this.late = 0;
    this.reported = /* @__PURE__ */ new Set();
    this.store = makeStore(options.storage, url, (cause) => this.report({ code: "storage", message: `storage: ${cause == null ? void 0 : cause.message}` }));
    this.outbox = makeOutbox(this);
    this.roomSet = makeRooms(this);
    this.listPart = (_a = options.list) == null ? void 0 : _a.call(options, this);
    this.connection = makeConnection(this, options);
  }
  get state() {
    return this.connection.state;
  }
  // now returns the time by the server's clock, as far as it is known: the clock of
  // the device may be wrong, and may be set while the client runs.
  now() {
    return this.clock.monotonic() + this.ahead;
  }
  // forget closes the client and deletes everything it knows of the user.
  forget() {
    var _a;
    this.close();
    this.outbox.clear();
    for (const room of [...this.rooms.keys()]) this.leave(room);
    this.user = void 0;
    (_a = this.listPart) == null ? void 0 : _a.forget();
    this.connection.forget();
  }
  history(room, range) {
    return this.request("history", { room, ...range }, (answer) => {
      answer.entries.forEach(checkEntry);
      for (const entry of answer.entries) this.outbox.confirm(entry);
    });
  }
  recall(room, seq) {
    return this.request("recall", { room, seq });
  }
  // edit replaces the body of a message.
  edit(room, seq, body) {
    return this.request("edit", { room, seq, body });
  }
  // tag adds a reaction or, with shared, a mark of the room's moderators; false removes it.
  tag(room, seq, tag, value = true, shared) {
    return this.request("tag", { room, seq, tag, value, shared });
  }
  read(room, seq) {
    return this.request("read", { room, seq }, (answer) => this.roomSet.read(answer));
  }
  // typing may be called with every key press.
  typing(room) {
    const known = this.rooms.get(room);
    const now = this.clock.monotonic();
    if (!(known == null ? void 0 : known.joined) || Math.abs(now - known.typedAt) < typingInterval) return;
    known.typedAt = now;
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
  // create founds a group. The same key means the same room, so it may be repeated.
  create({ key = randomKey(this.clock.random), ...fields } = {}) {
    return this.request("create", { key, ...fields });
  }
  // direct returns the conversation of two, with a user's id.
  direct(user) {
    return this.request("create", { direct: user });
  }
  members(room, range) {
    return this.request("members", { room, ...range });
  }
  // member gives users a role; none removes them.
  member(room, users, role) {
    return this.request("member", { room, users: [].concat(users), role });
  }
  // quit ends the membership, which leave does not.
  quit(room) {
    var _a;
    return this.member(room, (_a = this.user) == null ? void 0 : _a.id, "none");
  }
  info(room, fields) {
    return this.request("info", { room, ...fields });
  }
  set(room, fields) {
    return this.request("set", { room, ...fields });
  }
  // introduce changes what the user wants to be called. Only hello says that, so it
  // takes a new connection.
  introduce({ name, avatar }) {
    this.name = name;
    this.avatar = avatar;
    this.connection.renew();
  }
  renew(token) {
    return this.request("renew", { token }, () => this.connection.renew(token));
  }
  // request sends any command and returns its answer. It is not repeated: if the
  // connection is lost meanwhile, or the server is uncertain, the command may have
  // been carried out.
  // onAnswer, if given, gets the answer before the promise resolves.
  request(type, fields, onAnswer) {
    var _a;
    if (!((_a = this.link) == null ? void 0 : _a.welcomed)) return rejected({ code: "offline", message: "there is no connection", retry: 0 });
    const deferred = new Deferred();
    this.link.request(type, fields, (answer) => {
      if (answer.type === "error") return deferred.reject(answer);
      onAnswer == null ? void 0 : onAnswer(answer);
      deferred.resolve(answer);
    });
    return deferred.promise;
  }
  // welcome takes what the server says of the user and of itself.
  welcome(frame) {
    demand(frame.at > 0 && frame.user.id && frame.rooms.length >= 0);
    this.ahead = frame.at - this.clock.monotonic();
    this.late = this.link.age();
    this.user = frame.user;
    this.session = frame.session;
    this.limits = frame.limits;
    this.outbox.setUser(frame.user.id);
  }
  // receive takes a frame that is not an answer.
  receive(frame) {
    var _a;
    const { type } = frame;
    const room = this.rooms.get(frame.room);
    if (type === "bye") this.link.end(frame);
    else if (type === "error") frame.code === "bad_answer" ? this.report(frame) : this.fail(frame);
    else if (type === "removed") room && this.roomSet.refuse(room, frame);
    else if (type === "read") this.roomSet.read(frame);
    else if (type === "row" || type === "head") (_a = this.listPart) == null ? void 0 : _a.receive(frame);
    else if (frame.seq && frame.at) room && this.roomSet.receive(room, frame);
    else if (/^(presence|typing|erased|muted|expiring)$/.test(type)) {
      if (type === "typing") demand(frame.from.id);
      if (type === "erased") demand(frame.user);
      if (type === "presence") {
        demand(frame.joined.length + frame.left.length >= 0);
        if (!room) return;
        room.members = frame.members;
      }
      if (frame.for === 0) this.outbox.resumeAll();
      this.emit(type, frame);
      if (type === "expiring") this.connection.expiring();
    }
  }
  // fail emits an error that rejects no promise.
  fail(error) {
    this.emit("error", new ChatError(error));
  }
  // report does so once for each code.
  report(error) {
    if (!this.reported.has(error.code)) this.fail(error);
    this.reported.add(error.code);
  }
};
