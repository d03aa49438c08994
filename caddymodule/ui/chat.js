import'./chat-M3GDP7WC.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
