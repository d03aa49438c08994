import'./chat-5EVOW4KK.js';import'./chunk-MU5UDLLS.js';
