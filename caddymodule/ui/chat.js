import'./chat-Q3AVGYA2.js';import'./chunk-SEG4XHNW.js';
