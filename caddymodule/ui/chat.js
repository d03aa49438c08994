import'./chat-7OEDSKM6.js';import'./chunk-CMRHV2T6.js';
