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

// uniapp.js
var uniapp_exports = {};
__export(uniapp_exports, {
  uniapp: () => uniapp
});
module.exports = __toCommonJS(uniapp_exports);

// platforms/sockettask.js
function miniProgram(api, connect = (options) => api.connectSocket(options)) {
  if (!api) throw new TypeError("not a mini program");
  return {
    transport: (url, protocols, on) => adaptTask(connect({ url, protocols, fail: on.error }), on),
    storage: {
      getItem: (name) => api.getStorageSync(name),
      setItem: (name, text) => api.setStorageSync(name, text),
      removeItem: (name) => api.removeStorageSync(name)
    },
    // A host may lack any of these events, or refuse it. One that does not tell when the
    // app comes back must not suspend it either.
    watch(chat) {
      const stops = [];
      const listen = (name, listener) => {
        try {
          api[`on${name}`](listener);
          return stops.push(() => {
            var _a;
            return (_a = api[`off${name}`]) == null ? void 0 : _a.call(api, listener);
          });
        } catch (e) {
        }
      };
      if (listen("AppShow", () => chat.resume())) listen("AppHide", () => chat.suspend());
      listen("NetworkStatusChange", () => chat.check());
      return () => stops.forEach((stop) => {
        try {
          stop();
        } catch (e) {
        }
      });
    }
  };
}
function adaptTask(task, on) {
  const ready = Promise.resolve(task);
  const use = (run) => void ready.then(run).catch(on.error);
  use((it) => {
    if (!it) return;
    it.onOpen((event) => on.open(protocolOf(event)));
    it.onMessage(({ data }) => on.message(data));
    it.onError(on.error);
    it.onClose(on.close);
  });
  return {
    send: (data) => use((it) => it.send({ data, fail: on.error })),
    close: () => use((it) => it.close({ fail() {
    } }))
  };
}
function protocolOf(event) {
  var _a, _b;
  const header = (_a = event == null ? void 0 : event.header) != null ? _a : {};
  const names = Object.keys(header);
  return names.length ? (_b = header[names.find((name) => /^sec-websocket-protocol$/i.test(name))]) != null ? _b : "" : void 0;
}

// uniapp.js
function uniapp() {
  return miniProgram(typeof uni === "object" && uni);
}
