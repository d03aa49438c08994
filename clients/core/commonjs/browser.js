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

// browser.js
var browser_exports = {};
__export(browser_exports, {
  browser: () => browser
});
module.exports = __toCommonJS(browser_exports);

// platforms/websocket.js
function adaptWebSocket(socket, on) {
  socket.onopen = () => on.open(socket.protocol);
  socket.onmessage = ({ data }) => on.message(data);
  socket.onerror = on.error;
  socket.onclose = on.close;
  return {
    send: (text) => socket.send(text),
    close: () => socket.close()
  };
}

// browser.js
function browser() {
  if (typeof WebSocket === "undefined") throw new TypeError("there is no WebSocket here");
  return {
    transport: (url, protocols, on) => adaptWebSocket(new WebSocket(url, protocols), on),
    storage: {
      getItem: (name) => storageFor(name).getItem(name),
      setItem: (name, text) => storageFor(name).setItem(name, text),
      removeItem: (name) => storageFor(name).removeItem(name)
    },
    // The client checks its connection when the page wakes up. A worker has no document,
    // and other hosts have neither that nor events.
    watch(chat) {
      const targets = [typeof self === "object" && self, typeof document === "object" && document];
      const check = () => {
        var _a;
        return ((_a = targets[1]) == null ? void 0 : _a.visibilityState) !== "hidden" && chat.check();
      };
      const each = (method) => {
        var _a;
        for (const type of ["online", "offline", "pageshow", "visibilitychange"]) {
          for (const target of targets) (_a = target == null ? void 0 : target[method]) == null ? void 0 : _a.call(target, type, check);
        }
      };
      each("addEventListener");
      return () => each("removeEventListener");
    }
  };
}
function storageFor(name) {
  return name.endsWith("outbox") ? sessionStorage : localStorage;
}
