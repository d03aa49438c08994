import'./chat-ZGSO22DE.js';
