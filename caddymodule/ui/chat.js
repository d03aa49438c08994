import'./chat-WNLATOED.js';import'./chunk-XSYPVCA2.js';import'./chunk-SDOSUXGY.js';
