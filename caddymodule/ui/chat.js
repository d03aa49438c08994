import'./chat-DSPTUKFQ.js';import'./chunk-VUPRTNGX.js';
