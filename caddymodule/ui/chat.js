import'./chat-4SR3SHXP.js';import'./chunk-OKEXNM3U.js';import'./chunk-SDOSUXGY.js';
